"""What the last comparison of an account with its exchange came to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.domain.enums import OrderState


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """An order that the journal and the exchange's book did not have alike. What the exchange said is None where its book did not
    show the order, which it is asked about then.
    """

    order_id: str
    trading_pair: str
    state: OrderState
    filled_amount: Decimal
    exchange_state: str | None
    exchange_filled_amount: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """One comparison that came to its end at ``at``.

    ``is_whole`` says whether the whole book was looked at, or only pairs on which orders rest; ``orders`` how many orders of the
    journal were compared. ``differences`` are the first of the ``difference_count`` orders that differed; their news are recorded.
    ``foreign_orders`` is how many orders of the book are not in the journal, such as those of other programs. ``unasked_pairs`` are
    those that the exchange gave no list for, such as one that it does not trade now: their orders were not compared.
    """

    at: datetime
    is_whole: bool
    orders: int
    difference_count: int
    differences: tuple[Difference, ...]
    foreign_orders: int
    unasked_pairs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationState:
    """The last comparison that succeeded, None if none has, and why it failed where one has failed since."""

    last: Reconciliation | None = None
    failed_at: datetime | None = None
    problem: str | None = None
