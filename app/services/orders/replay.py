"""What to tell a caller whose idempotency key or client order id was used before.

The same key with the same terms gets the first answer again, as the order stands now; other terms are a conflict; and while the
first request is still running there is no answer to repeat yet.
"""

from __future__ import annotations

from datetime import datetime

from app.domain.enums import OrderState
from app.domain.errors import IdempotencyConflict, RequestInProgress, refusal_of
from app.domain.order import Order, OrderRequest


def check_replay(request: OrderRequest, order: Order, *, now: datetime, deadline: datetime) -> None:
    """Return if ``order`` answers ``request``; ``deadline`` is when the first request's call must have ended.

    Raises ``IdempotencyConflict``, ``RequestInProgress``, or the refusal that the first request got.
    """
    if order.terms != request.terms() or _other_key(request, order):
        raise IdempotencyConflict(_conflict_text(request, order), order_id=order.order_id)
    if order.state is OrderState.PENDING and now < deadline:
        raise RequestInProgress(
            f"The first request for order '{order.order_id}' is still running",
            order_id=order.order_id,
            retry_after=deadline - now,
        )
    if order.state is OrderState.REJECTED:
        refusal = refusal_of(order.error_code, order.error_message or "The order was rejected")
        refusal.order_id = order.order_id
        # The key is used up by the refused order: the same request can't succeed, whatever the refusal said at first.
        refusal.retryable = False
        raise refusal


def _other_key(request: OrderRequest, order: Order) -> bool:
    return None not in (request.idempotency_key, order.idempotency_key) and (
        request.idempotency_key != order.idempotency_key
    )


def _conflict_text(request: OrderRequest, order: Order) -> str:
    if request.idempotency_key is not None and request.idempotency_key == order.idempotency_key:
        return f"Idempotency-Key '{request.idempotency_key}' was used for an order with other terms"
    return f"client_order_id '{order.order_id}' was used for an order with other terms"
