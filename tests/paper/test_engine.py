"""The engine: what becomes of each kind of order, who pays what, and what the market takes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal as D

import pytest

from app.domain.enums import Liquidity, OrderState, OrderType, TimeInForce, TradeType
from app.paper.engine import Engine
from app.paper.fees import Fees
from app.paper.ledger import FEES
from app.paper.market import Level
from app.paper.orders import NewOrder, PaperOrder
from app.paper.pairs import Pair
from app.paper.refusals import PaperRefusal, RefusalCode
from app.paper.state import Changes
from tests.clock import START
from tests.paper.still_market import APPLE, StillMarket, limit, market

BUY, SELL = TradeType.BUY, TradeType.SELL


class Exchange:
    """An engine with ann and bob, each with 10000 euros and 100 apples, and a clock that counts seconds."""

    def __init__(self, market: StillMarket | None = None, **sides: tuple[tuple[int, str], ...]) -> None:
        self.market = market or StillMarket(**sides)
        self.engine = Engine({APPLE.trading_pair: APPLE}, self.market, Fees(maker=D("0.001"), taker=D("0.002")))
        self.now = START
        self.engine.advance(self.now)
        for account in ("ann", "bob"):
            self.engine.open_account(account, {"EURO": D(10_000), "APPLE": D(100)})
        self.changes()

    def place(self, new: NewOrder) -> PaperOrder:
        return self.engine.place(new, self.now)

    def later(self, seconds: int = 1) -> None:
        self.now += timedelta(seconds=seconds)
        self.engine.advance(self.now)

    def order(self, account: str, name: str) -> PaperOrder | None:
        return self.engine.state.open_order(account, name)

    def changes(self) -> Changes:
        return self.engine.state.take_changes(self.now)

    def money(self, account: str) -> dict[str, tuple[D, D]]:
        """total and available of each asset."""
        return {each.asset: (each.total, each.available) for each in self.engine.state.ledger.balances(account)}

    def refuses(self, new: NewOrder) -> RefusalCode:
        before = self.engine.state.ledger.all()
        with pytest.raises(PaperRefusal) as refusal:
            self.place(new)
        assert self.engine.state.ledger.all() == before
        assert not self.changes()
        return refusal.value.code


def test_a_limit_order_away_from_the_market_rests_and_holds_its_cost() -> None:
    """The buyer's quote is set aside, nothing is paid."""
    exchange = Exchange(asks=((101, "5"),))
    order = exchange.place(limit("ann", "a", BUY, "2", 90))
    assert (order.state, order.filled_amount) == (OrderState.OPEN, 0)
    assert exchange.money("ann") == {"EURO": (D(10_000), D(9_820)), "APPLE": (D(100), D(100))}


def test_a_market_order_walks_the_book_and_pays_the_taker_fee() -> None:
    """One at 101 and one at 102; a BUY's fee is in apples."""
    exchange = Exchange(asks=((101, "1"), (102, "5")))
    order = exchange.place(market("ann", "a", BUY, "2"))
    fills = exchange.changes().fills
    assert (order.state, order.filled_amount, order.filled_quote) == (OrderState.FILLED, D(2), D(203))
    assert [(fill.price, fill.amount, fill.fee, fill.fee_currency) for fill in fills] == [
        (D(101), D(1), D("0.002"), "APPLE"),
        (D(102), D(1), D("0.002"), "APPLE"),
    ]
    assert exchange.money("ann") == {"EURO": (D(9_797), D(9_797)), "APPLE": (D("101.996"), D("101.996"))}
    assert exchange.money(FEES)["APPLE"][0] == D("0.004")


def test_what_was_taken_stays_taken_until_the_next_second() -> None:
    """A second order in the same second finds the next level; a second later the first level is back."""
    exchange = Exchange(asks=((101, "1"), (102, "5")))
    exchange.place(market("ann", "a", BUY, "1"))
    assert exchange.place(market("ann", "b", BUY, "1")).filled_quote == D(102)
    exchange.later()
    assert exchange.place(market("ann", "c", BUY, "1")).filled_quote == D(101)


