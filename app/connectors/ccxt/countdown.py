"""A countdown at whose end the exchange cancels all orders of the account."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from app.connectors.ccxt.lists import CcxtLists
from app.domain.errors import ExchangeDown

if TYPE_CHECKING:
    _Base = CcxtLists
else:
    _Base = object

_SECOND = timedelta(seconds=1)


class AccountCountdown(_Base):
    """What the connectors of exchanges with such a countdown have beside their verbs."""

    async def set_countdown(self, trading_pair: str, until: datetime | None) -> None:
        """The exchange counts whole seconds from the arrival of the call, and not less than its fewest: the end is never earlier
        than ``until``.
        """
        assert self.row.countdown is not None, "the class is made of a row with a countdown"
        await self.venue.ready_to_sign()
        milliseconds = 0
        if until is not None:
            left = until - self.context.clock.now()
            if left <= timedelta(0):
                raise ExchangeDown(f"The countdown of {self.row.title} was not sent: its time was over")
            least, most = self.row.countdown
            milliseconds = min(max(-(-left // _SECOND), least), most) * 1000
        await self.calls.change("signed", verb="cancel_all_orders_after", arguments=(milliseconds,))
