"""One HTTP call, once: what leaves, what comes back, and what a failure of the connection proves."""

from __future__ import annotations

import asyncio
import socket
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from app.connectors.common.answers import NoAnswer
from app.connectors.common.http import HttpAnswer, HttpSession
from app.domain.errors import ExchangeDown
from app.outbound import Outbound
from tests.connectors.stub import GARBLE, HANG, RESET, Reply, Silence, StubExchange, reply


@pytest.fixture
async def exchange() -> AsyncIterator[StubExchange]:
    async with StubExchange() as stub:
        yield stub


@pytest.fixture
async def session() -> AsyncIterator[HttpSession]:
    async with closing_session(timeout=60) as session:
        yield session


@asynccontextmanager
async def closing_session(timeout: float) -> AsyncIterator[HttpSession]:  # noqa: ASYNC109 - the session's own
    session = HttpSession("Somewhere", headers={"X-Key": "k"}, outbound=Outbound(), timeout=timeout, keep_alive=15)
    yield session
    await session.close()


def code_and_message(payload: Any) -> tuple[int | None, str | None]:
    return (payload["status"], payload["why"]) if isinstance(payload, dict) else (None, None)


async def test_what_leaves_is_what_was_given(session: HttpSession, exchange: StubExchange) -> None:
    """A query and a form arrive byte by byte, with the headers of the account; answers come with their headers in lower case."""
    exchange.script("GET", "/a", reply([1], X_Count="7"))
    exchange.script("POST", "/a", reply({}))
    answer = await session.send("get", f"{exchange.url}/a?b=%E5%B8%81&c=1.50")
    assert (answer.status, answer.headers["x-count"], answer.body) == (200, "7", b"[1]")
    await session.send("post", f"{exchange.url}/a", "b=%E5%B8%81&c=1.50")
    asked, posted = exchange.requests
    assert (asked.raw, posted.raw) == ("b=%E5%B8%81&c=1.50",) * 2
    assert (asked.headers["x-key"], posted.headers["content-type"]) == ("k", "application/x-www-form-urlencoded")


async def test_no_redirect_is_followed(session: HttpSession, exchange: StubExchange) -> None:
    """The redirect itself is the answer."""
    exchange.script("POST", "/a", Reply(status=302, headers={"Location": "/b"}))
    assert (await session.send("post", f"{exchange.url}/a", "")).status == 302
    assert len(exchange.requests) == 1


@pytest.mark.parametrize(("failure", "timed_out"), [(RESET, False), (GARBLE, False), (HANG, True)])
async def test_a_call_that_had_a_connection_may_have_been_written(
    failure: Silence, timed_out: bool, exchange: StubExchange
) -> None:
    """Nobody knows, and the POST is not sent again."""
    exchange.script("POST", "/a", failure)
    async with closing_session(timeout=0.5 if timed_out else 60) as session:
        with pytest.raises(NoAnswer) as raised:
            await session.send("post", f"{exchange.url}/a", "")
    assert raised.value.timed_out is timed_out
    assert len(exchange.requests) == 1


async def test_a_call_without_a_connection_was_not_sent(session: HttpSession) -> None:
    """Nobody listens there, so the refusal is certain."""
    unused = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = unused.sockets[0].getsockname()[1]
    unused.close()
    await unused.wait_closed()
    with pytest.raises(ExchangeDown, match=r"Somewhere could not be reached \(the connection was refused\); nothing"):
        await session.send("post", f"http://127.0.0.1:{port}/a", "")


async def test_a_name_that_is_none_and_a_server_without_tls_are_told_in_words(
    session: HttpSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library's names of its exceptions and its lists of addresses are for the log."""

    async def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    with pytest.raises(ExchangeDown, match=r"\(its name can't be resolved\)"):
        await session.send("get", "http://nowhere.invalid/a")
    monkeypatch.undo()

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ExchangeDown, match=r"\(TLS failed\)"):
            await session.send("get", f"https://127.0.0.1:{port}/a")


async def test_no_error_tells_what_was_signed(session: HttpSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that can't be had in time is told by its address alone, without the query and its signature."""

    async def late(*_: object, **__: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", late)
    signature = "0123456789abcdef"
    with pytest.raises(ExchangeDown, match="nothing was sent") as raised:
        await session.send("delete", f"http://127.0.0.1:1/a?id=7&signature={signature}")
    assert signature not in "".join(traceback.format_exception(raised.value)) + repr(raised.value)


@pytest.mark.parametrize(
    ("answer", "code", "message", "is_api_message"),
    [
        (HttpAnswer(400, {}, b'{"status": 7, "why": " no "}'), 7, "no", True),
        (HttpAnswer(400, {}, b'{"status": 7, "why": null}'), 7, '{"status": 7, "why": null}', False),
        (HttpAnswer(502, {}, b"<html>\xff</html>"), None, "<html>\ufffd</html>", False),
        (HttpAnswer(200, {}, b"<html>"), None, "<html>", False),
        (HttpAnswer(302, {}, b""), None, "", False),
        (HttpAnswer(500, {}, b"x" * 9000), None, "x" * 300, False),
    ],
)
def test_what_is_no_good_answer(answer: HttpAnswer, code: int | None, message: str, is_api_message: bool) -> None:
    """Everything but a 2xx with JSON; its code and message are looked for where the exchange puts them."""
    _, error = answer.decode(code_and_message)
    assert error is not None
    assert (error.code, error.message, error.is_api_message) == (code, message, is_api_message)
    assert (error.status, error.body) == (answer.status, answer.body)


def test_a_good_answer_is_exact() -> None:
    """A number with a point is no float."""
    payload, error = HttpAnswer(201, {}, b'{"price": 0.10000000000000000001}').decode(code_and_message)
    assert (str(payload["price"]), error) == ("0.10000000000000000001", None)


async def test_a_closed_session(session: HttpSession) -> None:
    """It says so, and may be closed again."""
    assert not session.closed
    await session.close()
    await session.close()
    assert session.closed
