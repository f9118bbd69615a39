"""The paper exchange as the sandbox uses it: from one loop, on one thread of its own.

Its methods block for about a millisecond, so they run beside the loop; one thread keeps what one request asks in order. It adds
what the exchange does not remember: the ids that cancels were given.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from app.clock import Clock
from app.paper.exchange import PaperExchange
from app.paper.pairs import Pair
from app.sandbox.binance.symbols import Symbols

Answer = TypeVar("Answer")

#: As many characters as Binance's own ids have.
_ID_BYTES = 11


class Venue:
    """One exchange, its clock and its symbols. ``close`` may be called twice; the exchange itself belongs to who made it."""

    def __init__(self, exchange: PaperExchange, clock: Clock) -> None:
        self.exchange = exchange
        self.clock = clock
        self.symbols = Symbols(exchange.pairs)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox")
        self._cancel_ids: dict[int, str] = {}

    async def run(self, action: Callable[..., Answer], *arguments: Any) -> Answer:
        """``action`` on the exchange's thread; several exchange calls in it are not parted by another request."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, action, *arguments)

    def pair(self, symbol: str) -> Pair:
        return self.symbols.pair(symbol)

    def remember_cancel(self, exchange_order_id: int, cancel_id: str) -> None:
        self._cancel_ids[exchange_order_id] = cancel_id

    def cancel_id(self, exchange_order_id: int) -> str:
        """What the cancel of that order was called; an id of ours if nobody knows (any more)."""
        return self._cancel_ids.setdefault(exchange_order_id, new_id())

    def close(self) -> None:
        """Let go of the thread."""
        self._thread.shutdown(wait=True)


def new_id() -> str:
    """An id for what a client gave none: 22 letters and digits."""
    return secrets.token_hex(_ID_BYTES)
