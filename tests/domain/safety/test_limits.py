"""Limits as reservations: counted over what is open, pending, unknown and held, never exceeded, and told all at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.decimals import ZERO
from app.domain.enums import EventKind, OrderType, TradeType
from app.domain.errors import LimitExceeded, LimitsNotSet
from app.domain.order import Order
from app.domain.safety.admission import Admission, Missing
from app.domain.safety.books import reservation_of
from app.domain.safety.ledger import Ledger, place_of
from app.domain.safety.limits import Limits, LimitSet
from app.domain.safety.scope import Place, Scope
from app.domain.safety.state import SafetyState
from tests.domain.orders import T0
from tests.domain.safety.trading import PERPETUAL, Trading, an_intent, limited, nothing

SELL, BUY = TradeType.SELL, TradeType.BUY


def breaches(
    state: SafetyState, trading: Trading, order: Order, admission: Admission = PERPETUAL
) -> dict[str, tuple[str, str, str]]:
    """What ``order`` would break: by limit what is used, the maximum and what would be."""
    try:
        state.check(order, admission, trading.ledger, trading.now, nothing)
    except LimitExceeded as error:
        return {each["limit"]: (each["value"], each["maximum"], each["would_be"]) for each in error.breaches}
    return {}


def a_market() -> Trading:
    """A position of 1, an order to buy 2 at 100, and one to sell 1 at 110 that is to be cancelled."""
    trading = Trading()
    trading.fill(trading.intend(an_intent()), Decimal(1))
    trading.intend(an_intent(amount=Decimal(2)))
    sold = trading.intend(an_intent(trade_type=SELL, price=Decimal(110)))
    trading.happen(sold, EventKind.CANCEL_REQUESTED)
    return trading


@pytest.mark.parametrize(
    ("name", "broken", "wide", "order", "expected"),
    [
        ("max_order_amount", Decimal(1), Decimal("1.1"), {"amount": Decimal("1.1")}, ("1.1", "1", "1.1")),
        ("max_order_notional", Decimal(100), Decimal(101), {"price": Decimal(101)}, ("101", "100", "101")),
        ("max_open_orders", 2, 3, {}, ("2", "2", "3")),
        ("max_open_notional", Decimal(400), Decimal(410), {}, ("310", "400", "410")),
        ("max_position", Decimal("3.5"), Decimal(4), {}, ("3", "3.5", "4")),
        ("max_position", Decimal("2.5"), Decimal(4), {"trade_type": SELL, "amount": Decimal(4)}, ("0", "2.5", "4")),
        ("max_gross_notional", Decimal(350), Decimal(400), {}, ("300", "350", "400")),
        ("orders_per_second", 3, 4, {}, ("3", "3", "4")),
        ("orders_per_minute", 3, 4, {}, ("3", "3", "4")),
        ("cancels_per_minute", 1, 2, {}, ("1", "1", "1")),
        ("allowed_pairs", ("ETH-USDT", "SOL-USDT"), ("BTC-USDT",), {}, ("BTC-USDT", "ETH-USDT, SOL-USDT", "BTC-USDT")),
        ("allowed_order_types", (OrderType.LIMIT_MAKER,), (OrderType.LIMIT,), {}, ("LIMIT", "LIMIT_MAKER", "LIMIT")),
        ("max_leverage", Decimal(3), Decimal(5), {}, ("5", "3", "5")),
        ("duplicate_window", 30, 2, {"amount": Decimal(2)}, ("3", "30", "3")),
        ("prevent_self_cross", True, False, {"price": Decimal(110)}, ("110", "110", "110")),
    ],
)
def test_every_limit_says_what_is_used_and_what_would_be(
    name: str, broken: Any, wide: Any, order: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    """And lets pass what is just within it."""
    trading = a_market()
    trading.now += timedelta(seconds=0 if name == "orders_per_second" else 3)
    admission = Admission(can_short=True, leverage=Decimal(5))
    assert breaches(limited(**{name: broken}), trading, an_intent(**order), admission) == {name: expected}
    assert breaches(limited(**{name: wide}), trading, an_intent(**order), admission) == {}


def test_all_broken_limits_are_told_with_their_scopes() -> None:
    """Of every scope that covers the order, and of no other."""
    account, other = Scope(account_name="main"), Scope(account_name="second")
    state = SafetyState(
        sets=tuple(
            LimitSet(scope=scope, limits=Limits(max_order_amount=Decimal(1), max_open_orders=0))
            for scope in (Scope(), account, other)
        )
    )
    with pytest.raises(LimitExceeded) as caught:
        state.check(an_intent(amount=Decimal(2)), PERPETUAL, Ledger(), T0, nothing)
    told = [(each["limit"], each["scope"]) for each in caught.value.breaches]
    assert told == [
        (name, scope) for scope in ({}, {"account_name": "main"}) for name in ("max_order_amount", "max_open_orders")
    ]


def test_an_unknown_order_keeps_its_reservation_and_a_refused_one_frees_it() -> None:
    """Doubt is no end."""
    trading, state = Trading(), limited(max_open_notional=Decimal(100))
    first = trading.intend(an_intent())
    assert breaches(state, trading, an_intent())
    trading.happen(first, EventKind.UNCONFIRMED)
    assert breaches(state, trading, an_intent())
    trading.happen(first, EventKind.REJECTED)
    assert breaches(state, trading, an_intent()) == {}


def test_what_is_filled_counts_as_position_at_the_price_that_was_reserved() -> None:
    """A better price than asked changes nothing of what is used."""
    trading, state = Trading(), limited(max_gross_notional=Decimal(100), max_position=Decimal(1))
    trading.fill(trading.intend(an_intent()), Decimal(1), Decimal(90))
    assert breaches(state, trading, an_intent(amount=Decimal("0.01"))) == {
        "max_gross_notional": ("100", "100", "101"),
        "max_position": ("1", "1", "1.01"),
    }


def test_what_only_reduces_passes_what_stops_growth_and_nothing_else() -> None:
    """A position can be closed whatever its limits; how often orders may come, and what they are, holds for all."""
    trading = Trading()
    trading.fill(trading.intend(an_intent(amount=Decimal(3))), Decimal(3))
    state = limited(
        max_order_amount=Decimal(1), max_order_notional=Decimal(1), max_open_orders=0, max_open_notional=Decimal(1),
        max_gross_notional=Decimal(1), max_daily_loss=Decimal(0), allowed_pairs=(), allowed_order_types=(OrderType.LIMIT_MAKER,),
        orders_per_minute=1,
    )  # fmt: skip
    closing = an_intent(trade_type=SELL, amount=Decimal(3))
    assert set(breaches(state, trading, closing)) == {"allowed_order_types", "orders_per_minute"}
    turning = an_intent(trade_type=SELL, amount=Decimal("3.1"))
    assert len(breaches(state, trading, turning)) == 8
    trading.intend(an_intent(trade_type=SELL, amount=Decimal(1)))
    assert len(breaches(state, trading, closing)) == 8, "both together would turn the position round"
    assert set(breaches(state, trading, turning, Admission(can_short=True, reduces_only=True))) == {
        "allowed_order_types",
        "orders_per_minute",
    }


def test_on_spot_what_is_held_may_be_sold() -> None:
    """Also what was not bought through the gateway; nobody is asked what is held where the order passes anyway."""
    spot, state, ledger = Admission(), limited(max_order_amount=Decimal(1)), Ledger()
    order = an_intent(trade_type=SELL, amount=Decimal(2))
    state.check(order, spot, ledger, T0, lambda: Decimal(2))
    with pytest.raises(LimitExceeded):
        state.check(order, spot, ledger, T0, lambda: Decimal("1.9"))
    with pytest.raises(LimitExceeded):
        state.check(order, PERPETUAL, ledger, T0, lambda: Decimal(2))
    state.check(an_intent(trade_type=SELL), spot, ledger, T0, lambda: pytest.fail("asked"))


def test_a_key_has_sums_of_its_own() -> None:
    """And counts for its account as well."""
    trading = Trading()
    trading.intend(an_intent(key_id="k1"))
    trading.intend(an_intent(key_id="k2"))
    of_key = limited(Scope(key_id="k1"), max_open_orders=1)
    assert breaches(of_key, trading, an_intent(key_id="k1")) == {"max_open_orders": ("1", "1", "2")}
    assert breaches(of_key, trading, an_intent(key_id="k2")) == breaches(of_key, trading, an_intent()) == {}
    assert breaches(limited(max_open_orders=2), trading, an_intent()) == {"max_open_orders": ("2", "2", "3")}


def test_a_day_of_losses_ends_at_midnight_utc() -> None:
    """Realised losses and fees count, in dollars, and nothing of yesterday."""
    trading, state = Trading(), limited(max_daily_loss=Decimal(10))
    trading.fill(trading.intend(an_intent()), Decimal(1), fee=Decimal("0.5"), fee_currency="USDT")
    sold = trading.intend(an_intent(trade_type=SELL, price=Decimal(91)))
    trading.fill(sold, Decimal(1), fee=Decimal("0.005"), fee_currency="BTC")
    assert breaches(state, trading, an_intent()) == {}, "9 and 0.955 are lost"
    trading.fill(trading.intend(an_intent()), Decimal("0.5"), fee=Decimal("0.045"), fee_currency="USDT")
    assert breaches(state, trading, an_intent()) == {"max_daily_loss": ("10", "10", "10")}
    trading.now += timedelta(days=1)
    assert breaches(state, trading, an_intent()) == {}


@pytest.mark.parametrize("name", ["max_order_notional", "max_open_notional", "max_gross_notional"])
def test_what_nothing_prices_is_not_waved_through(name: str) -> None:
    """A MARKET order needs a price, and a pair that is not quoted in dollars a rate."""
    state, ledger = limited(**{name: Decimal(300)}), Ledger()
    market = an_intent(order_type=OrderType.MARKET, price=None)
    with pytest.raises(Missing) as caught:
        state.check(market, PERPETUAL, ledger, T0, nothing)
    assert caught.value.price
    state.check(
        an_intent(order_type=OrderType.MARKET, price=None, reserved_price=Decimal(300)), PERPETUAL, ledger, T0, nothing
    )
    in_coins = an_intent(trading_pair="ETH-BTC", price=Decimal("0.5"))
    with pytest.raises(Missing) as caught:
        state.check(in_coins, PERPETUAL, ledger, T0, nothing)
    assert caught.value.currencies == {"BTC"}
    state.check(in_coins, Admission(can_short=True, rates={"BTC": Decimal(600)}), ledger, T0, nothing)
    with pytest.raises(LimitExceeded):
        state.check(in_coins, Admission(can_short=True, rates={"BTC": Decimal(601)}), ledger, T0, nothing)


def test_an_order_by_quote_amount_holds_what_it_may_spend() -> None:
    """And of the base asset what that buys."""
    order = an_intent(
        order_type=OrderType.MARKET, price=None, amount=None, quote_amount=Decimal(50), reserved_price=Decimal(100)
    )
    held = reservation_of(order)
    assert held is not None
    assert (held.amount, held.notional) == (Decimal("0.5"), Decimal(50))


def test_the_same_terms_again_and_again_are_not_remembered_for_ever() -> None:
    """Only the times that a window may reach are kept, however often the same is asked for; the last one is always known."""
    ledger = Ledger(timedelta(minutes=1))
    for number in range(300):
        at = T0 + timedelta(seconds=number)
        order = an_intent(order_id=f"o{number}", at=at)
        ledger.take(number, order, EventKind.INTENDED, at)
        ledger.commit(at)
        assert ledger.last_same(order) == at
    assert len(ledger._terms[next(iter(ledger._terms))]) < 70
    assert len(ledger.book(place_of(order)).times["orders"]) < 70


def test_limits_may_be_demanded() -> None:
    """Until somebody has set some, or has said why there are none."""
    live = Admission(needs_limits=True)
    for state in (SafetyState(), limited(), limited(Scope(account_name="second"), max_open_orders=1)):
        with pytest.raises(LimitsNotSet):
            state.check(an_intent(), live, Ledger(), T0, nothing)
    limited(max_open_orders=1).check(an_intent(), live, Ledger(), T0, nothing)
    unlimited = SafetyState(sets=(LimitSet(scope=Scope(), limits=Limits(), unlimited_reason="a market maker"),))
    unlimited.check(an_intent(), live, Ledger(), T0, nothing)


# -- properties ---------------------------------------------------------------------------------------------------------


def sums(trading: Trading) -> tuple[Decimal, Decimal, int]:
    """The position, what is open in quote units, and how many orders, computed anew from all that has happened."""
    net = sum((fill.amount if order.trade_type is BUY else -fill.amount for order, fill in trading.fills), ZERO)
    active = [order for order in trading.orders.values() if order.is_active]
    worth = sum(((order.amount or ZERO) - order.filled_amount) * (order.price or ZERO) for order in active)
    return net, Decimal(worth), len(active)


def an_order_by(random: Random) -> Order:
    """Some order of one or two accounts."""
    return an_intent(
        account_name=random.choice(["main", "second"]),
        trade_type=random.choice([BUY, SELL]),
        amount=Decimal(random.randrange(1, 6)),
        price=Decimal(random.randrange(90, 111)),
    )


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_the_ledger_is_the_fold_of_what_happened(seed: int) -> None:
    """However transactions are repeated: what is rolled back leaves no trace."""
    trading, random = Trading(), Random(seed)
    for _ in range(40):
        if random.random() < 0.4:
            trading.intend(an_order_by(random))
        trading.step(random)
        if random.random() < 0.3:
            trading.ledger.commit(trading.now)
            before = fingerprint(trading.ledger)
            twin = Trading(trading.ledger)
            twin.orders, twin.now, twin._seq = dict(trading.orders), trading.now, trading._seq
            for _ in range(5):
                twin.intend(an_order_by(random))
                twin.step(random)
            trading.ledger.rollback()
            assert fingerprint(trading.ledger) == before
    net, worth, count = sums(trading)
    books = trading.ledger.books(Scope())
    assert sum((book.standing.net for book in books), ZERO) == net
    assert sum((book.open_notional for book in books), ZERO) == worth
    assert sum(len(book.active) for book in books) == count


def fingerprint(ledger: Ledger) -> list[Any]:
    """All that a ledger holds."""
    return [
        (
            book.place,
            dict(book.active),
            (book.buys, book.sells, book.open_notional, book.standing),
            {day: made for day, made in book.days.items() if made},
            {what: list(times) for what, times in book.times.items() if times},
        )
        for book in ledger.books(Scope())
        if book.active or any(book.times.values())
    ]


#: A limit, and what is used of it by everything that has happened so far.
USED: dict[str, Callable[[Trading], Decimal]] = {
    "max_open_notional": lambda trading: sums(trading)[1],
    "max_open_orders": lambda trading: Decimal(sums(trading)[2]),
    "max_position": lambda trading: max(
        (abs(position(trading, account)) for account in ("main", "second")), default=ZERO
    ),
}


def position(trading: Trading, account: str) -> Decimal:
    """The net of an account's fills."""
    return sum(
        (
            fill.amount if order.trade_type is BUY else -fill.amount
            for order, fill in trading.fills
            if order.account_name == account
        ),
        ZERO,
    )


@pytest.mark.parametrize("name", list(USED))
@settings(max_examples=30)
@given(seed=st.integers(0, 2**32), maximum=st.integers(3, 8))
def test_no_sum_ever_exceeds_its_limit(name: str, seed: int, maximum: int) -> None:
    """Whatever orders ask for, and however they are filled, refused and cancelled, at every event."""
    most = Decimal(maximum * 100 if name == "max_open_notional" else maximum)
    trading, random = Trading(), Random(seed)
    state = limited(**{name: most if name != "max_open_orders" else int(most)})
    taken = 0
    for _ in range(40):
        order = an_order_by(random)
        if breaches(state, trading, order) == {}:
            if name != "max_position" and reduces(trading, order):
                continue
            trading.intend(order)
            taken += 1
        assert USED[name](trading) <= most
        trading.step(random)
        assert USED[name](trading) <= most
    assert taken


def reduces(trading: Trading, order: Order) -> bool:
    """Whether the order passes because it only reduces."""
    book = trading.ledger.book(Place(order.account_name, order.connector_name, order.trading_pair))
    return order.trade_type is (SELL if book.standing.net > ZERO else BUY)
