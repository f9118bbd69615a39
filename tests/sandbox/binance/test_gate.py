"""Tests of admission to the API, over real requests: keys, timestamps, signatures, parameters, limits."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import pytest

from app.sandbox.binance.limits import Limits
from app.sandbox.server import Sandbox
from tests.clock import FakeClock
from tests.sandbox.binance.client import RESTING, RawClient, sign

ORDER, ACCOUNT = "/api/v3/order", "/api/v3/account"


async def test_a_key_is_needed(client: RawClient) -> None:
    """None is -2014, an unknown one -2015, both 401."""
    query = client.query()
    missing = await client.send("GET", ACCOUNT, query, key=None)
    assert (missing.status, *missing.error) == (401, -2014, "API-key format invalid.")
    unknown = await client.send("GET", ACCOUNT, query, key="another")
    assert (unknown.status, *unknown.error) == (401, -2015, "Invalid API-key, IP, or permissions for action.")


@pytest.mark.parametrize(
    ("offset", "window", "error"),
    [
        (0, None, None),
        (999, None, None),
        (1_001, None, "Timestamp for this request was 1000ms ahead of the server's time."),
        (-5_000, None, None),
        (-5_001, None, "Timestamp for this request is outside of the recvWindow."),
        (-2_001, "2000", "Timestamp for this request is outside of the recvWindow."),
        (-59_000, "60000", None),
    ],
)
async def test_timestamps_must_be_near(client: RawClient, offset: int, window: str | None, error: str | None) -> None:
    """At most recvWindow old, five seconds unless said otherwise, and at most a second ahead."""
    parameters = {"timestamp": client.now_ms + offset} | ({} if window is None else {"recvWindow": window})
    reply = await client.signed("GET", ACCOUNT, **parameters)
    assert (reply.status == 200) if error is None else (reply.error == (-1021, error))


async def test_other_errors_of_a_timestamp(client: RawClient) -> None:
    """A window beyond a minute, none at all, and no number; microseconds are understood."""
    assert (await client.signed("GET", ACCOUNT, recvWindow="60001")).error[0] == -1131
    assert (await client.send("GET", ACCOUNT, f"signature={sign('')}")).error[0] == -1102
    assert (await client.signed("GET", ACCOUNT, timestamp="now")).error[0] == -1100
    assert (await client.signed("GET", ACCOUNT, timestamp=client.now_ms * 1_000)).status == 200


async def test_a_signature_is_over_the_exact_text(client: RawClient) -> None:
    """A changed text, another secret and no signature at all are refused."""
    text = f"timestamp={client.now_ms}"
    for signature in (sign(text + "1"), sign(text, "another"), "x"):
        reply = await client.send("GET", ACCOUNT, f"{text}&signature={signature}")
        assert (reply.status, *reply.error) == (400, -1022, "Signature for this request is not valid.")
    reply = await client.send("GET", ACCOUNT, text)
    assert reply.error == (-1102, "Mandatory parameter 'signature' was not sent, was empty/null, or malformed.")


async def test_parameters_come_in_query_body_or_both(client: RawClient) -> None:
    """The signed text is the one after the other; what stands in both counts as in the query."""
    terms = RESTING | {"timestamp": str(client.now_ms)}
    text = urlencode(terms)
    in_body = await client.send("POST", ORDER, body=f"{text}&signature={sign(text)}")
    assert in_body.status == 200
    query, body = urlencode(list(terms.items())[:3]), urlencode([*list(terms.items())[3:], ("side", "SELL")])
    in_both = await client.send("POST", ORDER, query, body=f"{body}&signature={sign(query + body)}")
    assert (in_both.status, in_both.json["side"]) == (200, "BUY")


async def test_what_was_encoded_before_it_was_signed_verifies(client: RawClient) -> None:
    """And what was signed before it was encoded does not."""
    encoded = f"symbol={quote('BTC:USDT', safe='')}&timestamp={client.now_ms}"
    plain = f"symbol=BTC:USDT&timestamp={client.now_ms}"
    reply = await client.send("GET", "/api/v3/openOrders", f"{encoded}&signature={sign(encoded)}")
    assert reply.error[0] == -1100
    reply = await client.send("GET", "/api/v3/openOrders", f"{encoded}&signature={sign(plain)}")
    assert reply.error[0] == -1022


async def test_unknown_duplicate_and_foreign_parameters(client: RawClient) -> None:
    """Refused by name and number."""
    assert (await client.place(colour="red")).error == (
        -1104,
        "Not all sent parameters were read; read '7' parameter(s) but was sent '8'.",
    )
    text = f"symbol=BTCUSDT&symbol=ETHUSDT&timestamp={client.now_ms}"
    reply = await client.send("GET", "/api/v3/openOrders", f"{text}&signature={sign(text)}")
    assert reply.error == (-1101, "Duplicate values for parameter 'symbol'.")
    assert (await client.send("POST", ORDER, body="ü=1")).error[0] == -1100


async def test_answers_have_the_used_limits(client: RawClient) -> None:
    """Weight on every answer, order counts on accepted orders only; an order that traded is not counted."""
    first = await client.place()
    assert (first.headers["X-MBX-USED-WEIGHT-1M"], first.headers["X-MBX-ORDER-COUNT-10S"]) == ("1", "1")
    refused = await client.place(quantity="0.000001")
    assert refused.headers["X-MBX-USED-WEIGHT-1M"] == "2"
    assert "X-MBX-ORDER-COUNT-10S" not in refused.headers
    traded = await client.place(price="66000")
    assert traded.json["status"] == "FILLED"
    assert traded.headers["X-MBX-ORDER-COUNT-10S"] == "1"
    assert [row["count"] for row in (await client.signed("GET", "/api/v3/rateLimit/order")).json] == [1, 1]


async def test_too_much_is_429_and_then_418(sandbox: Sandbox, client: RawClient, clock: FakeClock) -> None:
    """Nothing is carried out meanwhile, and the next minute is free again."""
    sandbox.spot.usage.limits = Limits(weight=20, orders_10s=1)
    assert (await client.place()).status == 200
    full = await client.place()
    assert (full.status, full.error[0], full.headers["Retry-After"]) == (429, -1015, "5")
    assert (await client.signed("GET", ACCOUNT)).status == 429
    assert [(await client.place()).status for _ in range(11)] == [429] * 9 + [418] * 2
    clock.advance(120)
    assert len((await client.signed("GET", "/api/v3/openOrders", symbol="BTCUSDT")).json) == 1
