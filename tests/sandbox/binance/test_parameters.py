"""Tests of reading parameters: each fault by Binance's code and text."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

from app.sandbox.binance import parameters
from app.sandbox.binance.failures import ApiError
from app.sandbox.binance.parameters import optional, required, split

EXPECTED = (
    required("symbol", parameters.symbol),
    optional("quantity", parameters.decimal),
    optional("limit", parameters.whole),
    optional("id", parameters.client_id),
    optional("flag", parameters.truth),
    optional("side", parameters.words("BUY", "SELL", code=-1117, message="Invalid side.")),
    optional("mode", parameters.words("A", "B")),
    optional("symbols", parameters.symbols),
)


def test_what_is_legal_is_read() -> None:
    """Every reader gives its value."""
    raw = (
        "symbol=BTCUSDT&quantity=0.10&limit=5&id=a-B_9&flag=TRUE&side=BUY&mode=B&symbols=%5B%22BTCUSDT%22%2C%22A%22%5D"
    )
    assert parameters.read(split(raw), EXPECTED) == {
        "symbol": "BTCUSDT",
        "quantity": D("0.10"),
        "limit": 5,
        "id": "a-B_9",
        "flag": True,
        "side": "BUY",
        "mode": "B",
        "symbols": ["BTCUSDT", "A"],
    }


@pytest.mark.parametrize(
    ("raw", "code", "message"),
    [
        ("", -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
        ("symbol=", -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
        ("symbol=A&symbol=B", -1101, "Duplicate values for parameter 'symbol'."),
        (
            "symbol=A&what=1",
            -1104,
            "Not all sent parameters were read; read '1' parameter(s) but was sent '2'.",
        ),
        ("symbol=A&limit=", -1105, "Parameter 'limit' was empty."),
        (
            "symbol=btc",
            -1100,
            "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'.",
        ),
        (
            "symbol=A&quantity=1E-7",
            -1100,
            r"Illegal characters found in parameter 'quantity'; legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'.",
        ),
        (
            "symbol=A&quantity=-1",
            -1100,
            r"Illegal characters found in parameter 'quantity'; legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'.",
        ),
        (
            "symbol=A&id=a.b",
            -1100,
            "Illegal characters found in parameter 'id'; legal range is '^[a-zA-Z0-9-_]{1,36}$'.",
        ),
        (
            "symbol=A&limit=1%0A",
            -1100,
            "Illegal characters found in parameter 'limit'; legal range is '^[0-9]{1,20}$'.",
        ),
        ("symbol=A&side=HOLD", -1117, "Invalid side."),
        ("symbol=A&mode=C", -1102, "Mandatory parameter 'mode' was not sent, was empty/null, or malformed."),
        ("symbol=A&flag=1", -1102, "Mandatory parameter 'flag' was not sent, was empty/null, or malformed."),
    ],
)
def test_what_is_not_is_refused(raw: str, code: int, message: str) -> None:
    """By the code and the words of Binance."""
    with pytest.raises(ApiError) as error:
        parameters.read(split(raw), EXPECTED)
    assert (error.value.code, error.value.message) == (code, message)


def test_an_endpoint_without_parameters_takes_none() -> None:
    """And counts what it was sent."""
    with pytest.raises(ApiError) as error:
        parameters.read(split("a=1&b=2"), ())
    assert error.value.body() == {"code": -1101, "msg": "Too many parameters; expected '0' and received '2'."}
    nothing: Any = parameters.read((), ())
    assert nothing == {}
