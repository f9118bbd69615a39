"""The frame of the sockets with subscriptions, over real connections: each question its answer, and data in between only."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from app.domain.errors import ExchangeReadError
from app.web.sockets import subscriptions
from app.web.sockets.subscriptions import Subscription, SubscriptionSocket, Unsubscribable
from tests.clock import FakeClock
from tests.web.serving import serving


class Feeds:
    """Subscriptions by name: a subscription shows the number of the poll, unless the test says otherwise."""

    def __init__(self) -> None:
        self.polls: dict[str, int] = {}
        self.faults: dict[str, Exception] = {}
        self.closed: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def subscribe(self, asked: Mapping[str, Any]) -> Subscription:
        name = asked.get("name")
        if not isinstance(name, str):
            raise Unsubscribable("name is required")
        await self.gate.wait()
        self.polls.setdefault(name, 0)

        async def poll() -> Mapping[str, Any] | None:
            self.polls[name] += 1
            if name in self.faults:
                raise self.faults[name]
            return None if name == "silent" else {"type": "data", "number": self.polls[name]}

        return Subscription(subscription_id=name, interval=1.0, poll=poll, close=lambda: self.closed.append(name))


class Caller:
    """A client that moves the clock on while it waits."""

    def __init__(self, connection: ClientConnection, clock: FakeClock) -> None:
        self.connection = connection
        self._clock = clock

    async def say(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def hear(self, *, moving: bool = True, step: float = 0.1, until: float = math.inf) -> Any:
        """The next message; the clock moves until it comes, in steps of a tenth of a second unless told otherwise, and stands still
        from ``until`` on.
        """
        while True:
            try:
                async with asyncio.timeout(0.01):
                    return json.loads(await self.connection.recv())
            except TimeoutError:
                if moving and self._clock.monotonic() < until:
                    self._clock.advance(step)

    async def ask(self, **message: Any) -> Any:
        """The very next message after a question, as existing clients take it."""
        await self.say(**message)
        return await self.hear(moving=False)

    async def silence(self, seconds: float) -> bool:
        """Whether nothing comes while the clock moves on by ``seconds``."""
        for _ in range(int(seconds * 10)):
            self._clock.advance(0.1)
            try:
                async with asyncio.timeout(0.002):
                    await self.connection.recv()
            except TimeoutError:
                continue
            return False
        return True


@pytest.fixture
def feeds() -> Feeds:
    return Feeds()


@pytest.fixture
def ended() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
async def caller(feeds: Feeds, ended: asyncio.Event, clock: FakeClock) -> AsyncIterator[Caller]:
    """Somebody who has just connected and heard so."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        await SubscriptionSocket(WebSocket(scope, receive, send), clock, ended, feeds.subscribe).serve()

    async with serving(serve) as address, connect(f"ws://{address}/", open_timeout=60) as connection:
        caller = Caller(connection, clock)
        connected = await caller.hear(moving=False)
        assert connected["type"] == "connected"
        assert connected["connection_id"]
        assert connected["timestamp"] == int(clock.now().timestamp())
        yield caller


async def test_every_question_has_its_answer(caller: Caller) -> None:
    """Ping, subscribe and unsubscribe, each with the word that callers know."""
    assert (await caller.ask(action="ping"))["type"] == "pong"
    assert (await caller.ask(action="subscribe", name="a")).items() >= {
        "type": "subscribed",
        "subscription_id": "a",
    }.items()
    unsubscribed = {"type": "unsubscribed", "subscription_id": "a"}
    assert (await caller.ask(action="unsubscribe", subscription_id="a")).items() >= unsubscribed.items()


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ('{"action": "dance"}', "Unknown action: dance. Valid actions: subscribe, unsubscribe, ping"),
        ("{}", "Unknown action: null. Valid actions: subscribe, unsubscribe, ping"),
        ('{"action": "unsubscribe"}', "unsubscribe requires 'subscription_id'"),
        ('{"action": "unsubscribe", "subscription_id": "b"}', "Subscription not found: b"),
        ('{"action": "subscribe"}', "name is required"),
        ("not json", "A message must be JSON"),
        (b"\xff\xfe", "A message must be JSON"),
        ("[1]", "A message must be a JSON object"),
        ('"' + "x" * 4_000 + '"', "A message may have 4000 characters"),
    ],
)
async def test_what_is_not_understood(caller: Caller, message: str | bytes, text: str) -> None:
    """The caller is told what is wrong, and the connection goes on."""
    await caller.connection.send(message)
    answer = await caller.hear(moving=False)
    assert (answer["type"], answer["message"]) == ("error", text)
    await caller.connection.send(b'{"action": "ping"}')
    assert (await caller.hear(moving=False))["type"] == "pong"


async def test_data_comes_at_intervals(caller: Caller, feeds: Feeds, clock: FakeClock) -> None:
    """A poll each interval, each with its subscription's name; what is not new is not sent."""
    await caller.ask(action="subscribe", name="silent")
    await caller.ask(action="subscribe", name="a")
    first, second = await caller.hear(), await caller.hear()
    assert [first["number"], second["number"]] == [1, 2]
    assert {first["subscription_id"], second["subscription_id"]} == {"a"}
    assert 0.9 <= second["timestamp"] - first["timestamp"] <= 1.2
    assert feeds.polls["silent"] >= 1


