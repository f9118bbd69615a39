"""What the accounts of the paper exchange share in a process: the exchange on its store, its trading rules, threads and faults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from types import MappingProxyType
from typing import TypeVar

import structlog

from app.clock import Clock
from app.connectors.paper.reports import refused_of, rule_of
from app.domain.errors import ExchangeDown
from app.domain.markets.trading_rule import TradingRule
from app.paper.exchange import PaperExchange
from app.paper.faults import FaultPlan, Faults
from app.paper.pairs import Pair
from app.paper.refusals import PaperRefusal, PaperUnavailable
from app.settings import Settings
from app.sqlite import make_private

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")

#: The exchange's lock lets one operation run at a time; the others are for market data, which is computed without it.
_THREADS = 4

#: A locked store is free again within milliseconds, as a rule.
_RETRY_AFTER = timedelta(seconds=1)


class PaperVenue:
    """The paper exchange of this process, its trading rules, and the threads that its calls run on. ``rule_of`` makes a rule."""

    def __init__(
        self,
        exchange: PaperExchange,
        timeout: timedelta,
        faults: Faults | None = None,
        *,
        rule_of: Callable[[Pair], TradingRule] = rule_of,
    ) -> None:
        self.exchange = exchange
        self.rules = MappingProxyType({name: rule_of(pair) for name, pair in exchange.pairs.items()})
        self.faults = faults
        self.timeout = timeout.total_seconds()
        self._is_closed = False
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="paper")
        #: For what is long to compute and holds up no order: one such question at a time.
        self._history = ThreadPoolExecutor(1, thread_name_prefix="paper-history")

    async def call(self, function: Callable[[], Answer], *, is_long: bool = False) -> Answer:
        """``function`` on a thread. Raises ``TimeoutError`` if it takes too long, and then it may still come to its end;
        ``PaperUnavailable`` once the venue is closed.
        """
        if self._is_closed:
            raise PaperUnavailable("the paper exchange is closed")
        # Not wait_for: up to Python 3.11 it swallows a cancellation that comes in the moment of the answer.
        async with asyncio.timeout(self.timeout):
            return await asyncio.get_running_loop().run_in_executor(
                self._history if is_long else self._threads, function
            )

    async def close(self) -> None:
        """Close the exchange when the calls that are running have ended; may be called twice."""
        self._is_closed = True
        if self.faults is not None:
            await self.faults.close()
        for threads in (self._threads, self._history):
            await asyncio.to_thread(threads.shutdown)
        await asyncio.to_thread(self.exchange.close)


def store_url(settings: Settings, file_name: str) -> str:
    """The store of an exchange: a file of its own, or tables of its own in PostgreSQL."""
    if not settings.is_sqlite:
        return settings.database_url
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    make_private(settings.data_dir / file_name)
    return f"sqlite:///{settings.data_dir / file_name}"


def faults_of(settings: Settings, clock: Clock) -> Faults | None:
    """The faults that the settings ask for, None without any."""
    if not settings.paper_faults:
        return None
    log.warning("the paper exchange is faulty on purpose", faults=settings.paper_faults)
    return Faults(FaultPlan.parse(settings.paper_faults), clock, settings.data_dir / "paper-faults.jsonl")


@contextmanager
def refusals() -> Iterator[None]:
    """Turn the exchange's proofs that nothing was changed into ours. Everything else escapes, and so counts as unknown."""
    try:
        yield
    except PaperUnavailable as fault:
        raise ExchangeDown(str(fault), retry_after=_RETRY_AFTER) from fault
    except PaperRefusal as refusal:
        raise refused_of(refusal) from None
