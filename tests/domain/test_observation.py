"""From reports to events, in every order in which an exchange, a stream and recovery can tell the same story."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.enums import EventKind, OrderState, OrderStatus, OrderType, TradeType
from app.domain.fill import Fill
from app.domain.lifecycle import FINAL
from app.domain.observation import observe
from app.domain.order import Order
from app.domain.reports import OrderReport, ReportedTerms
from tests.domain.orders import T0, WAYS, Ledger, a_fill, a_report, after, an_event, an_order

D = Decimal
K = EventKind
FIRST, SECOND = a_fill("1", "0.4", filled_at=after(1)), a_fill("2", "0.6", filled_at=after(2))


def a_ledger(state: OrderState = OrderState.PENDING) -> Ledger:
    """The journal of one order in ``state``, with the fills that brought it there."""
    ledger = Ledger(an_order(*WAYS[state]))
    ledger.fills = {event.fill.exchange_fill_id: event.fill for event in WAYS[state] if event.fill is not None}
    return ledger


def gone(kind: EventKind) -> Ledger:
    """The journal of an order that we have concluded to be gone."""
    return Ledger(an_order(an_event(K.UNCONFIRMED), an_event(kind, reason_code=kind.value, reason="No such order")))


# -- answers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [OrderState.PENDING, OrderState.UNKNOWN])
@pytest.mark.parametrize(
    ("report", "kinds", "expected"),
    [
        pytest.param(a_report(), [K.ACCEPTED], "open", id="rests"),
        pytest.param(a_report("open", FIRST), [K.ACCEPTED, K.PARTIALLY_FILLED], "open", id="fills in part at once"),
        pytest.param(
            a_report("filled", FIRST, SECOND), [K.ACCEPTED, K.PARTIALLY_FILLED, K.FILLED], "filled", id="fills at once"
        ),
        pytest.param(a_report("expired"), [K.ACCEPTED, K.EXPIRED], "expired", id="expires at once"),
        pytest.param(
            a_report("expired", FIRST), [K.ACCEPTED, K.PARTIALLY_FILLED, K.EXPIRED], "expired", id="expires in part"
        ),
        pytest.param(a_report("canceled"), [K.ACCEPTED, K.CANCELED], "canceled", id="canceled by the exchange"),
        pytest.param(
            a_report("rejected", exchange_order_id=None, reason_code="-2010", reason="No."),
            [K.REJECTED],
            "rejected",
            id="rejected",
        ),
    ],
)
def test_first_word_of_the_exchange(
    state: OrderState, report: OrderReport, kinds: list[EventKind], expected: str
) -> None:
    """An order that nobody has heard of yet is accepted, filled and ended by the first report, in this order."""
    ledger = a_ledger(state)
    seen = ledger.hear(report)
    assert ledger.kinds == kinds
    assert ledger.order.state == expected
    assert ledger.order.exchange_order_id == report.exchange_order_id
    assert ledger.order.filled_amount == report.filled_amount
    assert not seen.missing_fills


def test_events_say_who_told_us_and_how_we_know() -> None:
    """Every event carries the source, the evidence, our time and the exchange's, and the exchange's reason."""
    report = a_report("canceled", FIRST, reported_at=after(3), reason_code="risk", reason="Closed by risk control")
    seen = observe(an_order(), report, known_fills=set(), at=after(4), source="recovery", evidence="we asked")
    assert {(event.source, event.evidence, event.at, event.exchange_order_id) for event in seen.events} == {
        ("recovery", "we asked", after(4), "77")
    }
    assert [event.exchange_at for event in seen.events] == [after(3), FIRST.filled_at, after(3)]
    assert [event.fill for event in seen.events] == [None, FIRST, None]
    assert (seen.order.error_code, seen.order.error_message) == ("risk", "Closed by risk control")


# -- the stream and the answer, in any order --------------------------------------------------------------------------


def test_fill_before_the_answer() -> None:
    """A fill that the stream brings before the answer is applied, and the answer then adds nothing."""
    ledger = a_ledger()
    ledger.hear(a_report("open", FIRST))
    assert ledger.hear(a_report()).events == ()
    assert ledger.kinds == [K.ACCEPTED, K.PARTIALLY_FILLED]
    assert ledger.order.filled_amount == FIRST.amount


def test_doubled_report() -> None:
    """The same report twice is recorded once."""
    ledger = a_ledger()
    report = a_report("filled", FIRST, SECOND)
    assert len(ledger.hear(report).events) == 3
    assert ledger.hear(report).events == ()
    assert ledger.order.filled_amount == 1


def test_fill_doubled_within_a_report() -> None:
    """A report that lists an execution twice, as joined pages may, counts it once."""
    ledger = a_ledger()
    ledger.hear(a_report("open", FIRST, FIRST, filled_amount=FIRST.amount))
    assert ledger.order.filled_amount == FIRST.amount


def test_late_fill_of_a_canceled_order() -> None:
    """A fill that is heard of after the cancel is applied; if it is the rest, the order is filled after all."""
    ledger = a_ledger()
    ledger.hear(a_report("canceled"))
    ledger.hear(a_report("open", FIRST))
    assert (ledger.order.state, ledger.order.filled_amount) == ("canceled", D("0.4"))
    ledger.hear(a_report("open", SECOND, filled_amount=D(1)))
    assert (ledger.order.state, ledger.order.filled_amount) == ("filled", D(1))


def test_late_fill_of_a_rejected_order() -> None:
    """A fill proves that a rejection was wrong: the order lives again, as far as the exchange says."""
    ledger = a_ledger(OrderState.REJECTED)
    ledger.hear(a_report("open", FIRST))
    assert (ledger.order.state, ledger.order.filled_amount) == ("open", D("0.4"))
    ledger.hear(a_report("canceled", FIRST))
    assert (ledger.order.state, ledger.order.filled_amount) == ("canceled", D("0.4"))


@pytest.mark.parametrize(
    "said", [a_report("open", FIRST), a_report("filled", FIRST, SECOND), a_report("canceled", FIRST)]
)
def test_fills_of_the_order_that_has_the_callers_id_are_not_ours(said: OrderReport) -> None:
    """The exchange refused our order because another program's has its id: what happens to that one is not ours."""
    taken = an_event(K.REJECTED, reason_code="duplicate_order_id", reason="Duplicate order sent.")
    refused = an_order(taken, client_order_id="order-1")
    seen = observe(refused, said, known_fills=frozenset(), at=after(2), source="stream", evidence="told")
    assert (seen.events, seen.missing_fills) == ((), False)