async def test_nothing_comes_between_a_question_and_its_answer(caller: Caller, feeds: Feeds) -> None:
    """While a subscription starts, however long, the others wait; the acknowledgement is the next message, and quiet follows."""
    await caller.ask(action="subscribe", name="a")
    await caller.hear()
    feeds.gate.clear()
    await caller.say(action="subscribe", name="b")
    assert await caller.silence(5)
    feeds.gate.set()
    assert (await caller.hear(moving=False)).get("subscription_id") == "b"
    assert await caller.silence(0.3)
    assert (await caller.hear())["type"] == "data"


async def test_asking_without_a_pause_does_not_stop_the_data(caller: Caller, clock: FakeClock) -> None:
    """Somebody who pings faster than the quiet lasts gets data all the same."""
    await caller.ask(action="subscribe", name="a")
    kinds = []
    for _ in range(12):
        clock.advance(0.3)
        await asyncio.sleep(0.01)
        await caller.say(action="ping")
        kinds.append((await caller.hear(moving=False))["type"])
    assert "data" in kinds


async def test_trouble_is_told_once(caller: Caller, feeds: Feeds) -> None:
    """The reason once, then silence until it is over or another one."""
    feeds.faults["a"] = ExchangeReadError("paper did not answer")
    await caller.ask(action="subscribe", name="a")
    told = await caller.hear()
    assert (told["type"], told["subscription_id"], told["message"]) == ("error", "a", "paper did not answer")
    assert await caller.silence(3)
    feeds.faults["a"] = ExchangeReadError("something else")
    assert (await caller.hear())["message"] == "something else"
    del feeds.faults["a"]
    assert (await caller.hear())["type"] == "data"


async def test_a_fault_of_ours_ends_the_subscription(caller: Caller, feeds: Feeds) -> None:
    """The caller is told that nothing more will come, and nothing of what happened."""
    feeds.faults["a"] = KeyError("secret")
    await caller.ask(action="subscribe", name="a")
    told = await caller.hear()
    assert told["type"] == "error"
    assert "secret" not in told["message"]
    assert (await caller.ask(action="unsubscribe", subscription_id="a"))["message"] == "Subscription not found: a"


async def test_what_was_unsubscribed_is_silent(caller: Caller, feeds: Feeds) -> None:
    """Nothing of it comes after the answer, and the subscription is polled no more."""
    await caller.ask(action="subscribe", name="a")
    await caller.hear()
    await caller.ask(action="unsubscribe", subscription_id="a")
    polls = feeds.polls["a"]
    assert await caller.silence(3)
    assert feeds.polls["a"] == polls


async def test_subscribing_again_replaces(caller: Caller, feeds: Feeds) -> None:
    """The same name twice is one subscription."""
    for _ in range(2):
        assert (await caller.ask(action="subscribe", name="a"))["type"] == "subscribed"
    numbers = [(await caller.hear())["number"] for _ in range(4)]
    assert len(set(numbers)) == 4
    before = feeds.polls["a"]
    await caller.hear()
    assert feeds.polls["a"] == before + 1


async def test_a_subscription_that_is_over_is_closed(caller: Caller, feeds: Feeds) -> None:
    """Once each: unsubscribed from, replaced, broken, or left without a word by who hangs up."""
    for name in ("dropped", "replaced", "replaced", "left", "broken"):
        await caller.ask(action="subscribe", name=name)
    await caller.say(action="unsubscribe", subscription_id="dropped")
    while (await caller.hear())["type"] != "unsubscribed":
        pass
    assert feeds.closed == ["replaced", "dropped"]
    feeds.faults["broken"] = ZeroDivisionError()
    while (await caller.hear())["type"] != "error":
        pass
    await caller.connection.close()
    while len(feeds.closed) < 5:  # noqa: ASYNC110  the server notices by itself, and says so to nobody
        await asyncio.sleep(0.005)
    assert sorted(feeds.closed[2:]) == ["broken", "left", "replaced"]


async def test_subscriptions_are_bounded(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """One connection can't ask for everything."""
    monkeypatch.setattr(subscriptions, "_MOST", 1)
    await caller.ask(action="subscribe", name="silent")
    refused = await caller.ask(action="subscribe", name="b")
    assert refused["message"] == "Too many subscriptions: 1 are the most on one connection"


async def test_a_silent_socket_has_a_heartbeat(caller: Caller, clock: FakeClock) -> None:
    """Every thirty seconds."""
    start = clock.monotonic()
    assert (await caller.hear(step=2.5, until=start + 35))["type"] == "heartbeat"
    assert clock.monotonic() - start >= 30


async def test_the_server_stops(caller: Caller, ended: asyncio.Event) -> None:
    """The caller is told to go elsewhere."""
    await caller.ask(action="subscribe", name="silent")
    ended.set()
    with pytest.raises(ConnectionClosed) as closed:
        await caller.connection.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001


async def test_a_caller_who_leaves_is_forgotten(caller: Caller, feeds: Feeds, clock: FakeClock) -> None:
    """A caller that has gone is not polled for."""
    await caller.ask(action="subscribe", name="a")
    await caller.hear()
    await caller.connection.close()
    while clock.sleepers:
        clock.advance(0.1)
        await asyncio.sleep(0.002)
        if feeds.polls["a"] > 50:
            pytest.fail("the subscription is still polled")
    assert clock.sleepers == 0
