"""The perpetual exchange's interface, on SQLite and PostgreSQL: positions, restarts, several processes, kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from app.domain.enums import OrderState, OrderType, PositionMode, PositionSide, TradeType
from app.paper.exchange import PaperExchange
from app.paper.perpetual.exchange import PERPETUAL_PAIRS, PaperPerpetualExchange
from app.paper.perpetual.orders import NewPerpetualOrder, PerpetualFill
from app.paper.refusals import PaperRefusal, RefusalCode
from tests.clock import FakeClock
from tests.paper.hand_path import HandPath

Open = Callable[..., PaperPerpetualExchange]

BTC = "BTC-USDT"
EIGHT_HOURS = 8 * 3_600


@pytest.fixture
def open_perpetual(clock: FakeClock, path: HandPath) -> Iterator[Open]:
    """Opens exchanges, one per simulated process, and closes them at the end."""
    opened: list[PaperPerpetualExchange] = []

    def open_one(url: str, **options: Any) -> PaperPerpetualExchange:
        opened.append(PaperPerpetualExchange(url, **{"clock": clock, "seed": 1, "path": path} | options))
        return opened[-1]

    yield open_one
    for exchange in opened:
        exchange.close()


@pytest.fixture
def perpetual(url: str, open_perpetual: Open) -> PaperPerpetualExchange:
    return open_perpetual(url)


def buy(name: str, amount: str = "0.1", price: str | None = None, **terms: Any) -> NewPerpetualOrder:
    given: dict[str, Any] = {
        "account": "ann",
        "client_order_id": name,
        "trading_pair": BTC,
        "trade_type": TradeType.BUY,
        "order_type": OrderType.MARKET if price is None else OrderType.LIMIT,
        "amount": D(amount),
        "price": None if price is None else D(price),
    }
    return NewPerpetualOrder(**given | terms)


def sell(name: str, amount: str = "0.1", price: str | None = None, **terms: Any) -> NewPerpetualOrder:
    return buy(name, amount, price, trade_type=TradeType.SELL, **terms)


def leverage(exchange: PaperPerpetualExchange) -> int:
    """Ann's leverage on BTC."""
    return exchange.margin_account("ann").leverages[BTC]


def test_a_fresh_account_trades_at_once(perpetual: PaperPerpetualExchange) -> None:
    """A hundred thousand dollars, one-way mode, no leverage; a position shows all that is known about it."""
    assert [(each.asset, each.total) for each in perpetual.balances("ann")] == [("USDT", D(100_000))]
    assert (perpetual.position_mode("ann"), leverage(perpetual)) == (PositionMode.ONEWAY, 1)
    assert perpetual.positions("ann") == ()
    perpetual.set_leverage("ann", BTC, 20)
    record = perpetual.place(buy("a"))
    (view,) = perpetual.positions("ann")
    assert (view.position.side, view.position.amount, view.leverage) == (PositionSide.BOTH, D("0.1"), 20)
    assert view.position.cost == record.order.filled_quote
    assert view.unrealized_pnl == D("0.1") * view.mark_price - view.position.cost
    assert view.liquidation_price is not None
    assert D(61_000) < view.liquidation_price < D(63_000)


def test_only_pairs_settled_in_dollars_are_traded(perpetual: PaperPerpetualExchange) -> None:
    """The others are spot markets."""
    assert {"BTC-USDT", "ETH-USDT", "SOL-USDT"} <= set(PERPETUAL_PAIRS)
    assert all(pair.quote == "USDT" for pair in PERPETUAL_PAIRS.values())
    assert perpetual.assets == {"USDT"}
    with pytest.raises(PaperRefusal) as refusal:
        perpetual.place(buy("a", trading_pair="ETH-BTC"))
    assert refusal.value.code is RefusalCode.UNKNOWN_PAIR
    with pytest.raises(PaperRefusal):
        perpetual.set_leverage("ann", "ETH-BTC", 2)


def test_a_restart_finds_everything_as_it_was(
    perpetual: PaperPerpetualExchange, open_perpetual: Open, url: str, clock: FakeClock
) -> None:
    """Positions of both sides, leverages, modes, orders, fills and funding payments, to the last digit."""
    perpetual.set_position_mode("ann", PositionMode.HEDGE)
    perpetual.set_leverage("ann", BTC, 7)
    first = perpetual.place(buy("a", position_side=PositionSide.LONG))
    perpetual.place(sell("b", "0.3", position_side=PositionSide.SHORT))
    perpetual.place(sell("c", "0.1", "70000", position_side=PositionSide.LONG))
    clock.advance(EIGHT_HOURS)
    before = [
        read(perpetual)
        for read in (
            lambda it: it.positions("ann"),
            lambda it: it.balances("ann"),
            lambda it: it.open_orders("ann"),
            lambda it: it.fills("ann"),
            lambda it: it.funding_payments("ann"),
            lambda it: (it.position_mode("ann"), leverage(it)),
        )
    ]
    perpetual.close()
    again = open_perpetual(url)
    assert before == [
        again.positions("ann"),
        again.balances("ann"),
        again.open_orders("ann"),
        again.fills("ann"),
        again.funding_payments("ann"),
        (again.position_mode("ann"), leverage(again)),
    ]
    assert again.order("ann", client_order_id="a") == first
    assert len(again.funding_payments("ann")) == 2
    (fill,) = again.fills("ann")[:1]
    assert isinstance(fill, PerpetualFill)
    assert fill.position_side is PositionSide.LONG


