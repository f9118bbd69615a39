"""Previewing: what it tells is what placing does, and it writes nothing."""

from __future__ import annotations

import os
import random
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from app.domain.audit import AuditRecord
from app.domain.caller import Actor
from app.domain.decimals import EXACT
from app.domain.enums import HaltCancel, HaltMode, OrderState, OrderType, TimeInForce, TradeType
from app.domain.errors import LimitExceeded, OrdergateError, PreviewOutdated
from app.domain.order import Order, OrderRequest
from app.domain.safety.limits import Collar, Limits
from app.domain.safety.scope import Scope
from app.journal.units.guard import UNGUARDED
from app.journal.units.safety import SetLimits
from app.paper.pairs import PAIRS as PAPER_PAIRS
from app.services.orders.previewing import Preview
from tests.services.world import ACCOUNT, World, gathered, market, request

#: Random orders that are previewed and placed; ``make previews`` takes ten thousand.
ORDERS = int(os.environ.get("ORDERGATE_PREVIEWS", "300"))

PAIRS = ("BTC-USDT", "ETH-USDT", "XRP-USDT", "ETH-BTC")
PRICES = {"BTC-USDT": 65000, "ETH-USDT": 3200, "XRP-USDT": Decimal("0.6"), "ETH-BTC": Decimal("0.05")}
#: What an order by quote amount is rounded down to.
STEPS = {pair: PAPER_PAIRS[pair].step for pair in PAIRS}

#: Limits that some of the orders break, in two scopes that overlap.
LIMITS = {
    Scope(): Limits(max_order_notional=Decimal(60_000), max_open_orders=25, max_open_notional=Decimal(400_000)),
    Scope(account_name=ACCOUNT, trading_pair="BTC-USDT"): Limits(
        max_position=Decimal(8),
        max_order_amount=Decimal("0.8"),
        price_collar=Collar(reference="mid", max_deviation_bps=Decimal(80)),
    ),
    Scope(trading_pair="XRP-USDT"): Limits(allowed_order_types=("LIMIT", "MARKET"), prevent_self_cross=True),
}


def a_request(rng: random.Random) -> OrderRequest:
    """Any order: of any kind and size, often off the tick, sometimes too small, too large or contradictory."""
    pair = rng.choice(PAIRS)
    price = Decimal(PRICES[pair])
    size = Decimal(str(round(10 ** rng.uniform(-0.5, 5), 2)))
    amount: Decimal | None = EXACT.divide(size, price).quantize(Decimal("1E-7"))
    order_type = rng.choice(list(OrderType))
    wanted: dict[str, Any] = {
        "trading_pair": pair,
        "trade_type": rng.choice(list(TradeType)),
        "order_type": order_type,
        "amount": amount,
        "price": None,
    }
    if order_type is OrderType.MARKET:
        if rng.random() < 0.3:
            wanted |= {"amount": None, "quote_amount": size if pair != "ETH-BTC" else EXACT.divide(size, 65000)}
    elif rng.random() < 0.98:
        away = Decimal(str(round(rng.gauss(1, 0.006), 8)))
        wanted["price"] = (price * away).quantize(Decimal("1E-9"))
    if order_type is OrderType.LIMIT and rng.random() < 0.4:
        wanted["time_in_force"] = rng.choice(list(TimeInForce))
    if rng.random() < 0.02:
        wanted["reduce_only"] = True
    return request(**wanted)


async def with_limits(world: World) -> None:
    for scope, limits in LIMITS.items():
        changes = limits.given
        await world.journal.decide(
            SetLimits(scope=scope, changes=changes, unlimited_reason=None, at=world.clock.now(), record=None)
        )


def record(world: World) -> AuditRecord:
    return AuditRecord(at=world.clock.now(), actor=Actor(name="tester"), operation="safety.halt")


async def preview(world: World, wanted: OrderRequest, *, asks_exchange: bool = True) -> Preview:
    return await world.previews.preview(wanted, UNGUARDED, asks_exchange=asks_exchange)


def refusals_of(error: OrdergateError) -> Any:
    """What must be the same in a preview and when the order is placed."""
    return error.code, error.detail, list(error.breaches) if isinstance(error, LimitExceeded) else None


