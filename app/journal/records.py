"""What the journal hands back: entries, trades and the outcome of a write. Frozen values without behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from app.domain.enums import OrderState, OrderStatus, TradeType
from app.domain.errors import OrdergateError
from app.domain.events import OrderEvent
from app.domain.fill import Fill
from app.domain.order import Order, OrderKey
from app.domain.reports import BalanceReport
from app.domain.safety.admission import Measured
from app.domain.safety.approvals import Approval
from app.domain.safety.events import SafetyEvent
from app.domain.safety.limits import LimitSet


class JournalEntry(Struct, frozen=True, kw_only=True):
    """One line of the journal. ``seq`` has no gaps and rises in the order of the commits.

    An entry is about an order (``event`` and the order's figures *after* it), about balances, or about halts and limits
    (``safety``), never more than one. Where it holds for more than one account or connector, their names are empty.
    """

    seq: int
    at: datetime
    account_name: str
    connector_name: str
    trading_pair: str | None = None
    order_id: str | None = None
    event: OrderEvent | None = None
    balances: BalanceReport | None = None
    safety: SafetyEvent | None = None
    state: OrderState | None = None
    status: OrderStatus | None = None
    filled_amount: Decimal | None = None


class StoredOrder(Struct, frozen=True, kw_only=True):
    """An order with its name, its row's id and the exchange fill ids that the journal has of it."""

    key: OrderKey
    number: int
    order: Order
    fill_ids: frozenset[str]


class Weighed(Struct, frozen=True, kw_only=True):
    """What an order that was not placed would come to at number ``as_of_seq`` of the journal: everything that speaks against
    it, and what each limit comes to with it; ``limit_sets`` are the limits that cover it. An earlier order with its id or key
    where ``is_new`` is False.
    """

    order: Order
    is_new: bool
    as_of_seq: int
    objections: tuple[OrdergateError, ...] = ()
    measured: tuple[Measured, ...] = ()
    limit_sets: tuple[LimitSet, ...] = ()
    #: Whether it would have to wait for an approval.
    needs_approval: bool = False


class Head(NamedTuple):
    """The end of the journal: its last sequence number, and the checksum ``chain`` of the events up to ``chained``, which lies
    further back where an older version of the program has written since. ``audit_number`` and ``audit_hash`` are those of the last
    row of the audit log, None if there is none.
    """

    seq: int
    chained: int
    chain: bytes
    audit_number: int
    audit_hash: bytes | None


class Opened(Struct, frozen=True, kw_only=True):
    """The order under the id or key that was asked for. ``is_new``: this call has recorded its start, or its new attempt, so this
    caller sends it. Where it is not new and there is an ``approval``, no order is: that one waits or was decided otherwise, and
    ``is_asked`` is whether this call has asked for it.
    """

    order: Order
    is_new: bool = False
    approval: Approval | None = None
    is_asked: bool = False


class Recorded(Struct, frozen=True, kw_only=True):
    """The order after the events, and the entries written."""

    order: Order
    entries: tuple[JournalEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A fill with what names its order. ``fill.amount`` is in base units, ``fill.fee`` in ``fill.fee_currency``."""

    order_id: str
    account_name: str
    connector_name: str
    trading_pair: str
    trade_type: TradeType
    fill: Fill

    @property
    def trade_id(self) -> str:
        """The name that callers know a trade by."""
        return f"{self.order_id}_{self.fill.exchange_fill_id}"
