"""Handlers on the event loop."""

from __future__ import annotations

import asyncio
import datetime
import threading
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

from app.domain.errors import OrderRefused, RulesNotLoaded
from app.handlers.streaming import StreamAnswer


def _told(value: Any) -> Any:
    """The value with its Python type, so that a test sees what the handler got."""
    if isinstance(value, dict):
        return {key: _told(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_told(item) for item in value]
    return f"{type(value).__name__}:{value}"


async def place(gateway: Any, body: dict[str, Any], idempotency_key: str | None = None) -> Any:
    answer = {"order_id": "og1", "amount": str(body["amount"]), "price": body.get("price"), "key": idempotency_key}
    return answer | {"got": _told(body)}, 201, {"Idempotent-Replayed": "true"}


async def cancel(gateway: Any, account_name: str, number: int) -> Any:
    return {"account_name": account_name, "number": _told(number)}


async def get(gateway: Any, order_id: str, wait: float = 5, verbose: bool | None = None) -> Any:
    return {"order_id": order_id, "wait": _told(wait), "verbose": verbose}


async def active(gateway: Any) -> Any:
    return {"active": [], "thread": threading.current_thread().name}


async def searched(gateway: Any) -> Any:
    return []


async def stream(gateway: Any) -> StreamAnswer:
    return StreamAnswer(content_type="text/event-stream", chunks=_chunks())


async def _chunks() -> AsyncIterator[bytes]:
    for number in range(3):
        yield b"data: %d\n\n" % number


async def fail(gateway: Any, kind: str) -> Any:
    if kind == "refused":
        error = OrderRefused("The exchange said no")
        error.order_id = "og7"
        raise error
    if kind == "later":
        raise RulesNotLoaded("paper")
    if kind == "nothing":
        return None
    if kind == "cancelled":
        raise asyncio.CancelledError
    raise RuntimeError("secret-canary")


async def numbers(gateway: Any) -> Any:
    at = datetime.datetime(2026, 11, 22, 9, 30, tzinfo=datetime.UTC)
    return {"tiny": Decimal("1E-8"), "huge": Decimal("1E+21"), "plain": Decimal("0.10"), "at": at, "text": "ONE-WAY ü"}


async def add_keys(gateway: Any, account_name: str, body: dict[str, Any]) -> Any:
    return {"names": sorted(body)}, 201


async def optional(gateway: Any, body: dict[str, Any]) -> Any:
    return {"got": _told(body)}


async def root(gateway: Any) -> Any:
    return {"name": "test"}
