"""What answers to an order prove, and how orders are read: for every name what all fronts answer, and for each exchange its own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from app.connectors.ccxt.connector import CcxtConnector
from app.connectors.ccxt.exchanges import ROWS
from app.connectors.ccxt.pages import Pages
from app.connectors.ccxt.row import Row
from app.connectors.common.http import HttpAnswer
from app.domain.enums import OrderType, TradeType
from app.domain.errors import ExchangeDown, ExchangeReadError, OrderRefused, RateLimited, Refused
from app.domain.reports import OrderReport
from app.domain.wire_ids import wire_id
from tests.connectors.ccxt.answers import CASES, Case
from tests.connectors.ccxt.capture import ORDER_ID
from tests.connectors.ccxt.verbs import order_of, ref_of
from tests.connectors.ccxt.wired import wired

HTML = b"<html><head><title>502 Bad Gateway</title></head></html>"

#: Status and body of answers that prove nothing, whoever gives them.
DOUBTS = [
    (200, b""),
    (200, HTML),
    (200, b"{}"),
    (200, b"[]"),
    (200, b"null"),
    (400, HTML),
    (404, HTML),
    (408, b""),
    (500, b"{}"),
    (500, HTML),
    (502, HTML),
    (503, b""),
    (504, HTML),
]


def answer(status: int, body: Any) -> HttpAnswer:
    """An answer as the exchange's front gives it."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpAnswer(status, {"content-type": "application/json"}, data)


@pytest.mark.parametrize("name", sorted(name for name, row in ROWS.items() if not row.is_test_domain))
async def test_what_proves_nothing_is_no_refusal(name: str) -> None:
    """An order and a cancel after any of these: nobody knows. After 429 and 403 nothing was taken."""
    async with wired(ROWS[name]) as (connector, exchange):
        for status, body in DOUBTS:
            for call in (connector.submit_order(order_of(connector)), connector.cancel_order(ref_of(connector, "777"))):
                exchange.requests.clear()
                # The lookup that follows a cancel has no answer, which is doubt, too.
                exchange.answers = [answer(status, body)]
                with pytest.raises(Exception) as raised:
                    await call
                assert not isinstance(raised.value, Refused), (status, body, raised.value)
        for status, kind in ((429, RateLimited), (403, ExchangeDown)):
            exchange.answers = [answer(status, HTML)]
            with pytest.raises(kind):
                await connector.submit_order(order_of(connector))


@pytest.mark.parametrize("name", sorted({case.name for case in CASES}))
async def test_the_answers_of_the_documentation(name: str) -> None:
    """Placed, refused with its class, read as it stands, or nobody knows."""
    async with wired(ROWS[name]) as (connector, exchange):
        for case in CASES:
            if case.name == name:
                exchange.answers = [answer(case.status, case.body(connector))]
                await check(connector, case)


@pytest.mark.parametrize("name", sorted(name for name, row in ROWS.items() if row.market_buy_in == "quote"))
async def test_a_sale_by_quote_amount_is_refused(name: str) -> None:
    """ccxt would take the amount of the quote currency for one of the base: 100 USDT would sell 100 BTC. Nothing leaves."""
    async with wired(ROWS[name]) as (connector, exchange):
        sale = structs.replace(
            order_of(connector),
            trade_type=TradeType.SELL,
            order_type=OrderType.MARKET,
            amount=None,
            price=None,
            quote_amount=Decimal(100),
        )
        with pytest.raises(OrderRefused, match="give amount instead"):
            await connector.submit_order(sale)
        assert exchange.requests == []


async def check(connector: CcxtConnector, case: Case) -> None:
    """Hold what the connector makes of the answer against ``case``."""
    if case.raises is not None:
        with pytest.raises(Exception) as raised:
            await asked(connector, case)
        is_known = issubclass(case.raises, Refused)
        is_right = type(raised.value) is case.raises if is_known else not isinstance(raised.value, Refused)
        assert is_right, (case.what, raised.value)
        return
    report = await asked(connector, case)
    assert report is not None, case.what
    assert (report.state, report.filled_amount) == (case.state, Decimal(case.filled)), case.what
    assert report.order_id in (connector_id(connector.row), ""), case.what


async def asked(connector: CcxtConnector, case: Case) -> OrderReport | None:
    """What the connector returns where the exchange answers so."""
    if case.verb == "place":
        return await connector.submit_order(order_of(connector))
    return await connector.fetch_order(ref_of(connector, "777" if case.verb == "ask_number" else None))


def connector_id(row: Row) -> str:
    """The client id that the order has there."""
    return wire_id(row.wire_id, ORDER_ID) or ORDER_ID


@pytest.mark.parametrize("name", sorted(name for name, row in ROWS.items() if row.reach is not None))
async def test_an_absence_proves_nothing_of_an_old_order(name: str) -> None:
    """What the exchange has forgotten was not never there."""
    row = ROWS[name]
    assert row.reach is not None
    async with wired(row) as (connector, _exchange):
        connector.context.clock.advance((row.reach + timedelta(minutes=1)).total_seconds())  # type: ignore[attr-defined]
        with pytest.raises(ExchangeReadError, match="as old as this one"):
            connector._check_reach(ref_of(connector))


def test_every_exchange_has_answers() -> None:
    """Each class of ccxt that a row names: placed, refused for funds, and read."""
    by_id: dict[str, set[str]] = {}
    for case in CASES:
        by_id.setdefault(ROWS[case.name].ccxt_id, set()).add(case.what)
    assert set(by_id) == {row.ccxt_id for row in ROWS.values()}
    assert {
        name: {"placed", "funds"} - whats for name, whats in by_id.items() if not {"placed", "funds"} <= whats
    } == {}


_OTHER = {
    "status": "closed",
    "opentm": 1759999995,
    "vol": "1",
    "vol_exec": "1",
    "cost": "1",
    "fee": "0",
    "descr": {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "1"},
}


def closed_page(first: int, length: int) -> dict[str, Any]:
    """A page of other done orders, as Kraken lists them: https://docs.kraken.com/api/docs/rest-api/get-closed-orders."""
    closed = {f"O{number}": _OTHER for number in range(first, first + length)}
    return {"error": [], "result": {"closed": closed, "count": length}}


_NOTHING = {"error": [], "result": {"open": {}, "closed": {}}}


@pytest.mark.parametrize(("length", "is_whole"), [(0, True), (49, True), (50, False)])
async def test_a_list_that_may_be_cut_proves_no_absence(length: int, is_whole: bool) -> None:
    """A list of fifty that could not be followed further."""
    async with wired(ROWS["kraken"]) as (connector, exchange):
        connector.row = replace(connector.row, done_pages=Pages(size=50))  # type: ignore[misc]
        answers = [_NOTHING, _NOTHING, _NOTHING, closed_page(0, length)]
        exchange.answers = [answer(200, each) for each in answers]
        if is_whole:
            assert await connector.fetch_order(ref_of(connector)) is None
        else:
            with pytest.raises(ExchangeReadError, match="does not list all orders"):
                await connector.fetch_order(ref_of(connector))


@pytest.mark.parametrize("lengths", [(50, 50, 3), (50, 0)])
async def test_a_list_is_followed_to_its_end(lengths: Sequence[int]) -> None:
    """Kraken's go on at an offset, until a page is not full."""
    async with wired(ROWS["kraken"]) as (connector, exchange):
        pages = [closed_page(50 * index, length) for index, length in enumerate(lengths)]
        exchange.answers = [answer(200, each) for each in (_NOTHING, _NOTHING, _NOTHING, *pages)]
        assert await connector.fetch_order(ref_of(connector)) is None
        assert exchange.answers == []