def test_two_processes_share_one_exchange(url: str, open_perpetual: Open, clock: FakeClock, path: HandPath) -> None:
    """Each sees at once what the other did, and what the market does happens once, whichever process is first."""
    one, other = open_perpetual(url), open_perpetual(url)
    one.set_leverage("ann", BTC, 50)
    one.place(buy("a", "1"))
    assert other.positions("ann") == one.positions("ann")
    resting = other.place(sell("b", "1", "90000", reduce_only=True))
    clock.advance(EIGHT_HOURS)
    assert one.funding_payments("ann") == other.funding_payments("ann")
    assert len(other.funding_payments("ann")) == 1
    path.prices[BTC] = D(60_000)
    clock.advance(1)
    assert other.positions("ann") == one.positions("ann") == ()
    assert one.open_orders("ann") == ()
    assert sum(isinstance(fill, PerpetualFill) and fill.is_liquidation for fill in one.fills("ann")) == 1
    expired = one.order("ann", exchange_order_id=resting.order.exchange_order_id)
    assert expired is not None
    assert expired.order.state is OrderState.EXPIRED
    with pytest.raises(PaperRefusal):
        one.place(sell("c", "0.1", reduce_only=True))


def test_funding_payments_are_found_by_time_and_pair(perpetual: PaperPerpetualExchange, clock: FakeClock) -> None:
    """Oldest first, from and to a moment, both included."""
    perpetual.place(buy("a"))
    perpetual.place(buy("b", "1", trading_pair="ETH-USDT"))
    clock.advance(3 * EIGHT_HOURS)
    found = perpetual.funding_payments("ann")
    assert len(found) == 6
    assert [each.paid_at for each in found] == sorted(each.paid_at for each in found)
    last = found[-1].paid_at
    assert {each.paid_at for each in perpetual.funding_payments("ann", since=last)} == {last}
    assert len(perpetual.funding_payments("ann", until=last - timedelta(seconds=1))) == 4
    assert len(perpetual.funding_payments("ann", trading_pair=BTC)) == 3
    assert perpetual.funding_payments("ann", limit=2) == found[:2]
    assert perpetual.funding_payments("bob") == ()


def test_funding_terms_are_those_that_are_then_paid(perpetual: PaperPerpetualExchange, clock: FakeClock) -> None:
    """The rate shown before the funding is the rate of the payment."""
    perpetual.place(buy("a"))
    terms = perpetual.funding_terms(BTC)
    clock.advance((terms.next_at - clock.now()).total_seconds())
    (paid,) = perpetual.funding_payments("ann")
    assert (paid.paid_at, paid.rate) == (terms.next_at, terms.rate)
    assert perpetual.funding_terms(BTC).next_at == terms.next_at + timedelta(hours=8)
    with pytest.raises(PaperRefusal):
        perpetual.funding_terms("ETH-BTC")


def test_spot_and_perpetuals_do_not_touch_each_other(
    perpetual: PaperPerpetualExchange, url: str, clock: FakeClock
) -> None:
    """In one database each has its own tables: orders, ids, balances."""
    spot = PaperExchange(url, clock=clock, seed=1)
    perpetual.place(buy("a"))
    assert spot.open_orders("ann") == ()
    assert {each.asset: each.total for each in spot.balances("ann")}["USDT"] == D(100_000)
    assert spot.snapshot().orders == ()
    spot.close()


_OPENER = """
import sys
from decimal import Decimal
from app.clock import SystemClock
from app.domain.enums import OrderType, TradeType
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.paper.perpetual.orders import NewPerpetualOrder
exchange = PaperPerpetualExchange(sys.argv[1], clock=SystemClock(), seed=1)
for number in range(10_000):
    name = f"k{number}"
    exchange.place(NewPerpetualOrder(account="ann", client_order_id=name, trading_pair="BTC-USDT", trade_type=TradeType.BUY,
                                     order_type=OrderType.MARKET, amount=Decimal("0.001")))
    print(name, flush=True)
"""


def test_what_was_answered_survives_a_kill(tmp_path: Path, open_perpetual: Open) -> None:
    """A process is killed while it opens a position; the position is exactly what the orders that are there bought."""
    url = f"sqlite:///{tmp_path / 'killed.db'}"
    process = subprocess.Popen([sys.executable, "-c", _OPENER, url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    answered = [process.stdout.readline().strip() for _ in range(25)]
    os.kill(process.pid, signal.SIGKILL)
    answered += process.stdout.read().split()
    process.wait()
    process.stdout.close()

    exchange = open_perpetual(url)
    orders = exchange.orders("ann")
    assert [order.client_order_id for order in orders][: len(answered)] == answered
    assert len(orders) <= len(answered) + 1
    (view,) = exchange.positions("ann")
    assert view.position.amount == D("0.001") * len(orders)
    assert view.position.cost == sum(order.filled_quote for order in orders)
