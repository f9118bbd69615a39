"""Open positions, read from their exchanges side by side and within a time limit.

Positions are not cached. An exchange that can't be asked is never left out: its problem is returned beside the positions of the
others, and where none of them answered the question fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import structlog

from app.concurrency.single_flight import SingleFlight
from app.connectors.registry import connector_class
from app.domain.errors import ExchangeReadError, OrdergateError, UnknownConnector, UnsupportedConnector
from app.domain.order import AccountKey
from app.domain.reports import Position
from app.services.markets.readings import read_error
from app.services.sessions import Sessions
from app.settings import Settings
from app.storage import cursors
from app.storage.accounts import Accounts
from app.storage.records import Page

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPosition:
    """A position with the account and connector that hold it."""

    account_name: str
    connector_name: str
    position: Position

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What positions are sorted by, and what a page's cursor holds."""
        return (self.account_name, self.connector_name, self.position.trading_pair, self.position.side)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """An account on a connector whose exchange could not be asked, and why."""

    account_name: str
    connector_name: str
    problem: OrdergateError


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionPage:
    """One page of the positions as they are now. ``errors`` names the accounts whose positions are not known, on every page."""

    page: Page[AccountPosition]
    errors: tuple[Unanswered, ...]


class Positions:
    """The verb page."""

    def __init__(self, *, accounts: Accounts, sessions: Sessions, settings: Settings) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._timeout = settings.exchange_timeout
        self._flights: SingleFlight[AccountKey, Sequence[Position]] = SingleFlight()

    async def page(
        self,
        account_names: Collection[str],
        connector_names: Collection[str],
        trading_pairs: Collection[str] = (),
        *,
        limit: int,
        cursor: str | None,
    ) -> PositionPage:
        """The open positions of the named accounts on the named connectors in the named pairs, of all of them without names, by
        account, connector, pair and side.

        Raises ``InvalidCursor``, or ``ExchangeReadError`` where there are exchanges to ask and none answered.
        """
        after = None if cursor is None else cursors.decode_names(cursor, 4)
        accounts = await asyncio.to_thread(self._perpetual_accounts, account_names, connector_names)
        answers = await asyncio.gather(*[self._ask(account) for account in accounts])
        errors = tuple(each for each in answers if isinstance(each, Unanswered))
        if errors and len(errors) == len(accounts):
            raise _no_exchange_answered(errors)
        found = sorted(
            (
                each
                for answer in answers
                if not isinstance(answer, Unanswered)
                for each in answer
                if not trading_pairs or each.position.trading_pair in trading_pairs
            ),
            key=lambda each: each.key,
        )
        left = [each for each in found if after is None or each.key > after]
        shown = left[:limit]
        page = Page(
            items=tuple(shown),
            total_count=len(found),
            next_cursor=cursors.encode_names(*shown[-1].key) if len(left) > limit else None,
        )
        return PositionPage(page=page, errors=errors)

    async def close(self) -> None:
        """Cancel the requests that are under way."""
        await self._flights.close()

    def _perpetual_accounts(self, account_names: Collection[str], connector_names: Collection[str]) -> list[AccountKey]:
        return [
            account
            for account in self._accounts.all_credentials()
            if (not account_names or account.account_name in account_names)
            and (not connector_names or account.connector_name in connector_names)
            and _is_perpetual(account.connector_name)
        ]

    async def _ask(self, account: AccountKey) -> list[AccountPosition] | Unanswered:
        account_name, connector_name = account
        try:
            positions = await self._flights.run(account, lambda: self._fetch(account))
        except Exception as fault:  # noqa: BLE001 - whatever an SDK raises, this exchange was not read; the result says so
            problem = read_error(connector_name, fault)
            log.warning(
                "positions not read",
                account_name=account_name,
                connector_name=connector_name,
                error=type(fault).__name__,
                problem=problem.detail,
            )
            return Unanswered(account_name=account_name, connector_name=connector_name, problem=problem)
        return [
            AccountPosition(account_name=account_name, connector_name=connector_name, position=position)
            for position in positions
        ]

    async def _fetch(self, account: AccountKey) -> Sequence[Position]:
        async with asyncio.timeout(self._timeout.total_seconds()):
            connector = await self._sessions.connector(account)
            return await connector.fetch_positions()


def _is_perpetual(connector_name: str) -> bool:
    try:
        return connector_class(connector_name).capabilities.is_perpetual
    except (UnknownConnector, UnsupportedConnector):
        # Another version stored its credentials. By its name it may hold positions, so asking it must fail visibly.
        return "_perpetual" in connector_name


def _no_exchange_answered(errors: Sequence[Unanswered]) -> ExchangeReadError:
    problems = "; ".join(f"{each.account_name}/{each.connector_name}: {each.problem.detail}" for each in errors)
    return ExchangeReadError(f"No exchange could be asked about positions. {problems}")
