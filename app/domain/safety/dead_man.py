"""A dead-man's switch: unless somebody renews it in time, the orders of its account are cancelled.

The deadline is the caller's own last word plus the time-out; nothing that the gateway does by itself moves it. A switch has a
``beat``, which counts the caller's words: whoever has seen one knows whether another has come since.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from app.domain.enums import DeadManKeep, DeadManRequire, DeadManThen, HaltCancel
from app.domain.order import AccountKey
from app.domain.safety.scope import Scope

#: Who fires, as events, halts and the audit log name it.
DEAD_MAN = "dead_man"

#: What stands for a pair where the exchange has one countdown for all orders of an account.
ALL_PAIRS = "*"

#: Where the exchange fires, no order leaves later than this before the deadline: one that arrived after the exchange had fired
#: would rest with nobody behind it.
_LAST_SEND = timedelta(seconds=1)


class DeadManTerms(Struct, frozen=True, kw_only=True):
    """What a caller asks for. ``by_exchange`` says that the exchange has a countdown for each pair, or for all of them."""

    account: AccountKey
    timeout_seconds: int
    keep: DeadManKeep = DeadManKeep.NONE
    then: DeadManThen = DeadManThen.NOTHING
    require: DeadManRequire = DeadManRequire.ANY
    by_exchange: bool = False

    @property
    def timeout(self) -> timedelta:
        """How long after a caller's word the switch fires."""
        return timedelta(seconds=self.timeout_seconds)

    @property
    def scope(self) -> Scope:
        """The orders that it is about."""
        return Scope(account_name=self.account.account_name, connector_name=self.account.connector_name)

    @property
    def cancels(self) -> HaltCancel:
        """Which orders go when it fires."""
        return HaltCancel.ALL if self.keep is DeadManKeep.NONE else HaltCancel.ENTRIES


class DeadMan(Struct, frozen=True, kw_only=True):
    """A switch as it stands after the caller's word number ``beat``, which came from ``by``. ``by_key`` is the id of the key that
    set its terms, None where a person did.

    ``armed_until`` is None once it has fired or was disarmed. ``covered`` are the pairs whose countdown runs at the exchange,
    ``ending`` those whose countdown may still run there and is to be ended; ``ALL_PAIRS`` is the countdown of the whole account.
    ``fired_seq`` is the event of the last firing;
    ``clearing`` which of the orders of before it are still to be cancelled, None when all of them are done.
    """

    terms: DeadManTerms
    by: str
    by_key: str | None = None
    beat: int = 1
    armed_until: datetime | None = None
    covered: tuple[str, ...] = ()
    ending: tuple[str, ...] = ()
    fired_at: datetime | None = None
    fired_seq: int | None = None
    clearing: HaltCancel | None = None
    seq: int = 0

    def is_over(self, now: datetime) -> bool:
        """Whether the deadline has passed, and the switch has not fired yet."""
        return self.armed_until is not None and now >= self.armed_until

    @property
    def is_fired(self) -> bool:
        """Whether it has fired, and nobody has armed or disarmed it since."""
        return self.armed_until is None and self.fired_seq is not None and self.seq == self.fired_seq

    @property
    def sends_until(self) -> datetime | None:
        """The moment from which on no order leaves; None where none is set."""
        if self.armed_until is None or not self.terms.by_exchange:
            return self.armed_until
        return self.armed_until - _LAST_SEND

    def objection(self, now: datetime) -> str | None:
        """Why no order may leave now; None if one may."""
        scope = self.terms.scope
        if self.clearing is not None:
            counting = f", or the exchange has not ended the countdown of {in_text(self.ending)}" if self.ending else ""
            return f"The dead-man's switch of {scope} has fired, and its orders of before are still being canceled{counting}"
        if self.sends_until is not None and now >= self.sends_until:
            return f"The dead-man's switch of {scope} is about to fire"
        return None

    def lacks_countdown(self, trading_pair: str) -> bool:
        """Whether the exchange must start a countdown before an order of the pair leaves."""
        return self.terms.by_exchange and self.armed_until is not None and not self.is_covered(trading_pair)

    def is_covered(self, trading_pair: str) -> bool:
        """Whether a countdown that cancels orders of the pair runs at the exchange."""
        return trading_pair in self.covered or ALL_PAIRS in self.covered


def in_text(pairs: Sequence[str]) -> str:
    """The pairs of countdowns, as texts name them."""
    return ", ".join("all pairs" if each == ALL_PAIRS else each for each in pairs)
