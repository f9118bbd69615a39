"""The hop to Flask."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Iterable
from typing import Any

import flask
import pytest

from app.domain.errors import BodyTooLarge
from app.web.bridge import THREADS, FlaskBridge, environ_for
from app.web.scope import ARGUMENTS

WORD: contextvars.ContextVar[str] = contextvars.ContextVar("WORD")


def scope_of(**more: Any) -> dict[str, Any]:
    return {"type": "http", "method": "POST", "path": "/é", "headers": [], "query_string": b"q=1", **more}


async def through(
    bridge: FlaskBridge, scope: dict[str, Any], body: bytes = b""
) -> tuple[int, dict[bytes, bytes], bytes]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await bridge(scope, receive, send)
    start, end = sent
    return start["status"], dict(start["headers"]), end["body"]


async def test_flask_sees_the_request_as_it_came() -> None:
    """Path, query, headers and body, with the context of the caller."""
    app = flask.Flask("test")

    @app.post("/é")
    def view() -> Any:
        request = flask.request
        words = [request.args["q"], request.headers["X-Two"], request.get_data(as_text=True), WORD.get()]
        return flask.Response("|".join(words), 203, {"X-Out": "ü"})

    WORD.set("context")
    headers = [(b"x-two", b"a"), (b"x-two", b"b"), (b"content-type", b"text/plain"), (b"content-length", b"99")]
    bridge = FlaskBridge(app.wsgi_app, 100)
    status, out, body = await through(bridge, scope_of(headers=headers), b"hello")
    assert (status, out[b"x-out"], body) == (203, "ü".encode("latin-1"), b"1|a,b|hello|context")
    with pytest.raises(BodyTooLarge):
        await through(bridge, scope_of(), b"x" * 101)
    bridge.close()


async def test_slow_views_run_side_by_side_and_leave_the_loop_free() -> None:
    """As many at once as there are threads; the loop releases them."""
    barrier = threading.Barrier(THREADS + 1)

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        barrier.wait(10)
        start_response("200 OK", [])
        return [b"x"]

    bridge = FlaskBridge(app, 100)
    requests = [asyncio.ensure_future(through(bridge, scope_of())) for _ in range(THREADS)]
    await asyncio.to_thread(barrier.wait, 10)
    assert {status for status, _, _ in await asyncio.gather(*requests)} == {200}
    bridge.close()


async def test_an_exception_crosses_the_hop_and_the_iterable_is_closed() -> None:
    """The edge sees what the view raised, and nothing stays open."""
    closed = []

    class Body:
        def __iter__(self) -> Any:
            raise RuntimeError("from the view")

        def close(self) -> None:
            closed.append(True)

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return Body()

    bridge = FlaskBridge(app, 100)
    with pytest.raises(RuntimeError, match="from the view"):
        await through(bridge, scope_of())
    assert closed == [True]
    bridge.close()


def test_the_environment_below_a_mount() -> None:
    """Prefix and path are apart, non-ASCII paths are bytes in Latin-1 as PEP 3333 has it."""
    environ = environ_for(scope_of(path="/x/é", root_path="/x", server=("host", 81)) | {ARGUMENTS: {"a": 1}}, b"")
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/x", "/é".encode().decode("latin-1"))
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"], environ["CONTENT_LENGTH"]) == ("host", "81", "0")
    assert environ[ARGUMENTS] == {"a": 1}
