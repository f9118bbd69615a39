"""Terms that change at the exchange: recorded once, in whatever order they are heard, and never mistaken for a fill."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import pytest

from app.domain.enums import EventKind, OrderState, OrderType, TradeType
from app.domain.events import OrderEvent
from app.domain.order import Order
from app.domain.reports import OrderReport, ReportedTerms
from tests.domain.orders import WAYS, Ledger, a_fill, a_report, after, an_order

D = Decimal
K = EventKind


def terms(price: str = "100") -> ReportedTerms:
    """The terms of ``an_order``, at ``price``."""
    return ReportedTerms(trade_type=TradeType.BUY, order_type=OrderType.LIMIT, price=D(price))


def amended(second: int, amount: str, price: str = "100", **changes: object) -> OrderReport:
    """The exchange says at ``second`` that the order rests with these terms."""
    return a_report("open", amount=D(amount), terms=terms(price), reported_at=after(second), **changes)


def open_ledger() -> Ledger:
    """The journal of one open order for 1 at 100."""
    return Ledger(an_order(*WAYS[OrderState.OPEN]))


def the_event(ledger: Ledger) -> OrderEvent:
    """The one amendment that was recorded."""
    [event] = [event for event in ledger.events if event.kind is K.AMENDED]
    return event


def test_another_amount_is_recorded_as_an_amendment() -> None:
    """The event says what changed and when; the amount follows, what was asked does not."""
    ledger = open_ledger()
    asked = ledger.order.terms
    ledger.hear(amended(5, "0.6"))
    assert ledger.kinds == [K.AMENDED]
    assert (the_event(ledger).amount, the_event(ledger).price, the_event(ledger).exchange_at) == (
        D("0.6"),
        None,
        after(5),
    )
    assert (ledger.order.amount, ledger.order.price, ledger.order.state) == (D("0.6"), D(100), "open")
    assert ledger.order.terms == asked


def test_another_price_is_recorded_as_an_amendment() -> None:
    """The price follows, too."""
    ledger = open_ledger()
    ledger.hear(amended(5, "1", "99.5"))
    assert (the_event(ledger).amount, the_event(ledger).price) == (None, D("99.5"))
    assert (ledger.order.amount, ledger.order.price) == (D(1), D("99.5"))


def test_an_amendment_that_comes_twice_is_recorded_once() -> None:
    """The stream, the same again, and recovery's question tell of one amendment."""
    ledger = open_ledger()
    for second in (5, 5, 9):
        ledger.hear(amended(second, "0.6"))
    assert ledger.kinds == [K.AMENDED]


def test_equal_numbers_of_another_form_are_no_amendment() -> None:
    """Zeros at the end change nothing."""
    ledger = open_ledger()
    ledger.hear(amended(5, "1.00000000", "100.00"))
    assert ledger.kinds == []


def test_amendments_in_any_order_leave_the_newest() -> None:
    """Two amendments, an old report and a fill before them: however they come, the exchange's last terms stay."""
    story = (
        amended(2, "1"),
        a_report("open", a_fill("1", "0.2", filled_at=after(3)), amount=D(1), terms=terms(), reported_at=after(3)),
        amended(4, "0.8", filled_amount=D("0.2")),
        amended(6, "0.5", "101", filled_amount=D("0.2")),
    )
    for order in permutations(story):
        ledger = open_ledger()
        for report in order:
            ledger.hear(report)
        assert (ledger.order.amount, ledger.order.price) == (D("0.5"), D(101)), [each.reported_at for each in order]
        assert ledger.order.filled_amount == D("0.2")
        assert ledger.order.state is OrderState.OPEN


def test_a_raised_amount_is_no_false_fill() -> None:
    """The amendment to 2 was missed. A fill of 1 fills what we knew of, and the exchange says that the order is still open."""
    ledger = open_ledger()
    ledger.hear(a_report("open", a_fill("1", "1"), amount=D(2), terms=terms(), reported_at=after(7)))
    assert ledger.kinds == [K.AMENDED, K.PARTIALLY_FILLED]
    assert (ledger.order.state, ledger.order.amount, ledger.order.filled_amount) == ("open", D(2), D(1))


