"""Sending an answer that has no end, and noticing when the caller has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from starlette.types import Receive, Send

from app.handlers.streaming import StreamAnswer

Ended = Callable[[], Awaitable[None]]


async def for_ever() -> None:
    """Never return: a caller of whom nothing can be taken back."""
    await asyncio.Event().wait()


async def send_stream(answer: StreamAnswer, receive: Receive, send: Send, ended: Ended = for_ever) -> None:
    """Send the chunks of ``answer`` as they come, until they end, the caller hangs up, or ``ended`` returns."""
    headers = [
        (b"content-type", answer.content_type.encode("latin-1")),
        (b"cache-control", b"no-store"),
        # Proxies that buffer would hold events back.
        (b"x-accel-buffering", b"no"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    sending = asyncio.ensure_future(_send_chunks(answer, send))
    leaving = asyncio.ensure_future(_until_gone(receive))
    ending = asyncio.ensure_future(ended())
    tasks = (sending, leaving, ending)
    is_ended = False
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        is_ended = ending.done() and not sending.done()
    finally:
        for task in tasks:
            task.cancel()
        fault, *_ = await asyncio.gather(*tasks, return_exceptions=True)
    if is_ended:
        await send({"type": "http.response.body", "body": b""})
    if isinstance(fault, Exception):
        # After the first byte there is no other way to say that it ended too soon than to break off; the edge logs why.
        raise fault


async def _send_chunks(answer: StreamAnswer, send: Send) -> None:
    async with aclosing(answer.chunks) as chunks:  # type: ignore[type-var]
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
