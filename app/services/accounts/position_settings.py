"""Position mode and leverage, read and changed at the exchange.

No setting is stored here, so none can differ from the exchange's. Who asks, and limits, are looked at in a
transaction of the journal just before the exchange is asked. A refusal is raised with the exchange's reason. Where it gave no
answer, it is not known whether the change was made; repeating the request does no harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

import structlog

from app.connectors.base import Connector
from app.connectors.registry import connector_class
from app.domain.audit import AuditRecord
from app.domain.enums import PositionMode
from app.domain.errors import (
    ChangeRefused,
    ExchangeReadError,
    ExchangeReadTimeout,
    InvalidArgument,
    OrdergateError,
    OrderRefused,
)
from app.domain.order import AccountKey
from app.domain.safety.scope import Place
from app.domain.wording import in_words
from app.journal.journal import Journal
from app.journal.units.settings import PermitSetting
from app.services.markets.readings import read_error
from app.services.markets.rules import Rules
from app.services.sessions import Sessions
from app.settings import Settings

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")


#: Which connectors have positions.
_PERPETUALS = (
    "Perpetual connectors have _perpetual in their names, such as paper_perpetual; GET /connectors/ lists them"
)


class PositionSettings:
    """The verbs position_mode, set_position_mode and set_leverage."""

    def __init__(self, *, journal: Journal, sessions: Sessions, rules: Rules, settings: Settings) -> None:
        self._journal = journal
        self._sessions = sessions
        self._rules = rules
        self._timeout: timedelta = settings.exchange_timeout

    async def position_mode(self, account: AccountKey) -> PositionMode:
        """The mode that the account is in, as its exchange says now.

        Raises ``InvalidArgument`` for a connector without one, ``UnknownAccount``, ``UnknownConnector``,
        ``ConnectorNotConfigured`` or ``ExchangeReadFailed``.
        """
        connector = await self._connector(account, "fetch_position_mode", "position mode")
        try:
            return await self._within_limit(connector.fetch_position_mode())
        except Exception as fault:
            # Whatever an SDK raises, the question was not answered; it is raised as an error of the tree.
            raise read_error(account.connector_name, fault) from fault

    async def set_position_mode(
        self, account: AccountKey, wanted: str, record: AuditRecord | None = None
    ) -> PositionMode:
        """Set the account's mode to ``wanted``, in any of the spellings that callers use, for who asks by ``record``, and return
        the mode.

        Raises as ``position_mode`` does, ``ChangeRefused`` with the exchange's reason, and ``KeyRevoked`` or ``CallerChanged``.
        """
        mode = position_mode_of(wanted)
        connector = await self._connector(account, "set_position_mode", "position mode")
        supported = connector.capabilities.position_modes
        if mode not in supported:
            raise InvalidArgument(
                f"Position mode '{mode}' not supported. Supported modes: {[str(each) for each in supported]}"
            )
        await self._journal.decide(PermitSetting(record=record, place=Place(*account, "")))
        await self._change(connector, connector.set_position_mode(mode), "position mode")
        log.info(
            "position mode set",
            account_name=account.account_name,
            connector_name=account.connector_name,
            mode=str(mode),
        )
        return mode

    async def set_leverage(
        self, account: AccountKey, trading_pair: str, leverage: int, record: AuditRecord | None = None
    ) -> None:
        """Set the account's leverage on a pair.

        Raises as ``set_position_mode`` does, ``UnsupportedPair``, ``RulesNotLoaded`` while the pairs are not known yet, and
        ``LimitExceeded``.
        """
        connector = await self._connector(account, "set_leverage", "leverage setting")
        await self._rules.rule(account.connector_name, trading_pair)
        place = Place(*account, trading_pair, None if record is None else record.actor.key_id)
        await self._journal.decide(PermitSetting(record=record, place=place, leverage=Decimal(leverage)))
        await self._change(connector, connector.set_leverage(trading_pair, leverage), f"leverage of {trading_pair}")
        log.info(
            "leverage set",
            account_name=account.account_name,
            connector_name=account.connector_name,
            trading_pair=trading_pair,
            leverage=leverage,
        )

    async def _connector(self, account: AccountKey, verb: str, feature: str) -> Connector:
        connector_name = account.connector_name
        kind = connector_class(connector_name)
        if not kind.capabilities.is_perpetual:
            raise InvalidArgument(f"Connector '{connector_name}' is not a perpetual connector", hint=_PERPETUALS)
        if not kind.has_verb(verb):
            raise InvalidArgument(f"Connector '{connector_name}' does not support {feature}")
        return await self._sessions.connector(account)

    async def _change(self, connector: Connector, change: Awaitable[None], what: str) -> None:
        try:
            await self._within_limit(change)
        except OrderRefused as refusal:
            raise ChangeRefused(refusal.detail) from refusal
        except OrdergateError:
            raise
        except TimeoutError as fault:
            raise ExchangeReadTimeout(
                f"{connector.name} did not answer in time; whether the {what} was changed is not known"
            ) from fault
        except Exception as fault:
            # Whatever an SDK raises, it is not known whether the change was made.
            log.warning("setting in doubt", connector_name=connector.name, error=type(fault).__name__, text=str(fault))
            raise ExchangeReadError(
                f"{connector.name} did not answer: {in_words(fault)}; whether the {what} was changed is not known"
            ) from fault

    async def _within_limit(self, call: Awaitable[Answer]) -> Answer:
        async with asyncio.timeout(self._timeout.total_seconds()):
            return await call


def position_mode_of(text: str) -> PositionMode:
    """The mode that ``text`` names: ONEWAY or HEDGE, in either case, and ONE-WAY and ONE_WAY too. Raises ``InvalidArgument``."""
    plain = text.strip().upper().replace("-", "").replace("_", "").replace(" ", "")
    try:
        return PositionMode(plain)
    except ValueError:
        raise InvalidArgument(f"Invalid position mode '{text}'. Must be 'HEDGE' or 'ONEWAY'") from None
