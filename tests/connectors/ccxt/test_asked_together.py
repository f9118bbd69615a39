"""Orders of one moment share a few lists, which tell of each what questions by its names would have told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal as D
from typing import Any

import pytest
from msgspec import structs

from app.connectors.ccxt.reports import Pairs, filled_report
from app.domain.enums import TradeType
from app.domain.fill import Fill, total_amount
from app.domain.order import Order, OrderRef
from tests.clock import START
from tests.connectors.ccxt.dialect import (
    BybitDialect,
    BybitPerpetualDialect,
    FamilyDialect,
    OkxDialect,
    OkxPerpetualDialect,
)
from tests.connectors.conformance import Bench, bench_over

_SMALL = D("0.001")


@pytest.fixture(params=[BybitDialect, BybitPerpetualDialect, OkxDialect, OkxPerpetualDialect])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    async with bench_over(request.param()) as bench:
        yield bench


def dialect(bench: Bench) -> FamilyDialect:
    assert isinstance(bench.dialect, FamilyDialect)
    return bench.dialect


async def placed(bench: Bench, order: Order) -> OrderRef:
    """The order with the number that the acknowledgement told."""
    report = await bench.connector.submit_order(order)
    assert report.is_partial
    return structs.replace(order.ref, exchange_order_id=report.exchange_order_id)


async def filled(bench: Bench) -> OrderRef:
    return await placed(bench, bench.order(trade_type=TradeType.BUY, amount=_SMALL))


async def test_what_is_told_of_many_is_what_is_told_of_each(bench: Bench) -> None:
    """Filled and resting ones, in three requests; no order is there that nobody asked about."""
    await filled(bench)
    taken = [await filled(bench) for _ in range(3)]
    resting = [await placed(bench, await bench.resting(amount=_SMALL)) for _ in range(2)]
    before = dialect(bench).sandbox.requests.total()

    told = await bench.connector.fetch_orders([*taken, *resting])

    assert dialect(bench).sandbox.requests.total() - before == 3
    assert set(told) == {ref.order_id for ref in (*taken, *resting)}
    for ref in taken:
        report = told[ref.order_id]
        assert (report.state, report.filled_amount, report.is_partial) == ("filled", _SMALL, False)
        assert report.fills == tuple(await bench.connector.fetch_fills(ref))
        assert total_amount(report.fills) == _SMALL
    for ref in resting:
        assert structs.replace(told[ref.order_id], fills=()) == await bench.connector.fetch_order(ref)


async def test_limit_orders_that_are_filled_need_no_more_than_their_fills_where_these_tell_the_amount(
    bench: Bench,
) -> None:
    """As at Bybit: the exchange says of how much each of them was, so that nothing is left of the order."""
    price = await bench.on_tick(await bench.mid() * D("1.1"))
    taken = [await placed(bench, bench.order(trade_type=TradeType.BUY, price=price, amount=_SMALL)) for _ in range(3)]
    before = dialect(bench).sandbox.requests.total()
    told = await bench.connector.fetch_orders(taken)
    is_told = bool(bench.connector.row.fills_tell_amount)  # type: ignore[attr-defined]
    assert dialect(bench).sandbox.requests.total() - before == (1 if is_told else 3)
    for ref in taken:
        report = told[ref.order_id]
        assert (report.order_id, report.state) == (ref.client_order_id, "filled")
        assert (report.filled_amount, report.amount) == (_SMALL, _SMALL)
        assert report.fills == tuple(await bench.connector.fetch_fills(ref))


@pytest.mark.parametrize(
    ("told", "is_filled"),
    [
        ({"2"}, True),
        ({"3"}, False),
        ({"1"}, False),
        ({"2", "3"}, False),
        ({None}, False),
        ({"2", None}, False),
        (set(), False),
    ],
)
def test_fills_that_do_not_add_up_to_the_amount_that_is_told_fill_nothing(told: set[Any], is_filled: bool) -> None:
    """The order was amended meanwhile, or not all of its fills are there."""
    ref = OrderRef(order_id="ours", trading_pair="BTC-USDT", exchange_order_id="7")
    pairs = Pairs(pairs={"BTC/USDT": "BTC-USDT"}, markets={"BTC/USDT": {"contract": False}})
    fills = [
        Fill(exchange_fill_id=str(number), price=D(1), amount=D(1), fee=None, fee_currency=None, filled_at=START)
        for number in range(2)
    ]
    report = filled_report(ref, {"symbol": "BTC/USDT"}, told, fills, pairs)
    assert (report is not None) is is_filled
    assert report is None or (report.state, report.filled_amount, report.fills) == ("filled", 2, tuple(fills))


async def test_many_are_found_on_more_than_one_page(bench: Bench) -> None:
    """Beside those that were placed meanwhile, and are on the first pages of a list that begins with what is newest."""
    refs = [await filled(bench) for _ in range(60)]
    told = await bench.connector.fetch_orders(refs[:55])
    assert set(told) == {ref.order_id for ref in refs[:55]}
    assert all(
        report.state == "filled" and total_amount(report.fills) == report.filled_amount for report in told.values()
    )


async def test_lists_end_at_the_moment_of_the_question(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is placed while they are read would push what is looked for to later pages."""
    taken = [await filled(bench) for _ in range(2)]
    calls, asked = bench.connector.calls, dict[str, Any]()  # type: ignore[attr-defined]
    ask = calls.ask

    async def noting(name: str, **parameters: Any) -> Any:
        asked[parameters["verb"]] = parameters["params"]
        return await ask(name, **parameters)

    monkeypatch.setattr(calls, "ask", noting)
    await bench.connector.fetch_orders(taken)
    now = int(bench.dialect.clock.now().timestamp() * 1000)
    row = bench.connector.row  # type: ignore[attr-defined]
    assert {verb: params["until"] for verb, params in asked.items()} == dict.fromkeys(
        (*row.done_verbs, "fetch_my_trades"), now
    )


async def test_an_order_of_the_same_name_and_another_number_is_not_told(bench: Bench) -> None:
    """Nor is one that the exchange does not have."""
    ref = await filled(bench)
    stranger = structs.replace(ref, exchange_order_id="4711")
    missing = structs.replace(ref, order_id="missing", exchange_order_id="4712", exchange_client_order_id=None)
    assert await bench.connector.fetch_orders([stranger, missing]) == {}