def test_a_fill_takes_the_refusal_back() -> None:
    """The refusal was wrong, so neither its reason nor its hold is told of an order that was executed."""
    refused = an_order(an_event(K.REJECTED, reason_code="rate_limited", reason="Slow down.", held_until=after(60)))
    for report in (a_report("open", FIRST), a_report("filled", FIRST, SECOND), a_report("canceled", FIRST)):
        seen = observe(refused, report, known_fills=frozenset(), at=after(2), source="stream", evidence="told").order
        assert (seen.state, seen.error_code, seen.error_message, seen.held_until) == (report.state, None, None, None)


def test_rejection_that_counts_a_fill() -> None:
    """A fill is applied even if the report that carries it calls the order rejected."""
    ledger = a_ledger(OrderState.UNKNOWN)
    assert not ledger.hear(a_report("rejected", FIRST)).missing_fills
    assert (ledger.order.state, ledger.order.filled_amount) == ("rejected", D("0.4"))
    ledger = a_ledger(OrderState.UNKNOWN)
    assert ledger.hear(a_report("rejected", filled_amount=D("0.4"))).missing_fills
    assert ledger.order.state == "open"


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_reports_out_of_order(order: tuple[int, ...]) -> None:
    """Acceptance, two fills and the end come to the same total and the same end in every order."""
    reports = [
        a_report(),
        a_report("open", FIRST, filled_amount=D("0.4")),
        a_report("filled", SECOND, filled_amount=D(1), reported_at=after(2)),
        a_report("filled", filled_amount=D(1), reported_at=after(2)),
    ]
    ledger = a_ledger()
    for place in order:
        ledger.hear(reports[place])
    assert ledger.order.state is OrderState.FILLED
    assert ledger.order.filled_amount == 1
    assert ledger.order.filled_quote == 100


