"""What leaves for each name: our id in its place, exact numbers, one request, and nothing for the library's partners."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from app.connectors.ccxt.exchanges import ROWS
from app.connectors.ccxt.row import Row
from app.domain.enums import OrderType
from app.domain.wire_ids import wire_id
from tests.connectors.ccxt.capture import ORDER_ID, Request, client_of, market_of, sent

#: Parts of what ccxt sends for its partners: its own name, and the ids of its exchanges' programs.
TAGS = re.compile(
    r"ccxt|6b9ad766b55dBCDE|p4sve|AA03022abc|x-TKT5PX2F|x-cvBPrNm9|9e58cc35|1b327198|builder|21d2a053|fee_?rate|0ad42b8e",
    re.IGNORECASE,
)


@pytest.fixture(params=sorted(ROWS))
async def wire(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    """One name: its row, its symbol, and what it would send for a verb."""
    row = ROWS[request.param]
    client, capture = client_of(row)

    async def send(verb: str, *arguments: Any, **params: Any) -> Request:
        return await sent(client, capture, verb, arguments, params)

    yield row, market_of(row)["symbol"], send
    await client.close()


def name_of(row: Row) -> str:
    return wire_id(row.wire_id, ORDER_ID) or ORDER_ID


async def test_an_order_leaves_once_under_our_id_without_tags(wire: Any) -> None:
    """Amount and price are the digits that were given."""
    row, symbol, send = wire
    name = name_of(row)
    request = await send(
        "create_order",
        symbol,
        "limit",
        "buy",
        Decimal(2),
        Decimal("50000.5"),
        **row.parameters,
        **{row.client_id: name},
    )
    assert name in str(request)
    assert "50000.5" in str(request) or row.ccxt_id in ("hyperliquid", "derive", "grvt")
    assert not TAGS.search(str(request)), TAGS.search(str(request))


async def test_a_maker_order_says_so(wire: Any) -> None:
    """What is sent for LIMIT_MAKER is not what is sent for LIMIT."""
    row, symbol, send = wire
    if OrderType.LIMIT_MAKER not in row.order_types:
        return
    ours = {**row.parameters, row.client_id: name_of(row)}
    plain = await send("create_order", symbol, "limit", "buy", Decimal(2), Decimal(50_000), **ours)
    maker = await send("create_order", symbol, "limit", "buy", Decimal(2), Decimal(50_000), **row.maker, **ours)
    assert (maker.url, maker.body) != (plain.url, plain.body)
    assert not TAGS.search(str(maker))


async def test_a_cancel_names_the_order(wire: Any) -> None:
    """By our id where the row says so, else by the exchange's; never by an empty one, which means all orders at one of them."""
    row, symbol, send = wire
    by, name = row.cancel_client_id, name_of(row)
    if by == "id":
        request = await send("cancel_order", name, symbol)
    elif by:
        request = await send("cancel_order", None, symbol, **{by: name})
    else:
        name = "777"
        request = await send("cancel_order", name, symbol)
    assert name in f"{request.url} {request.body}"
    assert "None" not in f"{request.url} {request.body}"
    assert not TAGS.search(str(request))


async def test_a_question_names_the_order(wire: Any) -> None:
    """By our id where the row says so, and by the exchange's."""
    row, symbol, send = wire
    for verb in row.ask_verbs:
        is_one = verb == "fetch_order"
        if row.ask_client_id:
            arguments = (None, symbol) if is_one else (symbol,)
            request = await send(verb, *arguments, **{row.ask_client_id: name_of(row)})
            assert name_of(row) in f"{request.url} {request.body}"
            assert "None" not in f"{request.url} {request.body}"
        if is_one or row.ask_number:
            by_number = {} if is_one else {row.ask_number: "777"}
            request = await send(verb, *(("777", symbol) if is_one else (symbol,)), **by_number)
            assert "777" in f"{request.url} {request.body}"
            assert not TAGS.search(str(request))
