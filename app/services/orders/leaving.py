"""The look at halts and dead-man's switches between an order's intent and its first byte: what was halted meanwhile does not leave.

A halt that was committed before the intent keeps it from being written. One that comes after it is seen here: in memory if this
process has looked within the last second, by a question to the database otherwise, and once more when the first byte is about to
leave. Whoever halts waits for as long before it says what is in flight, so that nothing leaves after the halt was answered. After
the deadline of a dead-man's switch nothing leaves either, whether or not somebody has let it fire.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from app.clock import Clock
from app.connectors.base import Connector, SendingCheck
from app.domain.errors import ExchangeDown, Refused
from app.domain.order import AccountKey, Order
from app.domain.reports import OrderReport
from app.domain.safety.ledger import place_of
from app.journal.journal import Journal
from app.journal.units.safety import LookAgain
from app.services.orders.admitting import market_of

#: How often what is known may grow old between the look and the first byte before the order is given up.
_LOOKS = 5


class _Outdated:
    """The check at the first byte. It remembers that it kept the call back."""

    def __init__(self, journal: Journal, clock: Clock, until: datetime | None) -> None:
        self._journal = journal
        self._clock = clock
        self._until = until
        self.has_refused = False

    def __call__(self) -> None:
        """Raise if what is known of halts is too old to send by it, or the dead-man's switch is about to fire by what is known."""
        if not self._journal.permits_sending() or (self._until is not None and self._clock.now() >= self._until):
            self.has_refused = True
            raise ExchangeDown("The order was not sent: it must be looked at again whether trading is halted")


class Leaving:
    """Sends what no halt keeps back."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock

    async def send(
        self,
        order: Order,
        connector: Connector,
        call: Callable[[SendingCheck], Awaitable[OrderReport]],
    ) -> OrderReport:
        """The exchange's answer to ``call``. Raises with nothing sent: ``Halted`` if trading was halted since the intent,
        ``DeadManDue`` if the dead-man's switch was not renewed.
        """
        for _ in range(_LOOKS - 1):
            check = _Outdated(self._journal, self._clock, await self._look(order, connector))
            try:
                return await call(check)
            except Refused:
                if not check.has_refused:
                    raise
        return await call(_Outdated(self._journal, self._clock, await self._look(order, connector)))

    async def _look(self, order: Order, connector: Connector) -> datetime | None:
        """The moment from which on the order must not leave, as far as is known; None if there is none."""
        state = self._journal.known_safety if self._journal.permits_sending() else await self._journal.safety()
        if not state.halts and not state.switches:
            return None
        place, now = place_of(order), self._clock.now()
        switch = state.switches.get(AccountKey(order.account_name, order.connector_name))
        is_due = switch is not None and switch.objection(now) is not None
        if is_due or any(halt.scope.covers(place) for halt in state.halts):
            return await self._journal.decide(LookAgain(order=order, admission=market_of(order, connector), at=now))
        return None if switch is None else switch.sends_until
