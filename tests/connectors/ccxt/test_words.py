"""An exchange's error is told in its own words, with its code beside them, never as the JSON that it came in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.connectors.ccxt.exchanges import ROWS
from app.connectors.ccxt.words import words_in
from app.connectors.common.http import HttpAnswer
from app.domain.errors import OrdergateError, OrderRefused
from tests.connectors.ccxt.verbs import order_of
from tests.connectors.ccxt.wired import wired


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (
            {"code": "1", "data": [{"sCode": "51008", "sMsg": "Too little", "ordId": ""}], "msg": "All failed"},
            "Too little",
        ),
        ({"code": "50111", "msg": "Invalid OK-ACCESS-KEY", "data": []}, "Invalid OK-ACCESS-KEY"),
        ({"error": ["EOrder:Insufficient funds", "EGeneral:x"]}, "EOrder:Insufficient funds; EGeneral:x"),
        ({"retCode": 170131, "retMsg": "Balance insufficient", "result": {}}, "Balance insufficient"),
        ({"status": "err", "response": "Wallet does not exist"}, "Wallet does not exist"),
        ({"response": {"data": {"statuses": [{"error": "Minimum is $10."}]}}}, "Minimum is $10."),
        ({"label": "INVALID_KEY", "message": "Invalid key"}, "Invalid key"),
        ({"error": {"code": 1, "message": "bad"}}, "bad"),
        ({"status": "error", "err-code": "a-b", "err-msg": "bad sign", "data": None}, "bad sign"),
        ({"code": "400100", "msg": ""}, None),
        ({"msg": "5", "success": False}, None),
        ([], None),
        (None, None),
        ({"data": [[[[[[{"msg": "too deep"}]]]]]]}, None),
    ],
)
def test_the_most_exact_sentence_is_found(payload: Any, words: str | None) -> None:
    """Wherever exchanges put it."""
    assert words_in(payload) == words


@pytest.mark.parametrize(
    ("name", "payload", "code", "words"),
    [
        (
            "okx",
            {"code": "1", "data": [{"sCode": "51008", "sMsg": "Too little USDT", "clOrdId": "x"}], "msg": "Failed"},
            "51008",
            "Too little USDT",
        ),
        ("kraken", {"error": ["EOrder:Insufficient funds"]}, "EOrder:Insufficient funds", "EOrder:Insufficient funds"),
        ("bybit", {"retCode": 170131, "retMsg": "Balance insufficient.", "result": {}}, "170131", "Balance insufficient."),
    ],
)  # fmt: skip
async def test_a_refusal_has_no_json(name: str, payload: Any, code: str, words: str) -> None:
    """Over the wire: the sentence is the detail, the code stands beside it."""
    async with wired(ROWS[name]) as (connector, exchange):
        body = json.dumps(payload).encode()
        exchange.answers = [HttpAnswer(200, {"content-type": "application/json"}, body)]
        with pytest.raises(OrderRefused) as refused:
            await connector.submit_order(order_of(connector))
        assert (refused.value.detail, refused.value.exchange_code) == (words, code)
        exchange.answers = [HttpAnswer(200, {"content-type": "application/json"}, body)] * 3
        with pytest.raises(OrdergateError) as failed:
            await connector.check_credentials()
        assert words in failed.value.detail
        assert "{" not in failed.value.detail
