"""Addresses and credentials."""

from __future__ import annotations

from typing import get_args

import pytest

from app.connectors.binance.credentials import credentials_of
from app.connectors.binance.endpoints import endpoints_of
from app.connectors.capabilities import MarketKind
from app.domain.errors import CredentialsRefused


def test_the_public_addresses_stand_in() -> None:
    """Without variables each connector goes to Binance's own hosts, the test network to its own."""
    assert endpoints_of("binance", {}).rest == "https://api.binance.com/api"
    assert endpoints_of("binance", {"ORDERGATE_BINANCE_REST_URL": ""}).rest == "https://api.binance.com/api"
    assert endpoints_of("binance_perpetual", {}).stream == "wss://fstream.binance.com/"
    assert "testnet" in endpoints_of("binance_perpetual_testnet", {}).rest


def test_variables_replace_them() -> None:
    """Each address has a variable of its own, and a missing or doubled slash at the end does not matter."""
    urls = {
        "ORDERGATE_BINANCE_REST_URL": "http://127.0.0.1:1/api/",
        "ORDERGATE_BINANCE_WS_API_URL": "ws://127.0.0.1:2/ws-api/v3",
        "ORDERGATE_BINANCE_PERPETUAL_REST_URL": "http://127.0.0.1:3/fapi",
        "ORDERGATE_BINANCE_PERPETUAL_STREAM_URL": "ws://127.0.0.1:4",
    }
    assert endpoints_of("binance", urls).rest == "http://127.0.0.1:1/api"
    assert endpoints_of("binance", urls).stream == "ws://127.0.0.1:2/ws-api/v3"
    assert endpoints_of("binance_perpetual", urls).rest == "http://127.0.0.1:3/fapi"
    assert endpoints_of("binance_perpetual", urls).stream == "ws://127.0.0.1:4/"
    assert "binancefuture.com" in endpoints_of("binance_perpetual_testnet", urls).rest


def test_market_streams_have_their_place() -> None:
    """Spot has one address; of perpetuals' two routes one carries candles and tickers, the other books and trades."""
    spot, perpetual = endpoints_of("binance", {}), endpoints_of("binance_perpetual", {})
    kinds: tuple[MarketKind, ...] = get_args(MarketKind)
    assert {spot.market_base(kind) for kind in kinds} == {"wss://stream.binance.com:443/"}
    assert perpetual.market_base("candles") == "wss://fstream.binance.com/market/"
    assert perpetual.market_base("ticker") == "wss://fstream.binance.com/market/"
    assert perpetual.market_base("trades") == "wss://fstream.binance.com/public/"
    assert perpetual.market_base("order_book") == "wss://fstream.binance.com/public/"
    moved = {"ORDERGATE_BINANCE_STREAM_URL": "ws://127.0.0.1:9000"}
    assert endpoints_of("binance", moved).market_base("trades") == "ws://127.0.0.1:9000/"


@pytest.mark.parametrize("name", ["binance", "binance_perpetual", "binance_perpetual_testnet"])
def test_public_streams_do_not_stand_beside_another_rest(name: str) -> None:
    """Who moved REST alone would see the prices of two markets mixed."""
    rest, stream = f"ORDERGATE_{name.upper()}_REST_URL", f"ORDERGATE_{name.upper()}_STREAM_URL"
    assert endpoints_of(name, {rest: "http://127.0.0.1:1/api"}).market_base("candles") is None
    both = {rest: "http://127.0.0.1:1/api", stream: "ws://127.0.0.1:2/"}
    assert str(endpoints_of(name, both).market_base("candles")).startswith("ws://127.0.0.1:2/")
    assert endpoints_of(name, {stream: "ws://127.0.0.1:2/"}).market_base("candles") is not None


def test_credentials_are_trimmed_and_hidden() -> None:
    """White space around a pasted key does not count, and ``repr`` shows nothing."""
    found = credentials_of("binance", {"binance_api_key": " key\n", "binance_api_secret": " secret "})
    assert found is not None
    assert (found.api_key, found.api_secret, found.private_key) == ("key", "secret", None)
    assert "key" not in repr(found)
    assert "secret" not in repr(found)
    assert credentials_of("binance", {}) is None


@pytest.mark.parametrize(
    ("key", "secret"), [("key", ""), ("", "secret"), ("a\r\nX-Evil: 1", "secret"), ("schlüssel", "secret")]
)
def test_half_or_unusable_credentials_are_refused(key: str, secret: str) -> None:
    """A key that can't stand in a header, or a half pair, is refused before anything is sent."""
    with pytest.raises(CredentialsRefused):
        credentials_of("binance", {"binance_api_key": key, "binance_api_secret": secret})