def test_a_market_order_without_depth_expires_with_what_it_got() -> None:
    """Three asked, one there."""
    exchange = Exchange(asks=((101, "1"),))
    order = exchange.place(market("ann", "a", BUY, "3"))
    assert (order.state, order.reason, order.filled_amount) == (OrderState.EXPIRED, "no_depth", D(1))
    assert exchange.money("ann")["EURO"] == (D(9_899), D(9_899))


def test_a_market_order_by_quote_amount_has_the_amount_that_its_money_buys() -> None:
    """205 euros buy 2 apples for 203; a SELL by quote amount sells what brings it."""
    exchange = Exchange(bids=((99, "50"),), asks=((101, "1"), (102, "5")))
    bought = exchange.place(market("ann", "a", BUY, quote_amount="205"))
    assert (bought.state, bought.amount, bought.filled_quote) == (OrderState.FILLED, D(2), D(203))
    sold = exchange.place(market("ann", "b", SELL, quote_amount="100"))
    assert (sold.state, sold.amount, sold.filled_quote) == (OrderState.FILLED, D(1), D(99))
    short = exchange.place(market("ann", "c", BUY, quote_amount="9000"))
    assert (short.state, short.amount, short.filled_amount) == (OrderState.EXPIRED, None, D(4))


def test_two_users_trade_at_the_resting_price() -> None:
    """The taker gets the maker's better price; the maker is paid from what it held, and each pays its own fee."""
    exchange = Exchange()
    exchange.place(limit("bob", "b", SELL, "2", 100))
    taken = exchange.place(limit("ann", "a", BUY, "3", 105))
    assert (taken.state, taken.filled_amount, taken.filled_quote) == (OrderState.OPEN, D(2), D(200))
    assert exchange.order("bob", "b") is None
    assert exchange.money("bob") == {"EURO": (D("10199.8"), D("10199.8")), "APPLE": (D(98), D(98))}
    assert exchange.money("ann") == {"EURO": (D(9_800), D(9_695)), "APPLE": (D("101.996"), D("101.996"))}
    kinds = [(fill.account, fill.liquidity, fill.fee_currency) for fill in exchange.changes().fills]
    assert kinds == [("bob", Liquidity.MAKER, "EURO"), ("ann", Liquidity.TAKER, "APPLE")]


@pytest.mark.parametrize(
    ("time_in_force", "state", "filled", "reason"),
    [
        (TimeInForce.GTC, OrderState.OPEN, D(1), None),
        (TimeInForce.IOC, OrderState.EXPIRED, D(1), "immediate_or_cancel"),
        (TimeInForce.FOK, OrderState.EXPIRED, D(0), "fill_or_kill"),
    ],
)
def test_the_time_in_force_says_what_becomes_of_the_rest(
    time_in_force: TimeInForce, state: OrderState, filled: D, reason: str | None
) -> None:
    """Three asked at 101, one there: GTC rests, IOC keeps what it got, FOK gets nothing."""
    exchange = Exchange(asks=((101, "1"), (102, "5")))
    order = exchange.place(limit("ann", "a", BUY, "3", 101, time_in_force=time_in_force))
    assert (order.state, order.filled_amount, order.reason) == (state, filled, reason)
    assert (exchange.order("ann", "a") is not None) == (state is OrderState.OPEN)
    held = D(202) if state is OrderState.OPEN else D(0)
    total, available = exchange.money("ann")["EURO"]
    assert total - available == held


def test_a_fill_or_kill_order_that_can_be_filled_is() -> None:
    """All of it, at once."""
    exchange = Exchange(asks=((101, "1"), (102, "5")))
    order = exchange.place(limit("ann", "a", BUY, "3", 102, time_in_force=TimeInForce.FOK))
    assert (order.state, order.filled_quote) == (OrderState.FILLED, D(305))


