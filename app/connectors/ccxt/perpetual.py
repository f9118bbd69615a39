"""The verbs that only perpetuals have."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from app.connectors.ccxt import reports
from app.connectors.ccxt.connector import CcxtConnector
from app.connectors.ccxt.markets import PAGE
from app.connectors.common.lists import of_object, read_rows
from app.connectors.common.numbers import mapping, milliseconds_of
from app.connectors.rows import Rows
from app.domain.enums import PositionMode
from app.domain.errors import OrderRefused, UnsupportedFeature
from app.domain.reports import FundingInfo, FundingPayment, Position

_MILLISECOND = timedelta(milliseconds=1)

#: In so short a time no account is paid more often than a page has rows, unless it holds as many positions.
_SHORTEST = timedelta(minutes=30)


class CcxtPerpetual(CcxtConnector):
    """One account on the perpetuals of an exchange."""

    async def fetch_positions(self) -> Sequence[Position]:
        pairs = await self._pairs()
        payload = await self.calls.ask("asked", verb="fetch_positions", arguments=(None,))
        with self._reading():
            found = read_rows(payload, of_object(partial(reports.position, pairs=pairs)))
        self.venue.odd_rows.note("positions", found.unreadable)
        return Rows.of([each for each in found if each is not None], found.unreadable)

    async def fetch_funding_payments(self, since: datetime) -> Sequence[FundingPayment]:
        if not self.row.tells_funding:
            raise UnsupportedFeature(f"{self.row.title} lists payments of funding only pair by pair")
        pairs = await self._pairs()
        payload: list[Any] = []
        for begun, _ in self._windows(milliseconds_of(since), self.row.funding_window):
            payload += await self._funding_from(begun, self.row.funding_window)
        with self._reading():
            read = partial(reports.funding_payment, pairs=pairs, is_cost=self.row.funding_is_cost)
            found = read_rows(payload, of_object(read))
        self.venue.odd_rows.note("funding payments", found.unreadable)
        return found

    async def _funding_from(self, begun: int, window: timedelta | None) -> list[Any]:
        """The payments of ``window`` from ``begun`` on, in milliseconds; in halves of it, where there are more than a page."""
        params: dict[str, Any] = {**self.row.funding_parameters}
        if window is not None:
            params["until"] = begun + window // _MILLISECOND
        found: list[Any] = await self.calls.ask(
            "asked", verb="fetch_funding_history", arguments=(None, begun, PAGE), params=params
        )
        if window is None or len(found) < PAGE or window <= _SHORTEST:
            return found
        half = window / 2
        return [*await self._funding_from(begun, half), *await self._funding_from(begun + half // _MILLISECOND, half)]

    async def fetch_funding_info(self, trading_pair: str) -> FundingInfo:
        payload = await self._public(trading_pair, "fetch_funding_rate")
        with self._reading():
            return reports.funding_info(mapping(payload), trading_pair)

    async def set_leverage(self, trading_pair: str, leverage: int) -> None:
        symbol = (await self.venue.listed(trading_pair, self.name)).symbol(trading_pair)
        self._demand(await self.venue.public_client(), "setLeverage")
        try:
            await self.calls.change("signed", verb="set_leverage", arguments=(leverage, symbol))
        except OrderRefused as error:
            if error.exchange_code not in self.row.unchanged:
                raise

    async def fetch_position_mode(self) -> PositionMode:
        """The family trades in one-way mode."""
        return PositionMode.ONEWAY
