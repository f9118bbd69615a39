"""Sending an answer that has no end, and noticing when the caller has gone."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from starlette.types import Receive, Send

from app.handlers.streaming import StreamAnswer


async def send_stream(answer: StreamAnswer, receive: Receive, send: Send) -> None:
    """Send the chunks of ``answer`` as they come, until they end or the caller hangs up."""
    headers = [
        (b"content-type", answer.content_type.encode("latin-1")),
        (b"cache-control", b"no-store"),
        # Proxies that buffer would hold events back.
        (b"x-accel-buffering", b"no"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    sending = asyncio.ensure_future(_send_chunks(answer, send))
    leaving = asyncio.ensure_future(_until_gone(receive))
    try:
        await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, leaving):
            task.cancel()
        fault, _ = await asyncio.gather(sending, leaving, return_exceptions=True)
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
