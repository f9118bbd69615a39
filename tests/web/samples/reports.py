"""Handlers in Flask's threads."""

from __future__ import annotations

import threading
from typing import Any

import flask
import structlog

from app.domain.errors import InvalidCursor


def search(gateway: Any, body: dict[str, Any]) -> Any:
    return {"limit": body["limit"], "names": body.get("names"), "thread": threading.current_thread().name}


def pairs(
    gateway: Any, connector_name: str, trading_pairs: list[str] | None = None, limits: list[int] | None = None
) -> Any:
    return {"connector_name": connector_name, "trading_pairs": trading_pairs, "limits": limits}


def numbered(gateway: Any, number: int) -> Any:
    return {"number": number}, 200, {"X-Path": flask.request.path}


def fail(gateway: Any) -> Any:
    raise InvalidCursor("no such page")


def crash(gateway: Any) -> Any:
    raise RuntimeError("secret-canary")


def form(gateway: Any, body: Any) -> Any:
    return {"name": body["name"]}


def whoami(gateway: Any) -> Any:
    return {"request_id": structlog.contextvars.get_contextvars().get("request_id")}