def test_fills_of_one_report_are_recorded_in_time() -> None:
    """Fills are recorded as they happened, whichever way round the report lists them."""
    ledger = a_ledger()
    ledger.hear(a_report("filled", SECOND, FIRST))
    assert [event.fill for event in ledger.events] == [None, FIRST, SECOND]
    assert ledger.kinds == [K.ACCEPTED, K.PARTIALLY_FILLED, K.FILLED]


STALE = [(state, said) for state in sorted(FINAL) for said in ("open", "canceled", "expired", "rejected")]
# An open order that was refused is no stale report but a contradiction: see test_refused_order_that_is_open.
STALE.remove((OrderState.REJECTED, "open"))


@pytest.mark.parametrize(("state", "said"), STALE)
def test_stale_report_of_a_final_order(state: OrderState, said: str) -> None:
    """A report that knows less than we do leaves a final state alone."""
    ledger = a_ledger(OrderState(state))
    before = ledger.order
    seen = ledger.hear(a_report(said))
    assert seen.events == ()
    assert seen.order == before
    assert not seen.missing_fills


def test_stale_report_of_an_open_order() -> None:
    """A report from before the last fill changes nothing."""
    ledger = a_ledger()
    ledger.hear(a_report("open", FIRST))
    assert ledger.hear(a_report()).events == ()
    assert ledger.order.filled_amount == FIRST.amount


@pytest.mark.parametrize(
    ("said", "kind"), [("canceled", K.CANCELED), ("expired", K.EXPIRED), ("rejected", K.REJECTED), ("filled", K.FILLED)]
)
def test_end_of_an_open_order(said: str, kind: EventKind) -> None:
    """An open order ends as the exchange says."""
    ledger = a_ledger(OrderState.OPEN)
    ledger.hear(a_report(said))
    assert ledger.kinds == [kind]


def test_unknown_order_shows_up() -> None:
    """What takes an order out of doubt is recorded even if nothing else is new."""
    ledger = Ledger(an_order(*WAYS[OrderState.OPEN], an_event(K.UNCONFIRMED)))
    ledger.hear(a_report())
    assert ledger.kinds == [K.ACCEPTED]
    assert ledger.order.state is OrderState.OPEN


def test_id_that_comes_late() -> None:
    """The exchange's id is recorded when it is first heard, also of an order that is done."""
    ledger = Ledger(an_order(an_event(K.FILLED, fill=a_fill("1", "1"))))
    ledger.fills["1"] = a_fill("1", "1")
    ledger.hear(a_report("filled", filled_amount=D(1)))
    assert ledger.kinds == [K.ACCEPTED]
    assert (ledger.order.state, ledger.order.exchange_order_id) == ("filled", "77")
    assert ledger.hear(a_report("filled", filled_amount=D(1))).events == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"trading_pair": "ETH-USDT"},
        {"terms": ReportedTerms(trade_type=TradeType.SELL, order_type=OrderType.LIMIT, price=Decimal(100))},
        {"terms": ReportedTerms(trade_type=TradeType.BUY, order_type=OrderType.MARKET, price=None)},
    ],
    ids=["pair", "side", "type"],
)
@pytest.mark.parametrize("state", ["open", "filled", "canceled", "rejected"])
def test_another_order_under_the_same_id(state: str, changes: dict[str, Any]) -> None:
    """Another program has given its order the id that our caller chose: nothing of it is ours."""
    report = a_report(state, *([a_fill("theirs", "1")] if state == "filled" else []), **changes)
    order = an_order(*WAYS[OrderState.UNKNOWN])
    seen = observe(order, report, known_fills=frozenset(), at=after(2), source="stream", evidence="told")
    assert (seen.events, seen.missing_fills) == ((), False)


def test_refused_order_that_is_open() -> None:
    """What we took for a refusal was none: the order is live, and somebody hears of it."""
    ledger = a_ledger(OrderState.REJECTED)
    ledger.hear(a_report())
    assert ledger.kinds == [K.REAPPEARED]
    assert (ledger.order.state, ledger.order.exchange_order_id, ledger.order.error_code) == ("open", "77", None)


def test_rejected_order_learns_no_id() -> None:
    """An order that was refused because its id was taken is not tied to the other one that bears its id there."""
    refused = an_event(K.REJECTED, reason_code="duplicate_order_id", reason="Duplicate order sent.")
    ledger = Ledger(an_order(refused, client_order_id="order-1"))
    assert ledger.hear(a_report()).events == ()
    assert ledger.order.exchange_order_id is None


