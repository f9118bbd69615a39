"""The look at halts between an order's intent and its first byte: what was halted meanwhile does not leave.

A halt that was committed before the intent keeps it from being written. One that comes after it is seen here: in memory if this
process has looked within the last second, by a question to the database otherwise, and once more when the first byte is about to
leave. Whoever halts waits for as long before it says what is in flight, so that nothing leaves after the halt was answered.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from app.connectors.base import Connector, SendingCheck
from app.domain.errors import ExchangeDown, Refused
from app.domain.order import Order
from app.domain.reports import OrderReport
from app.domain.safety.ledger import place_of
from app.journal.journal import Journal
from app.journal.safety_units import LookAgain
from app.services.orders.admitting import market_of

#: How often what is known may grow old between the look and the first byte before the order is given up.
_LOOKS = 5


class _Outdated:
    """The check at the first byte. It remembers that it kept the call back."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.has_refused = False

    def __call__(self) -> None:
        """Raise if what is known of halts is too old to send by it."""
        if not self._journal.permits_sending():
            self.has_refused = True
            raise ExchangeDown("The order was not sent: it must be looked at again whether trading is halted")


class Leaving:
    """Sends what no halt keeps back."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def send(
        self,
        order: Order,
        connector: Connector,
        call: Callable[[SendingCheck], Awaitable[OrderReport]],
    ) -> OrderReport:
        """The exchange's answer to ``call``. Raises ``Halted``, with nothing sent, if trading was halted since the intent."""
        for _ in range(_LOOKS - 1):
            await self._look(order, connector)
            check = _Outdated(self._journal)
            try:
                return await call(check)
            except Refused:
                if not check.has_refused:
                    raise
        await self._look(order, connector)
        return await call(_Outdated(self._journal))

    async def _look(self, order: Order, connector: Connector) -> None:
        state = self._journal.known_safety if self._journal.permits_sending() else await self._journal.safety()
        if not state.halts:
            return
        place = place_of(order)
        if any(halt.scope.covers(place) for halt in state.halts):
            await self._journal.decide(LookAgain(order=order, admission=market_of(order, connector)))
