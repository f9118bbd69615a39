"""What a report says that the journal does not know yet, decided in memory."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec import structs

from app.connectors.rows import UnreadableRow
from app.domain.enums import EventKind, OrderState, TradeType
from app.domain.fill import Fill
from app.domain.order import Order
from app.domain.reports import OrderReport, ReportedTerms
from app.journal.records import StoredOrder
from app.services.reconciling import comparing
from app.services.reconciling.comparing import ForeignOrders, compare, shown_unread
from tests.clock import START
from tests.journal.orders import ACCEPTED, fill, filled, happened, order

OPEN = structs.replace(order("o1"), state=OrderState.PENDING).apply(ACCEPTED)


def stored(known: Order, *fill_ids: str) -> dict[str, StoredOrder]:
    return {known.order_id: StoredOrder(key=known.key, number=1, order=known, fill_ids=frozenset(fill_ids))}


def report(state: str = "open", *fills: Fill, filled_amount: str = "0", order_id: str = "o1") -> OrderReport:
    return OrderReport(
        order_id=order_id,
        exchange_order_id=OPEN.exchange_order_id,
        trading_pair=OPEN.trading_pair,
        state=state,  # type: ignore[arg-type]
        filled_amount=Decimal(filled_amount),
        amount=OPEN.amount,
        fills=fills,
        reported_at=START,
    )


@pytest.mark.parametrize(
    ("known", "fill_ids", "said"),
    [
        pytest.param(OPEN, (), report(), id="rests as before"),
        pytest.param(
            OPEN.apply(filled("f1", "0.25")), ("f1",), report("open", filled_amount="0.25"), id="as filled as before"
        ),
        pytest.param(
            OPEN.apply(filled("f1", "0.25")),
            ("f1",),
            report("open", fill("f1", "0.25"), filled_amount="0.25"),
            id="a fill that came before",
        ),
        pytest.param(OPEN.apply(filled("f1", "0.25")), ("f1",), report(), id="older than what is known"),
        pytest.param(OPEN.apply(happened(EventKind.CANCELED)), (), report(), id="older than its end"),
        pytest.param(OPEN.apply(happened(EventKind.CANCELED)), (), report("canceled"), id="its end once more"),
    ],
)
def test_what_is_known_is_no_news(known: Order, fill_ids: tuple[str, ...], said: OrderReport) -> None:
    """A report that adds nothing to the order is left out."""
    found = compare([said], stored(known, *fill_ids).values())
    assert (found.news, found.unmatched) == ((), ())


@pytest.mark.parametrize(
    ("known", "fill_ids", "said"),
    [
        pytest.param(order("o1"), (), report(), id="accepted"),
        pytest.param(OPEN, (), report("canceled"), id="canceled"),
        pytest.param(OPEN, (), report("open", fill("f1", "0.25"), filled_amount="0.25"), id="a fill"),
        pytest.param(OPEN, (), report("open", filled_amount="0.25"), id="a fill that the report leaves out"),
        pytest.param(
            OPEN.apply(filled("f1", "0.25")),
            ("f1",),
            report("open", fill("f2", "0.25"), filled_amount="0.25"),
            id="another fill of the same amount",
        ),
        pytest.param(
            OPEN.apply(happened(EventKind.CANCELED, reason_code="vanished")), (), report(), id="presumed gone"
        ),
        pytest.param(
            structs.replace(OPEN, state=OrderState.CANCELED),
            (),
            report("filled", filled_amount="1"),
            id="filled after all",
        ),
    ],
)
def test_what_is_new_is_named_with_its_order(known: Order, fill_ids: tuple[str, ...], said: OrderReport) -> None:
    """A report that adds something comes with the order as it was read."""
    orders = stored(known, *fill_ids)
    found = compare([said], orders.values())
    assert (found.news, found.unmatched) == (((orders["o1"], said),), ())


def test_orders_that_are_not_known_are_named() -> None:
    """Whether they are ours is for the journal to say."""
    said = report(order_id="stranger")
    assert compare([said, report()], stored(OPEN).values()).unmatched == (said,)


def test_a_renamed_order_is_known_by_either_name() -> None:
    """By the client id that an amendment gave it, by our own, and before we know the new one by the exchange's."""
    amended = OPEN.apply(happened(EventKind.AMENDED, exchange_client_order_id="web_1", exchange_at=START))
    terms = ReportedTerms(trade_type=OPEN.trade_type, order_type=OPEN.order_type, price=OPEN.price)
    for known, name in ((amended, "web_1"), (amended, "o1"), (OPEN, "web_1")):
        found = compare([structs.replace(report(order_id=name), terms=terms)], stored(known).values())
        assert (found.unmatched, found.shown) == ((), {"o1"})
    other = structs.replace(terms, trade_type=TradeType.SELL)
    for changes in ({"terms": None}, {"terms": other}, {"terms": terms, "exchange_order_id": "4712"}):
        found = compare([structs.replace(report(order_id="web_1"), **changes)], stored(OPEN).values())
        assert (len(found.unmatched), found.shown) == (1, set())


def test_a_row_that_can_not_be_read_shows_the_orders_that_it_names() -> None:
    """One that could be any order of which the number is not known shows none of them."""
    unsent = order("o2")
    known = [*stored(OPEN).values(), *stored(unsent).values()]
    assert shown_unread(known, [UnreadableRow(why="?", exchange_order_id=OPEN.exchange_order_id)]) == {"o1"}
    assert shown_unread(known, [UnreadableRow(why="?", order_id="o2")]) == {"o2"}
    assert shown_unread(known, [UnreadableRow(why="?", exchange_order_id="another")]) == frozenset()
    assert shown_unread(known, [UnreadableRow(why="?")]) == frozenset()


def test_a_foreign_order_that_proves_ours_is_forgotten() -> None:
    """What the stream told under a client id that nobody knew is not held against the order."""
    foreign, said = ForeignOrders(), report(order_id="web_1")
    foreign.add(said)
    foreign.forget(said)
    assert said not in foreign


def test_a_foreign_order_is_known_by_the_exchange_s_name() -> None:
    """The same client id under another number of the exchange is another order, and may be ours."""
    foreign = ForeignOrders()
    said = report()
    foreign.add(said)
    assert said in foreign
    assert structs.replace(said, reported_at=START + timedelta(seconds=1)) in foreign
    assert structs.replace(said, exchange_order_id="another") not in foreign
    assert structs.replace(said, trading_pair="ETH-USDT") not in foreign


def test_an_order_without_the_exchange_s_name_is_not_remembered() -> None:
    """Nothing would tell it from a later one of ours."""
    foreign = ForeignOrders()
    nameless = structs.replace(report(), exchange_order_id=None)
    foreign.add(nameless)
    assert nameless not in foreign


def test_the_memory_of_foreign_orders_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are forgotten, and would be looked up again."""
    monkeypatch.setattr(comparing, "_REMEMBERED", 2)
    foreign = ForeignOrders()
    said = [structs.replace(report(), exchange_order_id=str(number)) for number in range(3)]
    for each in said:
        foreign.add(each)
    assert [each in foreign for each in said] == [False, True, True]