# -- missing fills ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["canceled", "expired", "filled"])
def test_final_state_waits_for_its_fills(said: str) -> None:
    """A final state is not recorded before every fill that the exchange counts is here."""
    ledger = a_ledger(OrderState.OPEN)
    total = D(1) if said == "filled" else D("0.7")
    rest = a_fill("2", str(total - FIRST.amount), filled_at=after(2))
    assert ledger.hear(a_report(said, FIRST, filled_amount=total)).missing_fills
    assert (ledger.order.state, ledger.order.filled_amount) == ("open", D("0.4"))
    assert not ledger.hear(a_report(said, FIRST, rest)).missing_fills
    assert (ledger.order.state, ledger.order.filled_amount) == (said, total)


def test_missing_fills_of_an_open_order() -> None:
    """An open order whose total the exchange counts higher is missing fills too."""
    ledger = a_ledger(OrderState.OPEN)
    seen = ledger.hear(a_report(filled_amount=D("0.1")))
    assert seen.missing_fills
    assert seen.events == ()


def test_pending_order_is_accepted_while_its_fills_are_fetched() -> None:
    """Missing fills hold back the end, not the acceptance."""
    ledger = a_ledger()
    assert ledger.hear(a_report("filled", filled_amount=D(1))).missing_fills
    assert (ledger.kinds, ledger.order.state) == ([K.ACCEPTED], "open")


def test_missing_fill_of_a_final_order() -> None:
    """Fills that a canceled order turns out to have are asked for."""
    ledger = a_ledger(OrderState.CANCELED)
    assert ledger.hear(a_report("canceled", filled_amount=D("0.1"))).missing_fills


# -- presumed gone ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [K.NEVER_ARRIVED, K.VANISHED])
@pytest.mark.parametrize(
    ("report", "kinds", "expected"),
    [
        (a_report(), [K.REAPPEARED], "open"),
        (a_report("open", FIRST), [K.REAPPEARED, K.PARTIALLY_FILLED], "open"),
        (a_report("filled", FIRST, SECOND), [K.REAPPEARED, K.PARTIALLY_FILLED, K.FILLED], "filled"),
        (a_report("canceled"), [K.REAPPEARED, K.CANCELED], "canceled"),
        (a_report("canceled", FIRST), [K.REAPPEARED, K.PARTIALLY_FILLED, K.CANCELED], "canceled"),
        (a_report("expired"), [K.REAPPEARED, K.EXPIRED], "expired"),
        (a_report("rejected", FIRST), [K.REAPPEARED, K.PARTIALLY_FILLED, K.REJECTED], "rejected"),
    ],
)
def test_presumed_gone_and_shown_again(
    kind: EventKind, report: OrderReport, kinds: list[EventKind], expected: str
) -> None:
    """An order that we had concluded to be gone and that the exchange shows reappears, and is no presumption any more."""
    ledger = gone(kind)
    assert ledger.order.is_presumed_gone
    ledger.hear(report)
    assert ledger.kinds == kinds
    assert ledger.order.state == expected
    assert ledger.order.error_code is None
    assert not ledger.order.is_presumed_gone
    assert ledger.hear(report).events == (), "it reappears once"


@pytest.mark.parametrize("kind", [K.NEVER_ARRIVED, K.VANISHED])
def test_presumption_confirmed(kind: EventKind) -> None:
    """A rejection of an order that was presumed gone adds nothing."""
    assert gone(kind).hear(a_report("rejected")).events == ()


def test_presumed_gone_with_fills_to_fetch() -> None:
    """An order that reappears done, without its fills, is open until they are here."""
    ledger = gone(K.VANISHED)
    assert ledger.hear(a_report("filled", filled_amount=D(1))).missing_fills
    assert (ledger.kinds, ledger.order.state) == ([K.REAPPEARED], "open")


# -- orders for an amount of quote --------------------------------------------------------------------------------------


def a_quote_ledger() -> Ledger:
    return Ledger(an_order(amount=None, quote_amount=D(100), price=None))


