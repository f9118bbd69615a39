"""Which order an exchange shows, by names and terms."""

from __future__ import annotations

from msgspec.structs import replace

from app.domain.enums import EventKind, OrderType, TradeType
from app.domain.recognition import is_same_order
from app.domain.reports import ReportedTerms
from tests.domain.orders import a_report, after, an_event, an_order

K = EventKind


def test_a_renamed_order_is_recognised_by_the_time_of_its_last_attempt() -> None:
    """An hour after the first attempt was refused, another one is accepted; then an amendment gives the order another client id."""
    order = an_order(
        an_event(K.REJECTED, reason_code="exchange_down"),
        an_event(K.RETRIED, at=after(3600)),
        an_event(K.ACCEPTED, at=after(3601), exchange_order_id="77"),
    )
    terms = ReportedTerms(
        trade_type=TradeType.BUY, order_type=OrderType.LIMIT, price=order.price, created_at=after(3601)
    )
    renamed = a_report(order_id="by-the-exchange", terms=terms)
    assert is_same_order(order.ref, renamed)
    earlier = ReportedTerms(
        trade_type=TradeType.BUY, order_type=OrderType.LIMIT, price=order.price, created_at=after(1)
    )
    assert not is_same_order(order.ref, a_report(order_id="by-the-exchange", terms=earlier))


def test_an_order_is_recognised_under_the_exchange_s_name_of_its_pair() -> None:
    """A pair that is not listed any more has no other; the same number on another pair is another order."""
    order = an_order(an_event(K.ACCEPTED, exchange_order_id="77"))
    said = replace(a_report(), exchange_order_id="77", trading_pair="BTCUSDT")
    assert is_same_order(order.ref, said)
    assert not order.ref.is_contradicted_by(said)
    other = replace(said, trading_pair="ETHUSDT")
    assert not is_same_order(order.ref, other)
    assert order.ref.is_contradicted_by(other)