def test_a_fill_is_not_the_last_where_the_exchange_says_that_the_order_is_open() -> None:
    """The same where the report repeats no terms: the exchange's own word for so large a total counts, not our sum."""
    ledger = open_ledger()
    ledger.hear(a_report("open", a_fill("1", "1"), reported_at=after(7)))
    assert ledger.kinds == [K.PARTIALLY_FILLED]
    ledger.hear(a_report("filled", a_fill("1", "1"), a_fill("2", "1"), amount=D(2), reported_at=after(8)))
    assert (ledger.order.state, ledger.order.amount, ledger.order.filled_amount) == ("filled", D(2), D(2))


def test_a_lowered_amount_is_filled_by_less() -> None:
    """The amendment to 0.5 was missed; the fill that ends the order tells of it."""
    ledger = open_ledger()
    ledger.hear(a_report("filled", a_fill("1", "0.5"), amount=D("0.5"), terms=terms(), reported_at=after(7)))
    assert ledger.kinds == [K.AMENDED, K.FILLED]
    assert (ledger.order.state, ledger.order.amount) == ("filled", D("0.5"))


def test_an_order_reduced_to_what_is_filled_ends_as_the_exchange_says() -> None:
    """A reduce-only order that lost the rest of its position expires: it is not filled, although its sum is complete."""
    ledger = open_ledger()
    ledger.hear(a_report("expired", a_fill("1", "0.3"), amount=D("0.3"), terms=terms(), reported_at=after(7)))
    assert ledger.kinds == [K.AMENDED, K.PARTIALLY_FILLED, K.EXPIRED]


@pytest.mark.parametrize("state", [OrderState.FILLED, OrderState.CANCELED, OrderState.EXPIRED])
def test_an_amendment_before_the_end_may_be_heard_after_it(state: OrderState) -> None:
    """It neither revives the order nor is it an anomaly: the terms it ended with are recorded."""
    ledger = Ledger(an_order(*WAYS[state]))
    ledger.fills = {event.fill.exchange_fill_id: event.fill for event in WAYS[state] if event.fill is not None}
    ledger.hear(amended(5, "1", "99"))
    assert ledger.kinds == [K.AMENDED]
    assert (ledger.order.state, ledger.order.price) == (state, D(99))


@pytest.mark.parametrize("state", [OrderState.PENDING, OrderState.UNKNOWN])
def test_an_order_in_doubt_that_was_amended_is_open(state: OrderState) -> None:
    """The answer was lost and the order was amended meanwhile: the first word of it says both."""
    ledger = Ledger(an_order(*WAYS[state]))
    ledger.hear(amended(5, "0.6"))
    assert ledger.kinds == [K.ACCEPTED, K.AMENDED]
    assert (ledger.order.state, ledger.order.amount) == ("open", D("0.6"))


def test_a_new_client_id_is_recorded_and_asked_by() -> None:
    """An amendment on spot may give the order another client id. The journal's name stays; the exchange is asked by the new one."""
    ledger = open_ledger()
    ledger.hear(amended(5, "0.6", new_client_order_id="web_1"))
    assert the_event(ledger).exchange_client_order_id == "web_1"
    assert ledger.order.order_id == "order-1"
    assert ledger.order.ref.client_order_id == "web_1"
    ledger.hear(amended(6, "0.6", order_id="web_1"))
    ledger.hear(amended(4, "1"))
    assert ledger.kinds == [K.AMENDED]


def test_a_client_id_is_new_only_if_the_exchanges_id_agrees() -> None:
    """A report under another client id and of another, or no, exchange id says nothing of this order's name or terms."""
    for exchange_order_id in ("78", None):
        ledger = open_ledger()
        ledger.hear(amended(5, "1", order_id="foreign", exchange_order_id=exchange_order_id))
        assert ledger.order.ref.client_order_id == "order-1"
    ledger = open_ledger()
    ledger.hear(amended(5, "0.2", "1", exchange_order_id="78"))
    assert ledger.kinds == []