def check_order(found: Preview, placed: Order) -> None:
    """The order was sent as it was previewed, filled as far, at the same price and for the same fee."""
    shown = found.order
    assert shown is not None
    assert found.taking is not None
    for field in ("order_type", "price", "quote_amount", "time_in_force", "trade_type", "reserved_price"):
        assert getattr(placed, field) == getattr(shown, field), field
    # Of an order by quote amount the exchange says the amount when it is filled.
    assert placed.amount == shown.amount or shown.amount is None
    if placed.state is not OrderState.FILLED and placed.filled_amount < found.taking.amount:
        assert "same account" in (placed.error_message or ""), placed
        return
    step = STEPS[placed.trading_pair] if shown.amount is None else Decimal(0)
    assert 0 <= found.taking.amount - placed.filled_amount <= step
    if placed.filled_amount:
        assert found.fee is not None
        assert found.taking.worst_price is not None
        [(currency, fee)] = placed.fees.items()
        assert currency == found.fee.currency
        rounding = step * (1 if currency == placed.trading_pair.partition("-")[0] else found.taking.worst_price)
        assert abs(fee - found.fee.taker) <= rounding * found.fee.rates.taker


async def test_a_token_binds_placing_to_what_was_previewed(world: World) -> None:
    """The same order is placed; another one, a late one, one at a market that has moved, and a forged token are not."""
    found = await preview(world, market(), asks_exchange=False)
    assert found.token is not None
    token = found.token.text

    placed = await world.orders.place(market(client_order_id="mine", idempotency_key="k"), preview_token=token)
    assert placed.order.state is OrderState.FILLED
    again = await world.orders.place(market(client_order_id="mine", idempotency_key="k"), preview_token="expired")
    assert again.replayed

    await refused(world, market(amount=Decimal("0.02")), token, "not the one that was previewed")
    await refused(world, market(), token[:-4] + "AAAA", "was not made by this gateway")
    await refused(world, market(connector_name="paper"), "not base64!", "was not made by this gateway")
    world.path.prices["BTC-USDT"] = Decimal(66_000)
    world.clock.advance(20)
    await refused(world, market(), token, "has left the band")
    world.path.prices["BTC-USDT"] = Decimal(65_000)
    world.clock.advance(11)
    await refused(world, market(), token, "older than 30 seconds")


async def refused(world: World, wanted: OrderRequest, token: str, why: str) -> None:
    head = world.journal.head()
    with pytest.raises(PreviewOutdated, match=why):
        await world.orders.place(wanted, preview_token=token)
    assert world.journal.head() == head


async def test_preview_and_placing_agree_on_random_orders(world: World) -> None:
    """What is refused is refused by the same checks and limits; what is placed has the terms, fills and fee that were shown."""
    await with_limits(world)
    rng = random.Random(16)
    codes: Counter[str] = Counter()
    resting: list[Order] = []
    for number in range(ORDERS):
        wanted = a_request(rng)
        head = world.journal.head()
        found = await preview(world, wanted)
        assert world.journal.head() == head
        [placed] = await gathered(world.orders.place(wanted))
        codes[getattr(placed, "code", "placed")] += 1
        if isinstance(placed, OrdergateError):
            assert found.refusals, (number, wanted, placed)
            assert refusals_of(placed) == refusals_of(found.refusals[0]), (number, wanted)
        else:
            assert found.refusals == (), (number, wanted)
            check_order(found, placed.order)
            if placed.order.is_active:
                resting.append(placed.order)
        if rng.random() < 0.1:
            await cancelled(world, resting, keep=15)
        world.clock.advance(1)
    assert codes["placed"] > ORDERS / 10
    assert {"limit_exceeded", "rule_violation", "would_take"} <= codes.keys(), codes


async def cancelled(world: World, resting: list[Order], keep: int) -> None:
    while len(resting) > keep:
        await world.orders.cancel(resting.pop(0).key)


async def test_all_that_speaks_against_an_order_is_told(world: World) -> None:
    """A halt does not hide the limits: each refusal is there, the one that placing gives first, and there is no token."""
    await with_limits(world)
    await world.safety.halting.halt(
        Scope(), mode=HaltMode.HALT, cancel=HaltCancel.NONE, reason="a test", record=record(world)
    )

    found = await preview(world, request(amount=Decimal(2), price=Decimal(66_000)))

    assert [error.code for error in found.refusals[:2]] == ["halted", "limit_exceeded"]
    assert found.token is None


async def test_limits_are_told_with_what_is_left(world: World) -> None:
    await with_limits(world)
    await world.orders.place(request(trading_pair="ETH-USDT", price=Decimal(3000), amount=Decimal(1)))

    found = await preview(world, request(trading_pair="ETH-USDT", price=Decimal(3000), amount=Decimal(2)))

    measured = {each.limit: each for each in found.limits}
    assert (measured["max_open_orders"].used, measured["max_open_orders"].would_be) == (1, 2)
    assert (measured["max_open_notional"].used, measured["max_open_notional"].would_be) == (3000, 9000)
    assert measured["max_order_notional"].would_be == 6000
