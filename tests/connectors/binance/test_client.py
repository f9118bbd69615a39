"""What reaches the wire, byte by byte, and what the client does when the wire fails."""

from __future__ import annotations

import hashlib
import hmac
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from app.connectors.binance.perpetual import BinancePerpetualConnector
from app.connectors.binance.spot import BinanceConnector
from app.connectors.common.answers import ErrorAnswer, NoAnswer
from app.domain.enums import OrderType
from app.domain.errors import CredentialsRefused, ExchangeDown, OrderRefused
from app.domain.order import Order
from tests.connectors.binance.conftest import API_KEY, SECRET, SERVER_MS, an_order, context, payload, settings
from tests.connectors.hand_clock import HandClock
from tests.connectors.stub import RESET, Reply, StubExchange, error, reply

OrderOf = Callable[..., Order]
SPOT_ORDER = ("POST", "/api/v3/order")
RESTING: dict[str, Any] = payload("spot_rest", "resting")


def signed_part(raw: str) -> tuple[str, str]:
    text, _, signature = raw.rpartition("&signature=")
    return text, unquote(signature)


def hmac_of(text: str) -> str:
    return hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()


NUMBERS = [Decimal(10) ** power for power in range(-8, 9)]
NUMBERS += [
    Decimal("123456.12345678"),
    Decimal("1E+8"),
    Decimal("1E-8"),
    Decimal("100").normalize(),
    Decimal("0.10000000000000000"),
]


@pytest.mark.parametrize("number", NUMBERS, ids=str)
async def test_no_float_and_no_exponent_reaches_the_wire(
    number: Decimal,
    spot: BinanceConnector,
    perpetual: BinancePerpetualConnector,
    exchange: StubExchange,
    order_of: OrderOf,
) -> None:
    """From 1e-8 to 1e8 an amount and a price leave as plain digits, signed over exactly the bytes that are sent."""
    exchange.script(*SPOT_ORDER, error(400, -1111))
    exchange.script("POST", "/fapi/v1/order", error(400, -1111))
    for connector in (spot, perpetual):
        with pytest.raises(OrderRefused):
            await connector.submit_order(order_of(amount=number, price=number))
    for request in (*exchange.asked(*SPOT_ORDER), *exchange.asked("POST", "/fapi/v1/order")):
        for name in ("quantity", "price"):
            sent = request.parameters[name]
            assert set(sent) <= set("0123456789.")
            assert Decimal(sent) == number
            assert "." not in sent or not sent.endswith("0")
        text, signature = signed_part(request.raw)
        assert signature == hmac_of(text)


async def test_a_limit_order_on_the_wire(spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf) -> None:
    """Every parameter of a spot order is ours: our id without a broker's tag, a short window, the exchange's time."""
    exchange.script(*SPOT_ORDER, reply(RESTING))
    await spot.submit_order(order_of())
    (request,) = exchange.asked(*SPOT_ORDER)
    parameters = request.parameters
    assert len(parameters.pop("signature")) == 64
    assert parameters == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.5",
        "price": "20000",
        "newClientOrderId": "og-1",
        "newOrderRespType": "FULL",
        "recvWindow": "5000",
        "timestamp": str(SERVER_MS),
    }
    assert request.headers["x-mbx-apikey"] == API_KEY
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize("bad", [0.1, Decimal("0.1"), True, None, ["a"]])
async def test_what_is_not_text_never_leaves(bad: object, spot: BinanceConnector, exchange: StubExchange) -> None:
    """The client refuses a number that is no text yet, before anything is sent."""
    await spot.venue.ready_to_sign()
    with pytest.raises(TypeError):
        await spot.calls.client().create_order(symbol="BTCUSDT", newClientOrderId="og-1", quantity=bad)
    assert not exchange.asked(*SPOT_ORDER)