def test_reports_without_a_time_count_as_they_come() -> None:
    """Kraken tells no time of a change. Where one is known, such a report may be older, and changes nothing."""
    ledger = open_ledger()
    for amount in ("0.6", "0.4"):
        ledger.hear(
            a_report(
                "open", order_id="spelt otherwise", amount=D(amount), terms=terms(), reported_at=None, tells_terms=True
            )
        )
        assert ledger.order.amount == D(amount)
    assert ledger.order.ref.client_order_id == "order-1"
    ledger.hear(amended(5, "0.3"))
    ledger.hear(a_report("open", amount=D("0.6"), terms=terms(), reported_at=None, tells_terms=True))
    assert ledger.order.amount == D("0.3")


def test_what_was_done_of_an_order_is_no_amendment_without_a_time() -> None:
    """Some call what was filled of a canceled order its amount, and the average of a filled one its price."""
    ledger = open_ledger()
    ledger.hear(
        a_report("canceled", a_fill("1", "0.4"), amount=D("0.4"), terms=terms(), reported_at=None, tells_terms=True)
    )
    assert (ledger.order.amount, ledger.order.state) == (D(1), "canceled")
    ledger = open_ledger()
    ledger.hear(
        a_report("filled", a_fill("1", "1"), amount=D(1), terms=terms("99.7"), reported_at=None, tells_terms=True)
    )
    assert (ledger.order.price, ledger.order.state) == (D(100), "filled")
    ledger = open_ledger()
    ledger.hear(a_report("canceled", amount=D("0.6"), terms=terms(), reported_at=None, tells_terms=True))
    assert (ledger.order.amount, ledger.order.state) == (D("0.6"), "canceled")


def test_a_market_order_is_not_amended_without_a_time() -> None:
    """What some call its amount is what it cost."""
    ledger = Ledger(an_order(price=None, order_type=OrderType.MARKET))
    ledger.hear(
        a_report("filled", a_fill("1", "1"), amount=D(100), filled_amount=D(1), reported_at=None, tells_terms=True)
    )
    assert (ledger.order.amount, ledger.order.state) == (D(1), "filled")


def test_a_report_without_a_time_changes_no_terms() -> None:
    """Unless its terms are known to be the order's own: what some call the amount is what remains."""
    ledger = open_ledger()
    ledger.hear(a_report("open", amount=D("0.6"), terms=terms(), reported_at=None))
    assert ledger.kinds == []


def test_an_acknowledgement_changes_no_terms() -> None:
    """It repeats the request, and comes without a time."""
    ledger = open_ledger()
    ledger.hear(a_report("open", amount=D("0.6"), terms=terms(), reported_at=None, tells_terms=True, is_partial=True))
    assert ledger.kinds == []


def test_what_a_quote_amount_bought_is_no_amendment() -> None:
    """An order by quote amount has the base amount that the exchange found; its later growth is no change of terms."""
    ledger = Ledger(an_order(amount=None, price=None, quote_amount=D(100), order_type=OrderType.MARKET))
    ledger.hear(a_report("open", a_fill("1", "0.4"), amount=None))
    ledger.hear(a_report("expired", a_fill("1", "0.4"), amount=D("0.4"), reported_at=after(4)))
    ledger.hear(a_report("expired", a_fill("1", "0.4"), amount=D("0.7"), reported_at=after(5)))
    assert K.AMENDED not in ledger.kinds


def test_a_refused_order_has_no_amendments() -> None:
    """Where the id was taken, a report under it is about the earlier order."""
    order: Order = an_order(*WAYS[OrderState.REJECTED])
    ledger = Ledger(order)
    ledger.hear(a_report("canceled", amount=D("0.6"), terms=terms(), reported_at=after(5)))
    assert K.AMENDED not in ledger.kinds