def test_a_limit_maker_order_rests_or_is_refused() -> None:
    """It is refused at the ask, and also where it would meet an order of its own."""
    exchange = Exchange(asks=((101, "1"),))
    maker = limit("ann", "a", BUY, "1", 101, order_type=OrderType.LIMIT_MAKER)
    assert exchange.refuses(maker) is RefusalCode.WOULD_TAKE
    exchange.place(limit("ann", "b", BUY, "1", 100, order_type=OrderType.LIMIT_MAKER))
    assert exchange.order("ann", "b") is not None
    exchange.changes()
    assert (
        exchange.refuses(limit("ann", "c", SELL, "1", 100, order_type=OrderType.LIMIT_MAKER)) is RefusalCode.WOULD_TAKE
    )


def test_an_order_that_meets_its_own_expires_there() -> None:
    """Expire taker: the resting order stays, the incoming one keeps what it got before."""
    exchange = Exchange(asks=((101, "1"),))
    exchange.place(limit("ann", "mine", SELL, "1", 102))
    order = exchange.place(limit("ann", "a", BUY, "3", 103))
    assert (order.state, order.reason, order.filled_amount) == (OrderState.EXPIRED, "self_trade", D(1))
    assert exchange.order("ann", "mine") is not None
    whole = exchange.place(limit("ann", "b", BUY, "3", 103, time_in_force=TimeInForce.FOK))
    assert (whole.state, whole.reason, whole.filled_amount) == (OrderState.EXPIRED, "self_trade", D(0))


@pytest.mark.parametrize(
    "new",
    [
        limit("ann", "a", BUY, "100.1", 100),
        limit("ann", "a", SELL, "100.1", 200),
        market("ann", "a", BUY, "100"),
        market("ann", "a", BUY, quote_amount="10001"),
    ],
)
def test_an_order_above_the_balance_is_refused(new: NewOrder) -> None:
    """Before anything happens, and without a trace."""
    assert Exchange(asks=((101, "1000"),)).refuses(new) is RefusalCode.INSUFFICIENT_BALANCE


def test_what_is_held_cannot_be_spent_twice() -> None:
    """Two orders for 6000 of 10000 euros."""
    exchange = Exchange()
    exchange.place(limit("ann", "a", BUY, "60", 100))
    exchange.changes()
    assert exchange.refuses(limit("ann", "b", BUY, "60", 100)) is RefusalCode.INSUFFICIENT_BALANCE


def test_a_client_id_is_unique_among_open_orders_of_the_account() -> None:
    """Refused while the first is open; free for another account, and again once it is done."""
    exchange = Exchange()
    first = exchange.place(limit("ann", "a", BUY, "1", 90))
    exchange.place(limit("bob", "a", BUY, "1", 90))
    exchange.changes()
    assert exchange.refuses(limit("ann", "a", BUY, "1", 91)) is RefusalCode.DUPLICATE_ORDER_ID
    exchange.engine.cancel(first, exchange.now)
    again = exchange.place(limit("ann", "a", BUY, "1", 91))
    assert again.exchange_order_id > first.exchange_order_id


def test_a_cancel_gives_back_what_the_rest_holds() -> None:
    """Partly filled, then canceled: the fill stays, the hold goes."""
    exchange = Exchange(asks=((101, "1"),))
    order = exchange.place(limit("ann", "a", BUY, "3", 101))
    canceled = exchange.engine.cancel(order, exchange.now)
    assert (canceled.state, canceled.filled_amount) == (OrderState.CANCELED, D(1))
    assert exchange.money("ann")["EURO"] == (D(9_899), D(9_899))
    assert exchange.engine.state.book(APPLE.trading_pair).is_empty()


