"""A connector of the ccxt family over an exchange with habits, for the conformance suite."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal as D
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, cast

from msgspec import structs

from app.clock import Clock
from app.connectors.base import Connector, ConnectorContext
from app.connectors.ccxt.family import class_of
from app.connectors.ccxt.pages import Pages
from app.connectors.ccxt.row import ALL_TIMES, Refusals, Row
from app.connectors.ccxt.venue import CcxtVenue
from app.connectors.rows import Rows, unreadable_rows
from app.domain.fill import Fill
from app.domain.order import Order, OrderRef
from app.domain.reports import OrderReport
from app.domain.wire_ids import wire_id
from app.paper.exchange import PaperExchange
from app.paper.pairs import DEFAULT_BALANCES, PAIRS
from app.paper.refusals import RefusalCode
from app.settings import Settings
from tests.clock import FakeClock
from tests.connectors.conformance import Dialect, Fault
from tests.connectors.paper.dialect import FINE
from tests.connectors.quirks.exchange import LATE, SHORTEST, HabitClient, Habits, Quirk
from tests.paper.hand_path import HandPath

#: What a row says of each habit.
SAID: Mapping[Quirk, Mapping[str, Any]] = {
    Quirk.NUMERIC_IDS: {"wire_id": "bits_31"},
    Quirk.NO_QUESTION: {"ask_client_id": "", "settles": "by_listing"},
    Quirk.CANCEL_BY_NUMBER: {"cancel_client_id": ""},
    Quirk.NO_FILLS_BY_ORDER: {"fills_number": ""},
    Quirk.CONTRACTS: {},
    Quirk.QUOTE_BUYS: {"market_buy_in": "quote"},
    Quirk.BARE_ANSWERS: {},
    Quirk.UNTOLD_FEES: {},
    Quirk.OPEN_BY_PAIR: {"open_orders_by_pair": True},
    Quirk.SHORT_BOOK: {"open_pages": Pages(size=SHORTEST)},
    Quirk.PAGES: dict.fromkeys(
        ("open_pages", "done_pages", "fill_pages"), Pages(size=SHORTEST, parameter="offset", counts="rows")
    ),
    Quirk.NO_CLIENT_ID: {"client_id": "", "cancel_client_id": "", "ask_client_id": "", "settles": "by_operator"},
    Quirk.LATE_CANCEL: {},
    Quirk.RECENT: {"asks_together": True},
}

_OWN_CLASS = {
    RefusalCode.INSUFFICIENT_BALANCE: "balance",
    RefusalCode.WOULD_TAKE: "would_take",
    RefusalCode.DUPLICATE_ORDER_ID: "duplicate",
    RefusalCode.UNKNOWN_ORDER: "no_such_order",
}
_REFUSALS = Refusals(
    order=frozenset(code.value for code in RefusalCode if code not in _OWN_CLASS),
    rate=frozenset(("TOO_MANY",)),
    keys=frozenset(("BAD_KEY",)),
    **{name: frozenset((code.value,)) for code, name in _OWN_CLASS.items()},
)


def row_of(quirks: Collection[Quirk], name: str = "") -> Row:
    """What a row says of an exchange with these habits, under ``name`` or theirs."""
    said = {name: value for quirk in quirks for name, value in SAID[quirk].items()}
    terms: dict[str, Any] = {"fills_number": "orderId", **said}
    return Row(
        name=name or "-".join(sorted(quirks)) or "quirky",
        title="Quirky",
        ccxt_id="quirky",
        market="spot",
        fields={},
        secrets={},
        docs="",
        refusals=_REFUSALS,
        times_in_force=ALL_TIMES,
        **terms,
    )


class HabitVenue(CcxtVenue):
    """The venue of an exchange with habits."""

    def __init__(self, row: Row, settings: Settings, clock: Clock, habits: Habits) -> None:
        super().__init__(row, settings, clock)
        self._habits = habits

    def _import_client_class(self) -> Any:
        return type("Client", (HabitClient,), {"habits": self._habits})


class Remembering:
    """A connector with what the journal knows: the ``numbers`` of the orders whose answers came, by our ids."""

    def __init__(self, connector: Connector, numbers: dict[str, str | None]) -> None:
        self._connector = connector
        self._numbers = numbers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    async def submit_order(self, order: Order) -> OrderReport:
        report = await self._connector.submit_order(order)
        self._numbers[order.order_id] = report.exchange_order_id
        return report

    async def fetch_order(self, ref: OrderRef) -> OrderReport | None:
        report = await self._connector.fetch_order(self._known(ref))
        return None if report is None else self._named(report)

    async def cancel_order(self, ref: OrderRef) -> OrderReport:
        return self._named(await self._connector.cancel_order(self._known(ref)))

    async def fetch_fills(self, ref: OrderRef) -> Sequence[Fill]:
        return await self._connector.fetch_fills(self._known(ref))

    async def fetch_open_orders(self, trading_pair: str | None = None) -> Sequence[OrderReport]:
        found = await self._connector.fetch_open_orders(trading_pair)
        return Rows.of(map(self._named, found), unreadable_rows(found))

    def _known(self, ref: OrderRef) -> OrderRef:
        return structs.replace(ref, exchange_order_id=ref.exchange_order_id or self._numbers.get(ref.order_id))

    def _named(self, report: OrderReport) -> OrderReport:
        assert report.order_id == "", "the exchange has no client ids"
        names = {number: name for name, number in self._numbers.items()}
        return structs.replace(report, order_id=names.get(report.exchange_order_id, ""))


class QuirkyDialect(Dialect):
    """An exchange with ``quirks``."""

    quirks: ClassVar[frozenset[Quirk]]
    faults = frozenset(Fault)
    is_polled = True
    pair = "BTC-USDT"
    amount = D("0.1")
    fine_pair = FINE.trading_pair

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.path = HandPath()

    async def start(self) -> None:
        self._directory = TemporaryDirectory()
        exchange = PaperExchange(
            f"sqlite:///{Path(self._directory.name) / 'paper.db'}",
            clock=self.clock,
            seed=1,
            path=self.path,
            pairs={**PAIRS, FINE.trading_pair: FINE},
            default_balances={**DEFAULT_BALANCES, "WEI": D(1)},
            is_durable=False,
        )
        self.habits = Habits(exchange, self.quirks, "alice", self.clock)
        #: The numbers of the orders that were answered.
        self._numbers: dict[str, str | None] = {}
        settings = Settings(database_url="sqlite://", exchange_timeout=timedelta(seconds=5))
        self.venue = HabitVenue(self.connector_class.row, settings, self.clock, self.habits)  # type: ignore[attr-defined]

    async def stop(self) -> None:
        await self.venue.close()
        self.habits.exchange.close()
        self._directory.cleanup()

    def connect(self) -> Connector:
        context = ConnectorContext(account_name="alice", credentials={}, clock=self.clock, venue=self.venue)
        connector = self.connector_class(context)
        return connector if self.knows_our_ids else cast("Connector", Remembering(connector, self._numbers))

    async def move_market(self, price: D) -> None:
        self.path.prices[self.pair] = price
        self.clock.advance(1)

    def inject(self, fault: Fault) -> None:
        self.habits.fault = fault

    def requests(self) -> int:
        return self.habits.requests

    def submits(self) -> int:
        return self.habits.submits

    def orders_named(self, order_id: str) -> int:
        name = wire_id(self.connector_class.capabilities.wire_id, order_id) or order_id
        return sum(order.client_order_id == name for order in self.habits.exchange.snapshot().orders)


def dialect_of(*quirks: Quirk) -> type[QuirkyDialect]:
    """The dialect of an exchange with these habits."""
    members = {
        "quirks": frozenset(quirks),
        "connector_class": class_of(row_of(quirks)),
        "tells_fees": Quirk.UNTOLD_FEES not in quirks,
        "knows_our_ids": Quirk.NO_CLIENT_ID not in quirks,
        "cancel_seconds": LATE.seconds if Quirk.LATE_CANCEL in quirks else 0,
    }
    return type("QuirkyDialect", (QuirkyDialect,), members)
