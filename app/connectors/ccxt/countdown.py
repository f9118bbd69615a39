"""A countdown at whose end the exchange cancels all orders of the account."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from app.connectors.ccxt.lists import CcxtLists
from app.connectors.ccxt.reports import text_at
from app.domain.errors import ExchangeDown, ExchangeReadError

if TYPE_CHECKING:
    _Base = CcxtLists
else:
    _Base = object

_SECOND = timedelta(seconds=1)
#: What an answer says of a countdown that was started, or ended: https://bingx-api.github.io/docs/#/en-us/spot/trade-api.html
_TAKEN = frozenset(("ACTIVATED", "CLOSED"))


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
        answer = await self.calls.change("signed", verb="cancel_all_orders_after", arguments=(milliseconds,))
        if self.row.countdown_status:
            with self._reading():
                status = text_at(answer, self.row.countdown_status)
            if status not in _TAKEN:
                raise ExchangeReadError(f"{self.row.title} answered the countdown with '{status}'")
