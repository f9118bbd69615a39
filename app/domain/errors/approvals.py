"""Errors about orders that need another person's approval."""

from __future__ import annotations

from app.domain.errors.requests import RequestError

_NEW_KEY = "To ask anew, send the order with a new Idempotency-Key"


class ApprovalRefused(RequestError):
    """The approval that the order needs was refused. Nothing was sent; a request with a new key asks anew."""

    status = 409
    code = "approval_refused"
    title = "Approval refused"

    def __init__(self, approval_id: str, by: str | None, reason: str | None) -> None:
        super().__init__(f"Approval {approval_id} was refused by {by}: {reason}. Nothing was sent. {_NEW_KEY}")


class ApprovalExpired(RequestError):
    """Nobody has approved the order in time, or the approval is too old to send it once more. Nothing was sent, and it is safe to
    ask anew with a new key.
    """

    status = 409
    code = "approval_expired"
    title = "Approval expired"

    def __init__(self, approval_id: str | None, *, order_id: str | None = None) -> None:
        which = "The order needs an approval" if approval_id is None else f"Approval {approval_id} has expired"
        super().__init__(f"{which}. Nothing was sent. {_NEW_KEY}", order_id=order_id)


class ApprovalNotFound(RequestError):
    """There is no such approval."""

    status = 404
    code = "approval_not_found"
    title = "Approval not found"

    def __init__(self) -> None:
        super().__init__("There is no such approval", hint="GET /approvals lists them with their ids")


class ApprovalUsed(RequestError):
    """The idempotency key or the client order id of what awaits an approval has placed another order meanwhile."""

    status = 409
    code = "approval_used"
    title = "Placed otherwise"

    def __init__(self, approval_id: str, order_id: str) -> None:
        super().__init__(
            f"Order '{order_id}' has the key or the id of approval {approval_id} already; nothing was sent",
            order_id=order_id,
        )


class ApprovalDecided(RequestError):
    """The approval was decided otherwise before."""

    status = 409
    code = "approval_decided"
    title = "Decided already"

    def __init__(self, approval_id: str, state: str, by: str | None) -> None:
        super().__init__(f"Approval {approval_id} is {state} already, by {by}; nothing was changed")


class ApprovalVoid(RequestError):
    """Who asked for the order may not place it any more: the key or user is not valid, or was changed."""

    status = 409
    code = "approval_void"
    title = "May not be placed any more"

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}, who asked for the order, may not place it any more: {why}. Nothing was sent")
