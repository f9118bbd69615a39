"""The paper exchange as the sandbox uses it: from one loop, on its own thread.

Its methods block for about a millisecond, so they run beside the loop; one thread keeps the calls of one request in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, TypeVar

from app.clock import Clock
from app.paper.exchange import PaperExchange
from app.paper.orders import PaperOrder

Answer = TypeVar("Answer")


class Venue:
    """One exchange, which belongs to the caller, its clock and its thread. ``open`` before ``run``."""

    def __init__(self, exchange: PaperExchange, clock: Clock) -> None:
        self.exchange = exchange
        self.clock = clock
        self._forgotten_until: dict[int, datetime] = {}

    def open(self) -> None:
        """Make the thread."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox")

    async def run(self, action: Callable[..., Answer], *arguments: Any) -> Answer:
        """Run ``action`` on the exchange's thread; no other request's calls come between those of ``action``."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, action, *arguments)

    def forget(self, exchange_order_id: int, seconds: float) -> None:
        """Deny the order to questions for it alone for so long."""
        self._forgotten_until[exchange_order_id] = self.clock.now() + timedelta(seconds=seconds)

    def is_forgotten(self, order: PaperOrder) -> bool:
        """Whether questions for ``order`` alone are answered as if it were not there."""
        now = self.clock.now()
        return order.is_open and now < self._forgotten_until.get(order.exchange_order_id, now)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=True)
