"""Approvals: orders that are placed only once another person has said so.

Such an order is not written as one: what is asked for waits as an approval, with its terms as they were asked for. When it is
approved, every check is made anew, and the approval and the order's intent are one commit.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from app.domain.caller import Actor
from app.domain.enums import ApprovalState, OrderType, PositionAction, TimeInForce, TradeType
from app.domain.order import OrderRequest
from app.domain.safety.scope import Place, Scope

#: What the name of an approval begins with, before its number.
_PREFIX = "a"
#: What databases can count to has 19 digits.
_MOST_DIGITS = 18


def number_in(approval_id: str) -> int | None:
    """The number in the name of an approval; None if it is no such name."""
    digits = approval_id.removeprefix(_PREFIX)
    is_name = approval_id.startswith(_PREFIX) and digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS
    return int(digits) if is_name else None


class Approval(Struct, frozen=True, kw_only=True):
    """What waits, or waited, for an approval. ``above`` is the limit of ``scope`` that ``notional``, in dollars, is above.

    ``order_id`` is the id that the caller chose, and after the approval that of the order. ``number`` is that of the event by which
    it was asked for, ``seq`` that of the last event about it.
    """

    number: int
    account_name: str
    connector_name: str
    trading_pair: str
    terms: str
    idempotency_key: str | None
    order_id: str | None
    notional: Decimal
    above: Decimal
    scope: Scope
    asked_by: Actor
    asked_at: datetime
    expires_at: datetime
    state: ApprovalState = ApprovalState.AWAITING
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str | None = None
    seq: int = 0

    @property
    def approval_id(self) -> str:
        """The name that callers know it by."""
        return f"{_PREFIX}{self.number}"

    @property
    def request(self) -> OrderRequest:
        """What was asked for."""
        return _request_of(self.account_name, self.connector_name, self.terms, self.idempotency_key)

    @property
    def place(self) -> Place:
        """Where the order would be placed, and by which key."""
        return Place(self.account_name, self.connector_name, self.trading_pair, self.asked_by.key_id)

    @property
    def is_awaiting(self) -> bool:
        """Whether nothing is decided yet."""
        return self.state is ApprovalState.AWAITING

    def has_other_key(self, idempotency_key: str | None) -> bool:
        """Whether it belongs to another idempotency key than that one; what has none belongs to any."""
        return None not in (self.idempotency_key, idempotency_key) and self.idempotency_key != idempotency_key

    def is_due(self, now: datetime) -> bool:
        """Whether it must expire."""
        return self.is_awaiting and now >= self.expires_at

    def covers_retry(self, now: datetime) -> bool:
        """Whether the approved order may be sent once more: for as long after the decision as the decision could be waited for."""
        return self.decided_at is not None and now - self.decided_at < self.expires_at - self.asked_at


def _request_of(account_name: str, connector_name: str, terms: str, idempotency_key: str | None) -> OrderRequest:
    """The request whose ``OrderRequest.terms`` are ``terms``."""
    pair, side, kind, amount, price, quote_amount, action, in_force, reduces, own_id = terms.split("|", 9)
    return OrderRequest(
        account_name=account_name,
        connector_name=connector_name,
        trading_pair=pair,
        trade_type=TradeType(side),
        order_type=OrderType(kind),
        amount=Decimal(amount) if amount else None,
        price=Decimal(price) if price else None,
        quote_amount=Decimal(quote_amount) if quote_amount else None,
        position_action=PositionAction(action),
        time_in_force=TimeInForce(in_force) if in_force else None,
        reduce_only=bool(reduces),
        client_order_id=own_id or None,
        idempotency_key=idempotency_key,
    )
