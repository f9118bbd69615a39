"""Signed checkpoints of the audit log, posted to an address that the operator names, until it has taken them.

Nobody waits for it: what can't be delivered is told by the log and a counter, and tried again with growing pauses. A newer
checkpoint takes the place of one that was not delivered, since it proves all rows before it as well. The address may hold a secret,
so no log has it.
"""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from http.client import HTTPException
from urllib.parse import urlsplit

import structlog

from app.clock import Clock
from app.concurrency.backoff import Backoff, doubling
from app.metrics import Metrics

log = structlog.get_logger(__name__)

#: Seconds for one attempt, and the shortest and the longest pause between two.
_TIMEOUT = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 300.0


def _opener() -> urllib.request.OpenerDirector:
    """Opens addresses, through the proxy of the environment. A checkpoint goes where the operator said: no redirect is followed."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    return opener


class CheckpointPosts:
    """Posts the newest checkpoint to ``url``; to nobody without one."""

    def __init__(self, url: str | None, metrics: Metrics, clock: Clock) -> None:
        self._url = url
        self._metrics = metrics
        self._clock = clock
        self._line: str | None = None
        self._offered = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether there is an address."""
        return self._url is not None

    def start(self) -> None:
        """Begin to post."""
        if self._url is not None:
            self._loop = asyncio.get_running_loop().create_task(self._post_for_ever(self._url))

    async def close(self) -> None:
        """Stop posting; may be called twice."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)

    def offer(self, line: str) -> None:
        """A checkpoint to be posted, as a signed line of JSON."""
        self._line = line
        self._offered.set()

    async def _post_for_ever(self, url: str) -> None:
        backoff = Backoff(doubling(_FIRST_PAUSE, _LONGEST_PAUSE))
        while True:
            await self._offered.wait()
            line = self._line
            try:
                if line is not None:
                    await asyncio.to_thread(_post, url, line)
            except (OSError, HTTPException) as error:
                self._metrics.checkpoint_failures.inc()
                log.error(
                    "a checkpoint of the audit log was not delivered",
                    host=urlsplit(url).hostname,
                    error=type(error).__name__,
                    status=error.code if isinstance(error, urllib.error.HTTPError) else None,
                )
                await self._clock.sleep(backoff.next_pause())
                continue
            backoff.reset()
            if self._line is line:
                self._offered.clear()


def _post(url: str, line: str) -> None:
    """Raises ``OSError`` or ``HTTPException`` unless the answer is one of success."""
    request = urllib.request.Request(  # noqa: S310 - the settings take http and https only
        url, line.encode(), {"Content-Type": "application/json", "User-Agent": "ordergate"}, method="POST"
    )
    with _opener().open(request, timeout=_TIMEOUT) as answer:
        answer.read(1)