def test_the_market_takes_what_it_comes_to_at_the_resting_price() -> None:
    """Bids at 98 and 97; the market falls to 97 with 3 apples: the better and older ones first, the last one in part."""
    exchange = Exchange(asks=((101, "9"),))
    for name, price in (("low", 97), ("first", 98), ("second", 98)):
        exchange.place(limit("ann", name, BUY, "1.5", price))
    exchange.changes()
    exchange.market.asks = ((97, "2"), (98, "1.4"), (99, "7"))
    exchange.later()
    fills = exchange.changes().fills
    assert [(fill.exchange_order_id, fill.price, fill.amount) for fill in fills] == [
        (2, D(98), D("1.5")),
        (3, D(98), D("1.5")),
    ]
    assert all(fill.liquidity is Liquidity.MAKER for fill in fills)
    low = exchange.order("ann", "low")
    assert low is not None
    assert low.filled_amount == 0
    exchange.market.asks = ((97, "0.5"),)
    exchange.later()
    low = exchange.order("ann", "low")
    assert low is not None
    assert low.filled_amount == D("0.5")
    assert exchange.money("ann")["EURO"] == (D("9657.5"), D("9560.5"))


def test_a_rising_market_takes_resting_asks() -> None:
    """The other side works the same."""
    exchange = Exchange()
    exchange.place(limit("ann", "a", SELL, "1", 105))
    exchange.market.bids = ((106, "5"),)
    exchange.later()
    assert exchange.order("ann", "a") is None
    assert exchange.money("ann") == {"EURO": (D("10104.895"), D("10104.895")), "APPLE": (D(99), D(99))}


def test_a_long_stop_is_looked_at_evenly_and_at_most_3600_times() -> None:
    """A month without anybody looking costs 3600 looks, the last of them at the present."""
    seen: list[int] = []

    class Watched(StillMarket):
        def levels(self, pair: Pair, tick: int, side: TradeType) -> Iterator[Level]:
            seen.append(tick)
            return super().levels(pair, tick, side)

    exchange = Exchange(Watched())
    exchange.place(limit("ann", "a", BUY, "1", 90))
    seen.clear()
    exchange.later(30 * 86_400)
    assert len(seen) == 3_600
    assert seen[-1] == exchange.engine.state.tick
    assert {right - left for left, right in itertools.pairwise(seen)} == {720}


def test_a_clock_that_goes_back_moves_nothing() -> None:
    """The market never returns to a tick."""
    exchange = Exchange()
    tick = exchange.engine.state.tick
    exchange.later(-10)
    assert exchange.engine.state.tick == tick


def test_events_tell_the_story_in_order() -> None:
    """Accepted, traded, expired, then what the balances are; numbered without a hole."""
    exchange = Exchange(asks=((101, "1"),))
    exchange.place(limit("ann", "a", BUY, "3", 101, time_in_force=TimeInForce.IOC))
    events = exchange.changes().events
    assert [event.name for event in events] == ["new", "trade", "expired", "balance"]
    assert [event.seq for event in events] == list(range(events[0].seq, events[0].seq + 4))
    assert [event.order and event.order.filled_amount for event in events[:3]] == [D(0), D(1), D(1)]
    assert {balance.asset for balance in events[3].balances} == {"EURO", "APPLE"}


@pytest.mark.parametrize(("account", "balances"), [("", {}), ("~fees", {}), ("ann", {}), ("new", {"EURO": D(-1)})])
def test_an_account_needs_a_new_name_and_no_debts(account: str, balances: dict[str, D]) -> None:
    """The exchange's own accounts can't be had."""
    with pytest.raises(PaperRefusal) as refusal:
        Exchange().engine.open_account(account, balances)
    assert refusal.value.code is RefusalCode.INVALID_ACCOUNT


def test_an_unknown_pair_is_refused() -> None:
    """By name."""
    with pytest.raises(PaperRefusal, match="PEAR-EURO"):
        Exchange().engine.pair("PEAR-EURO")


def test_the_book_shows_users_orders_and_depth_together() -> None:
    """Price by price, best first."""
    exchange = Exchange(asks=((101, "1"), (103, "2")))
    exchange.place(limit("ann", "a", SELL, "4", 101))
    exchange.place(limit("ann", "b", SELL, "4", 102))
    offers = [(level.price, level.amount) for level in exchange.engine.offers(APPLE.trading_pair, SELL)]
    assert offers == [(D(101), D(5)), (D(102), D(4)), (D(103), D(2))]
