"""From ASGI to Flask in one hop: a whole request goes to a thread, a whole answer comes back.

Handlers that are plain functions run in Flask on a pool of threads, so that a report that takes its time never stops the loop.
One hop means that nothing is streamed: a body is read before the thread starts and an answer is complete before it is sent, which
is what keeps a caller that hangs up from holding a thread.
"""

from __future__ import annotations

import asyncio
import contextvars
import io
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.types import Receive, Scope, Send

from app.web.answers import Answer
from app.web.contract.body import read_body
from app.web.scope import ARGUMENTS

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

#: Reports and history wait for the database, not for the processor; more than its connections would only wait elsewhere.
THREADS = 16

_SEPARATE = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}


class FlaskBridge:
    """An ASGI app that runs a WSGI app on its own pool of threads."""

    def __init__(self, app: WSGIApplication, max_body: int) -> None:
        self._app = app
        self._max_body = max_body
        self._threads = ThreadPoolExecutor(THREADS, "flask")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Where the arguments have been read, the body has been too.
        body = b"" if ARGUMENTS in scope else await read_body(receive, self._max_body)
        environ = environ_for(scope, body)
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._threads, context.run, self._run, environ)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})

    def close(self) -> None:
        """Let the running requests end and take no more. May be called twice."""
        self._threads.shutdown(wait=False)

    def _run(self, environ: dict[str, Any]) -> Answer:
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            started[:] = (status, headers)
            return parts.append

        parts: list[bytes] = []
        result = self._app(environ, start_response)
        try:
            parts.extend(result)
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()
        status, headers = started
        encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return Answer(status=int(status.split(" ", 1)[0]), headers=encoded, body=b"".join(parts))


def environ_for(scope: Scope, body: bytes) -> dict[str, Any]:
    """The WSGI environment (PEP 3333) of a request."""
    root = scope.get("root_path", "")
    server = scope.get("server") or ("localhost", 80)
    client = scope.get("client") or ("", 0)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": _wsgi_text(root),
        "PATH_INFO": _wsgi_text(scope["path"].removeprefix(root)),
        "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
        "RAW_URI": quote(scope["path"]),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1] or 0),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "REMOTE_ADDR": client[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        key = _SEPARATE.get(name) or "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    # The length that was declared may differ from what was read, or be of a body that has been read already.
    environ["CONTENT_LENGTH"] = str(len(body))
    if ARGUMENTS in scope:
        environ[ARGUMENTS] = scope[ARGUMENTS]
    return environ


def _wsgi_text(text: str) -> str:
    """PEP 3333 carries bytes as Latin-1 text."""
    return text.encode("utf-8").decode("latin-1")
