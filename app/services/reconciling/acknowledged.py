"""Orders that an exchange has taken without telling how they stand, or with which fills: they are asked about together.

Each of them would cost one question or two by its names. What was placed on one account in the same moment shares a few lists
instead. An order that these don't tell all of, and one that was placed alone, is pursued by its names (``pursuits``).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping

import structlog

from app.clock import Clock
from app.domain.lifecycle import UNSETTLED
from app.domain.order import AccountKey, Order, OrderKey
from app.domain.reports import OrderReport
from app.domain.wording import text_of
from app.services.exchange_accounts import ACCOUNT_AGE, ExchangeAccounts, may_answer_for
from app.services.orders.recorder import Observed
from app.services.sessions import Sessions
from app.settings import Settings

log = structlog.get_logger(__name__)

#: Seconds before the first question about one account, which comes soon, and late enough for the exchange to show what it has
#: taken; and before the next ones while more is taken. The rarer these are, the fewer rows are of orders that are on their way.
_PAUSE, _NEXT_PAUSE = 0.2, 0.5
#: Questions under way at once about one account. One at a time would fall behind where the exchange is as busy as its callers are.
_AT_ONCE = 4


class Acknowledged:
    """The orders that wait for the next question about their account. ``observe`` records what is told of one, ``pursue`` asks
    about one by its names.
    """

    def __init__(
        self,
        sessions: Sessions,
        exchange_accounts: ExchangeAccounts,
        observe: Callable[[OrderKey, OrderReport], Awaitable[Observed]],
        pursue: Callable[[OrderKey], None],
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._sessions = sessions
        self._exchange_accounts = exchange_accounts
        self._observe = observe
        self._pursue = pursue
        self._timeout = settings.exchange_timeout
        self._clock = clock
        self._waiting: defaultdict[AccountKey, dict[OrderKey, Order]] = defaultdict(dict)
        #: Those that are being asked about now.
        self._asked: set[OrderKey] = set()
        self._slots: defaultdict[AccountKey, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(_AT_ONCE))
        self._running: dict[AccountKey, asyncio.Task[None]] = {}
        self._questions: set[asyncio.Task[None]] = set()
        self._is_closed = False

    def __contains__(self, key: OrderKey) -> bool:
        """Whether the order is being asked about, or will be within a moment."""
        return key in self._asked or key in self._waiting.get(key.account, ())

    def add(self, order: Order) -> None:
        """Ask about ``order`` soon."""
        if self._is_closed:
            return
        account = order.key.account
        self._waiting[account][order.key] = order
        if account not in self._running:
            self._running[account] = asyncio.get_running_loop().create_task(self._run(account))

    async def close(self) -> None:
        """Stop asking; what is not told is in the journal, for the next process to take up."""
        self._is_closed = True
        tasks = [*self._running.values(), *self._questions]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, account: AccountKey) -> None:
        """Begin a question after each pause, until nothing has come meanwhile."""
        slots, pause = self._slots[account], _PAUSE
        try:
            while True:
                await self._clock.sleep(pause)
                if account not in self._waiting:
                    return
                pause = _NEXT_PAUSE
                await slots.acquire()
                orders = self._waiting.pop(account)
                self._asked |= orders.keys()
                question = asyncio.get_running_loop().create_task(self._ask_about(account, orders))
                self._questions.add(question)
                question.add_done_callback(self._questions.discard)
                question.add_done_callback(lambda _: slots.release())
        finally:
            self._waiting.pop(account, None)
            self._running.pop(account, None)

    async def _ask_about(self, account: AccountKey, orders: Mapping[OrderKey, Order]) -> None:
        """Ask about ``orders``, and then by their names about those of which not all is told."""
        left: Iterable[OrderKey] = orders
        try:
            if len(orders) > 1:
                left = await self._ask(account, orders)
        except Exception as error:  # noqa: BLE001 - whatever kept us from an answer, each order is asked about by its names
            log.warning("orders not asked about together", error=type(error).__name__, text=text_of(error))
        finally:
            self._asked -= orders.keys()
        for key in left:
            self._pursue(key)

    async def _ask(self, account: AccountKey, orders: Mapping[OrderKey, Order]) -> Iterable[OrderKey]:
        """Ask about several orders at once, record what is told, and return those of which not all is."""
        connector = await self._sessions.connector(account)
        name = await self._exchange_accounts.name(connector, ACCOUNT_AGE)
        asked = [order for order in orders.values() if may_answer_for(name, order)]
        async with asyncio.timeout(self._timeout.total_seconds()):
            reports = await connector.fetch_orders([order.ref for order in asked])
        told = [order.key for order in asked if order.order_id in reports]
        observed = await asyncio.gather(
            *(self._observe(key, reports[key.order_id]) for key in told), return_exceptions=True
        )
        settled = {
            key
            for key, each in zip(told, observed, strict=True)
            if isinstance(each, Observed) and not each.missing_fills and each.order.state not in UNSETTLED
        }
        return orders.keys() - settled
