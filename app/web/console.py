"""The console's files, at ``/console``: read once, compressed once, and kept by a browser until they change.

The page is open and holds no data of the gateway; it asks the API for everything, as whoever signs in. It loads nothing from
another host, and neither script nor style stands in the page itself, so the policy allows none there.
"""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

import app.console
from app.web.messages import headers_of

_ROOT = Path(app.console.__file__).parent
_PAGE = "index.html"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
#: ``default-src`` is for what the page loads and calls; the rest are directives that it does not stand for.
_POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"


class File:
    """One file, as an ASGI application."""

    def __init__(self, path: Path) -> None:
        self._body = path.read_bytes()
        # Without a time, so that every process of a gateway has the same bytes.
        self._packed = gzip.compress(self._body, mtime=0)
        tag = hashlib.sha256(self._body).hexdigest()[:32]
        self._tag = f'"{tag}"'
        self._headers = {
            "Content-Type": _TYPES[path.suffix],
            "Content-Security-Policy": _POLICY,
            "Referrer-Policy": "no-referrer",
            # Kept, and asked about each time: a new release is seen at once.
            "Cache-Control": "no-cache",
            "ETag": self._tag,
            "Vary": "Accept-Encoding",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = headers_of(scope)
        if self._tag.encode() in asked.get(b"if-none-match", b""):
            response = Response(status_code=304, headers=self._headers)
        elif b"gzip" in asked.get(b"accept-encoding", b""):
            response = Response(self._packed, headers={**self._headers, "Content-Encoding": "gzip"})
        else:
            response = Response(self._body, headers=self._headers)
        await response(scope, receive, send)


def console_pages() -> dict[str, ASGIApp]:
    """The console's files by path."""
    files = {path.relative_to(_ROOT).as_posix(): File(path) for path in _ROOT.rglob("*") if path.suffix in _TYPES}
    page = files.pop(_PAGE)
    return {"/console": page, **{f"/console/{name}": file for name, file in files.items()}}
