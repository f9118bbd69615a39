"""Both connectors behind a proxy, with certificates of an authority of the tests' own: REST, account streams and market streams.

No name server knows the hosts; only the proxy does, so whatever arrives has come through it.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvloop

from app.connectors.base import ConnectorContext
from app.connectors.capabilities import MarketTopic
from app.connectors.registry import connector_class
from app.domain.errors import ExchangeDown
from app.domain.reports import Gap
from app.settings import load_settings
from tests.certificates import Authority
from tests.connectors.binance.conftest import API_KEY, PAYLOADS, SECRET, SERVER_MS
from tests.connectors.hand_clock import HandClock
from tests.connectors.http_proxy import HttpProxy
from tests.connectors.stream_server import StreamServer
from tests.connectors.stub import Reply, StubExchange, reply

HOST, PORT = "exchange.test", "8443"
AUTHORITY = f"{HOST}:{PORT}"
STREAMS = f"streams.test:{PORT}"
CONNECT = f"CONNECT {AUTHORITY} HTTP/1.1"
PASSWORD = "CanaryOfTheProxy"
BASIC = "Basic " + b64encode(f"desk:{PASSWORD}".encode()).decode()


@dataclass(frozen=True, kw_only=True)
class Network:
    """An exchange and its streams, reached over TLS."""

    authority: Authority
    exchange: StubExchange
    streams: StreamServer

    @property
    def routes(self) -> dict[str, int]:
        return {AUTHORITY: self.exchange.port, STREAMS: self.streams.port}


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    authority = Authority(tmp_path)
    stub = StubExchange(authority.server_context(HOST))
    streams = StreamServer(authority.server_context("streams.test"))
    streams.script(streams.plain())
    async with stub, streams:
        script(stub)
        yield Network(authority=authority, exchange=stub, streams=streams)


def script(stub: StubExchange) -> None:
    for prefix, name in (("/api/v3", "spot_exchange_info"), ("/fapi/v1", "perpetual_exchange_info")):
        stub.script("GET", f"{prefix}/time", reply({"serverTime": SERVER_MS}))
        stub.script("GET", f"{prefix}/exchangeInfo", Reply(body=(PAYLOADS / f"{name}.json").read_bytes()))
    stub.script("POST", "/fapi/v1/listenKey", reply({"listenKey": "a-key"}))
    stub.script("GET", "/fapi/v1/positionSide/dual", reply({"dualSidePosition": False}))


@pytest.fixture
def surroundings(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets the environment: the exchange's addresses, and what a test adds."""

    def set_up(**variables: str) -> None:
        addresses = {
            "ORDERGATE_BINANCE_REST_URL": f"https://{AUTHORITY}/api",
            "ORDERGATE_BINANCE_WS_API_URL": f"wss://{STREAMS}/ws-api",
            "ORDERGATE_BINANCE_STREAM_URL": f"wss://{STREAMS}/",
            "ORDERGATE_BINANCE_PERPETUAL_REST_URL": f"https://{AUTHORITY}/fapi",
            "ORDERGATE_BINANCE_PERPETUAL_STREAM_URL": f"wss://{STREAMS}/",
        }
        for name, value in {**addresses, **variables}.items():
            monkeypatch.setenv(name, value)

    return set_up


@dataclass(frozen=True, kw_only=True)
class Used:
    """A connector and its venue, as the environment leads them."""

    connector: Any
    kind: Any
    venue: Any

    async def close(self) -> None:
        await self.connector.close()
        await self.kind.close_venue(self.venue)


async def used(name: str) -> Used:
    kind, clock = connector_class(name), HandClock()
    venue = await kind.open_venue(load_settings(), clock)
    credentials = {f"{name}_api_key": API_KEY, f"{name}_api_secret": SECRET}
    context = ConnectorContext(account_name="main", credentials=credentials, clock=clock, venue=venue)
    return Used(connector=kind(context), kind=kind, venue=venue)


async def rules_of(name: str) -> Any:
    """All pairs with their rules: one question by REST."""
    its = await used(name)
    try:
        return await its.connector.load_trading_rules()
    finally:
        await its.close()


