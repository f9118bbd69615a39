"""An account's queries for its orders and trades, in both markets. Each market adds its rows, and how it reads time ranges."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.paper.orders import OrderRecord, PaperFill, PaperOrder
from app.sandbox.binance.endpoint import Call, Endpoint
from app.sandbox.binance.failures import no_such_order
from app.sandbox.binance.parameters import Parameter, optional, required, symbol, whole
from app.sandbox.binance.venue import BinanceVenue

Row = dict[str, Any]
TimeRange = tuple[datetime | None, datetime | None]

#: The default and the maximum number of rows.
_ROWS = 500
_MAX_ROWS = 1_000

ORDERS: tuple[Parameter, ...] = (
    required("symbol", symbol),
    optional("orderId", whole),
    optional("startTime", whole),
    optional("endTime", whole),
    optional("limit", whole),
)
TRADES: tuple[Parameter, ...] = (*ORDERS, optional("fromId", whole))


class OrderQueries(ABC):
    """The endpoints that read an account's orders and trades."""

    def __init__(self, venue: BinanceVenue) -> None:
        self._venue = venue
        self._symbols = venue.symbols

    @abstractmethod
    def endpoints(self) -> Sequence[Endpoint]:
        """The market's endpoints."""

    async def order(self, call: Call) -> Row:
        order = await self._find(call)
        if order is None:
            raise no_such_order()
        return self._order_row(order)

    async def open_orders(self, call: Call) -> list[Row]:
        name = self._asked_pair(call)
        records = await self._venue.run(self._venue.exchange.open_orders, call.account, name)
        listed = {pair.trading_pair for pair in self._symbols.pairs.values()}
        return [self._order_row(record.order) for record in records if record.order.trading_pair in listed]

    async def all_orders(self, call: Call) -> list[Row]:
        """Orders from an order id on, or of a time range, or the last ones."""
        name, first = self._venue.pair(call.values["symbol"]).trading_pair, call.values.get("orderId")
        since, until = self._order_times(call)

        def find() -> Sequence[PaperOrder]:
            return self._venue.exchange.orders(
                call.account,
                trading_pair=name,
                since=since,
                until=until,
                after_id=0 if first is None else self._symbols.paper_id(name, first) - 1,
                limit=row_limit(call.values),
                newest=first is None and "startTime" not in call.values,
            )

        return [self._order_row(order) for order in await self._venue.run(find) if self._is_recorded(order)]

    async def trades(self, call: Call) -> list[Row]:
        """Trades of one order, or from a trade id on, or of a time range, or the last ones."""
        return [self._trade_row(fill) for fill in await self._venue.run(self._trades, call)]

    @abstractmethod
    def _order_row(self, order: PaperOrder) -> Row:
        """An order as an answer has it."""

    @abstractmethod
    def _trade_row(self, fill: PaperFill) -> Row:
        """A fill as an answer has it."""

    @abstractmethod
    def _order_times(self, call: Call) -> TimeRange:
        """The times of the orders asked for. Raises ``ApiError``."""

    @abstractmethod
    def _trade_times(self, call: Call) -> TimeRange:
        """The times of the trades asked for. Raises ``ApiError``."""

    def _client_id(self, name: str | None) -> str | None:
        """The paper exchange's client order id of one on the wire."""
        return name

    def _is_recorded(self, order: PaperOrder) -> bool:
        """Whether the protocol knows of ``order``."""
        return True

    async def _find(self, call: Call) -> PaperOrder | None:
        """The order asked for."""
        values = call.values
        record: OrderRecord | None = await self._venue.run(
            self._venue.find_order,
            call.account,
            self._venue.pair(values["symbol"]).trading_pair,
            values.get("orderId"),
            self._client_id(values.get("origClientOrderId")),
        )
        if record is None or not self._is_recorded(record.order) or self._venue.is_forgotten(record.order):
            return None
        return record.order

    def _asked_pair(self, call: Call) -> str | None:
        """The trading pair asked for, None for all."""
        asked = call.values.get("symbol")
        return None if asked is None else self._venue.pair(asked).trading_pair

    def _trades(self, call: Call) -> Sequence[PaperFill]:
        values, name = call.values, self._venue.pair(call.values["symbol"]).trading_pair
        limit, first, order_id = row_limit(values), values.get("fromId"), values.get("orderId")
        exchange, after = self._venue.exchange, 0 if first is None else self._symbols.paper_id(name, first) - 1
        since, until = self._trade_times(call)
        if order_id is not None:
            number = self._symbols.paper_id(name, order_id)
            record = exchange.order(call.account, exchange_order_id=number, trading_pair=name)
            found = () if record is None else record.fills
            return [fill for fill in found if fill.fill_id > after and _is_within(fill.filled_at, since, until)][:limit]
        newest = first is None and "startTime" not in values
        return exchange.fills(
            call.account, trading_pair=name, since=since, until=until, after_id=after, limit=limit, newest=newest
        )


def row_limit(values: Mapping[str, Any], default: int = _ROWS) -> int:
    """How many rows were asked for."""
    limit: int = values.get("limit", default)
    return min(limit, _MAX_ROWS)


def _is_within(at: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or at >= since) and (until is None or at <= until)