def test_quote_order_filled_at_once() -> None:
    """The base amount is learned from the report before its fills are counted against it."""
    ledger = a_quote_ledger()
    ledger.hear(a_report("filled", FIRST, SECOND, amount=D(1)))
    assert ledger.kinds == [K.ACCEPTED, K.PARTIALLY_FILLED, K.FILLED]
    assert ledger.order.amount == 1


def test_quote_order_whose_amount_is_never_said() -> None:
    """Without an amount the fills are partial ones, and the exchange's word ends the order."""
    ledger = a_quote_ledger()
    ledger.hear(a_report("filled", FIRST, SECOND))
    assert ledger.kinds == [K.ACCEPTED, K.PARTIALLY_FILLED, K.PARTIALLY_FILLED, K.FILLED]
    assert (ledger.order.state, ledger.order.amount, ledger.order.filled_amount) == ("filled", None, D(1))


def test_quote_order_filled_before_the_answer() -> None:
    """Fills from the stream come first without an amount; the answer brings it and the end."""
    ledger = a_quote_ledger()
    ledger.hear(a_report("open", FIRST))
    ledger.hear(a_report("filled", FIRST, SECOND, amount=D(1)))
    assert (ledger.order.state, ledger.order.amount, ledger.order.filled_amount) == ("filled", D(1), D(1))


# -- any story ----------------------------------------------------------------------------------------------------------


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[Fill], list[OrderReport]]:
    """An order's true fills, and reports about it: cut anywhere, out of order, doubled, with fills left out."""
    amounts = draw(st.lists(st.integers(1, 40), max_size=5))
    fills = [
        a_fill(str(place), str(D(amount).scaleb(-2)), filled_at=T0 + timedelta(seconds=place))
        for place, amount in enumerate(amounts)
    ]
    reports = []
    for _ in range(draw(st.integers(1, 8))):
        so_far = fills[: draw(st.integers(0, len(fills)))]
        total = sum((fill.amount for fill in so_far), D(0))
        carried = draw(st.lists(st.sampled_from(so_far), max_size=6)) if so_far else []
        states = ["open", "canceled", "expired", "filled"] + ([] if so_far else ["rejected"])
        state = draw(st.sampled_from(states))
        reports.append(a_report(state, *carried, filled_amount=total))
    return fills, reports


beginnings = st.sampled_from([*OrderState, K.NEVER_ARRIVED, K.VANISHED])


@given(stories(), beginnings)
def test_any_story(story: tuple[list[Fill], list[OrderReport]], beginning: OrderState | EventKind) -> None:
    """Whatever is told in whatever order, the filled amount never shrinks and is the sum of the distinct fills heard of."""
    _, reports = story
    ledger = gone(beginning) if isinstance(beginning, EventKind) else a_ledger(beginning)
    heard = dict(ledger.fills)
    for report in reports:
        before = ledger.order
        seen = ledger.hear(report)
        heard |= {fill.exchange_fill_id: fill for fill in report.fills}
        assert seen.order.filled_amount >= before.filled_amount
        assert seen.order.filled_amount == sum((fill.amount for fill in heard.values()), D(0))
        assert seen.missing_fills == (report.filled_amount > seen.order.filled_amount)
        check_step(before, seen.order, ledger)
        assert ledger.hear(report).events == (), "hearing it again changes nothing"


def check_step(before: Order, now: Order, ledger: Ledger) -> None:
    """A final state is left only for a fill, or because the order has reappeared."""
    if before.state in FINAL and now.state is not before.state:
        reasons = {K.REAPPEARED, K.PARTIALLY_FILLED, K.FILLED}
        assert reasons & set(ledger.kinds)
        assert before.state is not OrderState.FILLED
    if now.state is OrderState.FILLED:
        assert now.status is OrderStatus.FILLED


@given(stories())
def test_whole_truth_ends_every_story(story: tuple[list[Fill], list[OrderReport]]) -> None:
    """After any reports in any order, the full list of fills makes the journal equal to the exchange."""
    fills, reports = story
    ledger = a_ledger()
    for report in reports:
        ledger.hear(report)
    ledger.hear(a_report("canceled", *fills))
    assert ledger.order.filled_amount == sum((fill.amount for fill in fills), D(0))
    assert ledger.order.filled_quote == 100 * ledger.order.filled_amount
    assert ledger.order.state in FINAL
    assert dict(ledger.order.fees) == ({"BTC": D("0.001") * len(fills)} if fills else {})
