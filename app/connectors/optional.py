"""The verbs that a connector need not have: what it tells of markets, and perpetuals. The rest of its contract is in ``base``."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar

from app.connectors.capabilities import MarketTopic
from app.domain.enums import PositionMode, TradeType
from app.domain.errors import UnsupportedFeature
from app.domain.order import Order, OrderRef
from app.domain.reports import (
    Candle,
    FeeRates,
    FundingInfo,
    FundingPayment,
    MarketEvent,
    OrderBook,
    OrderReport,
    Position,
    PublicTrade,
    Ticker,
)


class OptionalVerbs:
    """A connector that lacks one of these raises ``UnsupportedFeature``."""

    name: ClassVar[str]

    # Public data.

    async def fetch_ticker(self, trading_pair: str) -> Ticker:
        raise self._unsupported("tickers")

    async def fetch_order_book(self, trading_pair: str, depth: int) -> OrderBook:
        raise self._unsupported("order books")

    async def fetch_candles(
        self,
        trading_pair: str,
        interval: str,
        *,
        limit: int,
        start_at: datetime | None = None,
        end_at: datetime | None = None,
    ) -> Sequence[Candle]:
        """One page of candles, oldest first: at most ``limit``, and at most ``candles_page``.

        With ``start_at`` the first ones that open at or after it, else the last ones; with ``end_at`` none that opens after it.
        Fewer than were asked for means that there are no more. ``services.markets.candle_pages`` puts pages together.
        """
        raise self._unsupported("candles")

    async def fetch_recent_trades(self, trading_pair: str, limit: int) -> Sequence[PublicTrade]:
        """The market's last trades, at most ``limit`` of them, oldest first."""
        raise self._unsupported("market trades")

    async def fetch_tickers(self) -> Sequence[Ticker]:
        """The tickers of all pairs that are trading, in one call."""
        raise self._unsupported("the tickers of all pairs")

    def follow(self, topic: MarketTopic) -> AsyncGenerator[MarketEvent, None]:
        """What happens in a market, as it happens, until the iterator is closed; all followers share the exchange's connection.

        Yields ``Gap`` first, after every reconnect, and wherever something may have been missed: the reader then fetches the
        market anew, and the events that follow go on from there, though they may repeat. Yields ``Lost`` when the stream goes
        down. A book or a ticker is always whole and needs no fetch. Raises ``UnsupportedFeature`` where there is nothing to
        follow, and what ``fetch_`` raises.
        """
        raise self._unsupported("market streams")

    @classmethod
    def has_verb(cls, name: str) -> bool:
        """Whether this connector has the optional verb ``name``, such as ``fetch_candles``."""
        return getattr(cls, name) is not getattr(OptionalVerbs, name)

    # Orders.

    async def fetch_orders(self, refs: Sequence[OrderRef]) -> Mapping[str, OrderReport]:
        """What a few lists tell of orders that were taken a moment ago, by their ``order_id``, with such of their fills as are in
        them. That an order is not among them says nothing.
        """
        raise self._unsupported("questions about several orders")

    # Perpetuals.

    async def fetch_positions(self) -> Sequence[Position]:
        raise self._unsupported("positions")

    async def fetch_funding_payments(self, since: datetime) -> Sequence[FundingPayment]:
        raise self._unsupported("funding payments")

    async def fetch_funding_info(self, trading_pair: str) -> FundingInfo:
        raise self._unsupported("funding")

    async def fetch_position_mode(self) -> PositionMode:
        raise self._unsupported("position mode")

    async def set_position_mode(self, mode: PositionMode) -> None:
        raise self._unsupported("position mode")

    async def set_leverage(self, trading_pair: str, leverage: int) -> None:
        raise self._unsupported("leverage setting")

    async def fetch_leverage(self, trading_pair: str) -> Decimal:
        """The leverage that new positions of the pair get."""
        raise self._unsupported("leverage")

    # Dead-man's switches.

    async def set_countdown(self, trading_pair: str, until: datetime | None) -> None:
        """Let the exchange cancel all orders of the account on the pair at ``until``, whoever placed them and whether or not
        anybody is connected, in place of the countdown that runs; None ends that. It may come a moment later, never before. Where
        the exchange has one countdown for the account (``Capabilities.countdown``), it is of all pairs, and the pair says nothing.

        Raises ``Refused`` where it surely was not taken, ``ExchangeReadFailed`` where nobody knows.
        """
        raise self._unsupported("countdowns")

    # What a preview asks.

    async def fetch_fee_rates(self, trading_pair: str, trade_type: TradeType) -> FeeRates:
        """The account's fees on the pair, before what the exchange takes off for paying them in a coin of its own."""
        raise self._unsupported("fee rates")

    async def check_order(self, order: Order) -> None:
        """Let the exchange check ``order`` without placing it. Raises the ``Refused`` that it would be refused with, and
        ``ExchangeReadFailed`` where nobody knows.
        """
        raise self._unsupported("orders that are only checked")

    # What an operator asks.

    async def fetch_clock_difference(self) -> timedelta:
        """How far the exchange's clock is ahead of ours."""
        raise self._unsupported("a clock")

    async def try_order(self) -> None:
        """Ask the exchange whether the credentials may place orders, without placing one. Raises ``CredentialsRefused``."""
        raise self._unsupported("orders that are only checked")

    def _unsupported(self, what: str) -> UnsupportedFeature:
        return UnsupportedFeature(f"Connector '{self.name}' does not support {what}")