@pytest.mark.parametrize("order_id", ["", "a b&symbol=ETHUSDT", "x" * 33, "a.b", "ä", "a/b", "a:b"])
async def test_an_id_that_needs_encoding_never_leaves(
    order_id: str, spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """Ids outside [A-Za-z0-9_-]{1,32} are refused before any call, in submit, cancel and query."""
    order = order_of(order_id=order_id)
    for call in (
        spot.submit_order(order),
        spot.cancel_order(order.ref),
        spot.fetch_order(order.ref),
        spot.fetch_fills(order.ref),
    ):
        with pytest.raises(OrderRefused, match="nothing was sent"):
            await call
    assert not exchange.requests


async def test_a_symbol_outside_ascii_is_encoded_then_signed(
    spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """The signature covers the percent-encoded text, as Binance demands since January 2026."""
    await spot.load_trading_rules()
    exchange.script(*SPOT_ORDER, error(400, -1111))
    with pytest.raises(OrderRefused):
        await spot.submit_order(order_of(trading_pair="币安人生-USDT"))
    (request,) = exchange.asked(*SPOT_ORDER)
    assert request.parameters["symbol"] == "币安人生USDT"
    text, signature = signed_part(request.raw)
    assert text.isascii()
    assert signature == hmac_of(text)


async def test_a_redirect_is_not_followed(spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf) -> None:
    """A redirected order is no order: the answer escapes with its status, and the new place is not visited."""
    exchange.script(*SPOT_ORDER, Reply(status=302, headers={"Location": "/api/v3/ping"}))
    with pytest.raises(ErrorAnswer) as raised:
        await spot.submit_order(order_of())
    assert raised.value.status == 302
    assert not exchange.asked("GET", "/api/v3/ping")


async def test_an_error_keeps_status_headers_and_body(
    spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """A page instead of JSON survives in the exception, whatever it is."""
    exchange.script(*SPOT_ORDER, Reply(status=502, body=b"<html>bad gateway \xff</html>", headers={"X-Where": "edge"}))
    with pytest.raises(ErrorAnswer) as raised:
        await spot.submit_order(order_of())
    assert raised.value.status == 502
    assert raised.value.code is None
    assert raised.value.body == b"<html>bad gateway \xff</html>"
    assert raised.value.headers["x-where"] == "edge"
    assert "bad gateway" in raised.value.message


async def test_an_order_on_a_dying_kept_connection_is_not_sent_twice(
    spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """A POST that loses its reused connection is unknown, and the exchange saw it once."""
    exchange.script(*SPOT_ORDER, reply(RESTING), RESET)
    await spot.submit_order(order_of())
    with pytest.raises(NoAnswer):
        await spot.submit_order(order_of())
    assert len(exchange.asked(*SPOT_ORDER)) == 2


async def test_a_cancel_that_the_http_client_repeats_ends_as_a_report(
    spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """aiohttp repeats a DELETE on a fresh connection: the second one finds the order gone, and its state is asked for."""
    canceled = {**payload("spot_rest", "canceled"), "clientOrderId": "og-1"}
    exchange.script("POST", "/api/v3/order", reply(RESTING))
    exchange.script("DELETE", "/api/v3/order", RESET, error(400, -2011, "Unknown order sent."))
    exchange.script("GET", "/api/v3/order", reply(canceled))
    await spot.submit_order(order_of())
    report = await spot.cancel_order(order_of().ref)
    assert report.state == "canceled"
    assert len(exchange.asked("DELETE", "/api/v3/order")) == 2


async def test_a_cancel_written_once_is_never_called_unsent(clock: HandClock, order_of: OrderOf) -> None:
    """If the exchange dies after it read a cancel, the repeat can't connect; that is still not "nothing was sent"."""
    async with StubExchange() as dying:
        dying.script("GET", "/api/v3/time", reply({"serverTime": SERVER_MS}))
        dying.script("POST", "/api/v3/order", reply(RESTING))
        its_settings = settings(dying.url)
        venue = await BinanceConnector.open_venue(its_settings, clock)
        spot = BinanceConnector(context("binance", venue, clock))
        await spot.submit_order(order_of())

        def die(_: object) -> Any:
            dying.stop_listening()
            return RESET

        dying.script("DELETE", "/api/v3/order", die)
        with pytest.raises(NoAnswer):
            await spot.cancel_order(order_of().ref)
        await spot.close()
        await venue.close()


def pem_of(key: Any, password: bytes | None = None) -> str:
    encryption = NoEncryption() if password is None else BestAvailableEncryption(password)
    text: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return text.decode()


async def raw_order(secret: str, exchange: StubExchange, clock: HandClock) -> tuple[str, str]:
    """The signed text and the signature of one order sent with ``secret``."""
    its_settings = settings(exchange.url)
    venue = await BinanceConnector.open_venue(its_settings, clock)
    spot = BinanceConnector(context("binance", venue, clock, secret))
    exchange.script(*SPOT_ORDER, reply(RESTING))
    try:
        await spot.submit_order(an_order(clock))
    finally:
        await spot.close()
        await venue.close()
    return signed_part(exchange.asked(*SPOT_ORDER)[0].raw)


async def test_an_ed25519_key_signs(exchange: StubExchange, clock: HandClock) -> None:
    """The signature verifies with the public key over the bytes that were sent, also where the vault escaped the line ends."""
    key = ed25519.Ed25519PrivateKey.generate()
    text, signature = await raw_order(pem_of(key).replace("\n", "\\n"), exchange, clock)
    key.public_key().verify(b64decode(signature), text.encode())


async def test_an_rsa_key_signs(exchange: StubExchange, clock: HandClock) -> None:
    """So does RSA with PKCS #1 v1.5 and SHA-256."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text, signature = await raw_order(pem_of(key), exchange, clock)
    key.public_key().verify(b64decode(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize(
    "secret",
    [
        "-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----",
        pem_of(ed25519.Ed25519PrivateKey.generate(), b"a password"),
        "",
    ],
    ids=["garbage", "encrypted", "missing"],
)
async def test_an_unusable_secret_refuses_before_anything_is_sent(
    secret: str, exchange: StubExchange, clock: HandClock
) -> None:
    """A key that can't be read is a matter of credentials, not an unknown outcome; nothing leaves."""
    with pytest.raises(CredentialsRefused):
        await raw_order(secret, exchange, clock)
    assert not exchange.asked(*SPOT_ORDER)


async def test_a_connector_without_credentials_answers_public_questions(
    exchange: StubExchange, clock: HandClock
) -> None:
    """Prices and rules need no key; an order without one is refused unsent."""
    its_settings = settings(exchange.url)
    venue = await BinanceConnector.open_venue(its_settings, clock)
    spot = BinanceConnector(
        context("nobody", venue, clock),
    )
    exchange.script("GET", "/api/v3/ticker/24hr", reply(payload_json("ticker")))
    assert (await spot.fetch_ticker("BTC-USDT")).price == Decimal("4.000002")
    with pytest.raises(CredentialsRefused):
        await spot.submit_order(an_order(clock))
    assert not exchange.asked(*SPOT_ORDER)
    await spot.close()
    await venue.close()


def payload_json(key: str) -> Any:
    return payload("spot_rest", key)


async def test_closing_twice_is_harmless_and_ends_all_calls(
    spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf
) -> None:
    """After ``close`` nothing is sent any more, and a second ``close`` does nothing."""
    exchange.script(*SPOT_ORDER, reply(RESTING))
    await spot.submit_order(order_of())
    await spot.close()
    await spot.close()
    await spot.close_venue(spot.venue)
    await spot.close_venue(spot.venue)
    with pytest.raises(ExchangeDown, match="closed"):
        await spot.submit_order(order_of())
    with pytest.raises(ExchangeDown, match="closed"):
        spot.check_available()
    assert len(exchange.asked(*SPOT_ORDER)) == 1


async def test_building_a_connector_touches_no_network(exchange: StubExchange, spot: BinanceConnector) -> None:
    """Venue and connector are built, and nobody was asked."""
    assert exchange.connections == 0
    assert spot.venue.problem is None
    assert "Bearer" not in repr(spot.context)
    assert SECRET not in repr(spot.context)


def test_the_sdk_is_imported_only_when_a_client_is_built() -> None:
    """Naming the connectors costs neither python-binance nor aiohttp nor websockets."""
    code = (
        "import sys, app.connectors.binance.spot, app.connectors.binance.perpetual;"
        "print([name for name in ('binance', 'aiohttp', 'websockets', 'Crypto') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


async def test_market_order_by_quote_amount(spot: BinanceConnector, exchange: StubExchange, order_of: OrderOf) -> None:
    """A MARKET order may name what to spend; it then carries no quantity, price or time in force."""
    exchange.script(*SPOT_ORDER, reply(payload_json("quote_market")))
    await spot.submit_order(order_of(order_type=OrderType.MARKET, amount=None, quote_amount=Decimal("10.00")))
    (request,) = exchange.asked(*SPOT_ORDER)
    assert request.parameters["quoteOrderQty"] == "10"
    assert not {"quantity", "price", "timeInForce"} & request.parameters.keys()
