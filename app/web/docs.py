"""The contract for people and tools: ``/openapi.json``, and Swagger UI at ``/docs`` from files of our own. ``/redoc`` leads
there, and ``/`` in a browser.

Everything is open, as existing callers expect, and comes from this server: the page loads nothing from another host and sends the
contract to nobody. The pages hold no data of the gateway. Every link is relative, so that they also work behind a path prefix.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.types import ASGIApp
from swagger_ui_bundle import swagger_ui_path

from app.web.messages import encode

_STATIC = Path(__file__).with_name("static")

#: What the page loads, and nothing else of the bundle.
_BUNDLED = (
    "swagger-ui.css",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "favicon-16x16.png",
    "favicon-32x32.png",
)

#: Swagger UI sets styles from its scripts and draws its icons from data URLs.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE_HEADERS = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"}


def pages_for(contract: Mapping[str, Any]) -> dict[str, ASGIApp]:
    """The pages by path."""
    pages: dict[str, ASGIApp] = {
        # Below the place that the contract itself is read from, whatever a proxy has put before its path.
        "/openapi.json": Response(encode({**contract, "servers": [{"url": "./"}]}), media_type="application/json"),
        "/docs": FileResponse(_STATIC / "docs.html", media_type="text/html", headers=_PAGE_HEADERS),
        "/redoc": RedirectResponse("docs"),
        "/": RedirectResponse("docs", headers={"Vary": "Accept"}),
        "/docs/start.js": FileResponse(_STATIC / "docs.js", media_type="text/javascript"),
    }
    for name in _BUNDLED:
        pages[f"/docs/{name}"] = FileResponse(Path(str(swagger_ui_path)) / name)
    return pages