@pytest.mark.parametrize("name", ["binance", "binance_perpetual"])
@pytest.mark.parametrize("bundle", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
async def test_rest_and_sockets_pass_through_the_proxy(
    network: Network, surroundings: Callable[..., None], name: str, bundle: str
) -> None:
    """Every connection is a tunnel with the proxy's credentials, and ends at a certificate of the private authority."""
    async with HttpProxy(network.routes, authorization=BASIC) as proxy:
        surroundings(
            HTTPS_PROXY=f"http://desk:{PASSWORD}@127.0.0.1:{proxy.port}", **{bundle: str(network.authority.bundle)}
        )
        its = await used(name)
        assert await its.connector.load_trading_rules()
        assert set(proxy.asked) == {CONNECT}

        network.streams.script(network.streams.subscribed() if name == "binance" else network.streams.plain())
        async with aclosing(its.connector.events()) as events:
            assert isinstance(await anext(events), Gap)
        network.streams.script(network.streams.subscribed(answer={"result": None}))
        topic = MarketTopic(kind="trades", trading_pair="BTC-USDT")
        async with aclosing(its.connector.follow(topic)) as events:
            assert isinstance(await anext(events), Gap)
        await its.close()
    assert len(network.streams.paths) == 2
    assert proxy.asked.count(f"CONNECT {STREAMS} HTTP/1.1") == 2
    assert not [header for request in network.exchange.requests for header in request.headers if "proxy" in header]


async def test_without_the_authority_nothing_is_sent(network: Network, surroundings: Callable[..., None]) -> None:
    """A certificate of an unknown authority ends the connection before the first byte of the call."""
    async with HttpProxy(network.routes) as proxy:
        surroundings(HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(ExchangeDown, match="nothing was sent"):
            await rules_of("binance")
    assert network.exchange.requests == []


@pytest.mark.parametrize("authorization", [None, "Basic d3Jvbmc6d3Jvbmc="])
async def test_a_proxy_that_refuses_is_named_without_its_password(
    network: Network, surroundings: Callable[..., None], authorization: str | None
) -> None:
    """A tunnel that does not come to be proves that nothing was sent. Neither text nor traceback shows the password."""
    routes = {} if authorization is None else network.routes
    async with HttpProxy(routes, authorization=authorization) as proxy:
        surroundings(
            HTTPS_PROXY=f"http://desk:{PASSWORD}@127.0.0.1:{proxy.port}",
            SSL_CERT_FILE=str(network.authority.bundle),
        )
        with pytest.raises(ExchangeDown, match=r"the proxy answered (407|502).*nothing was sent") as raised:
            await rules_of("binance")
    assert proxy.asked
    shown = f"{raised.getrepr(chain=True)!s}{raised.value!r}{raised.value.__cause__!r}{raised.value.__context__!r}"
    assert PASSWORD not in shown
    assert BASIC not in shown


async def test_hosts_that_are_excepted_are_reached_directly(
    network: Network, surroundings: Callable[..., None]
) -> None:
    """NO_PROXY holds for names below the one it names."""
    async with HttpProxy(network.routes) as proxy:
        surroundings(HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}", NO_PROXY="localhost,test")
        with pytest.raises(ExchangeDown, match="could not be reached"):
            await rules_of("binance")
    assert proxy.asked == []


async def test_a_plain_address_passes_through_the_proxy_for_plain_ones(surroundings: Callable[..., None]) -> None:
    """Without TLS the request itself goes to the proxy, and the proxy's credentials with it."""
    async with StubExchange() as stub:
        script(stub)
        async with HttpProxy({"plain.test": stub.port}, authorization=BASIC) as proxy:
            surroundings(
                HTTP_PROXY=f"http://desk:{PASSWORD}@127.0.0.1:{proxy.port}",
                ORDERGATE_BINANCE_REST_URL="http://plain.test/api",
            )
            assert await rules_of("binance")
        assert proxy.asked[0] == "GET http://plain.test/api/v3/exchangeInfo HTTP/1.1"


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_proxy_may_have_tls_itself(
    tmp_path: Path, surroundings: Callable[..., None], loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """TLS within TLS, for REST and for sockets, on the loop of the tests and on that of the server."""

    async def use() -> list[str]:
        authority = Authority(tmp_path)
        stub = StubExchange(authority.server_context(HOST))
        streams = StreamServer(authority.server_context("streams.test"))
        streams.script(streams.subscribed())
        async with stub, streams:
            script(stub)
            routes = {AUTHORITY: stub.port, STREAMS: streams.port}
            async with HttpProxy(routes, tls=authority.server_context("localhost")) as proxy:
                surroundings(HTTPS_PROXY=f"https://localhost:{proxy.port}", REQUESTS_CA_BUNDLE=str(authority.bundle))
                its = await used("binance")
                assert await its.connector.load_trading_rules()
                async with aclosing(its.connector.events()) as events:
                    assert isinstance(await anext(events), Gap)
                await its.close()
                return proxy.asked

    with asyncio.Runner(loop_factory=loop) as runner:
        asked = runner.run(use())
    assert {CONNECT, f"CONNECT {STREAMS} HTTP/1.1"} == set(asked)
