"""Orders that need another person's approval."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.domain.enums import ApprovalDecision, ApprovalState
from app.domain.safety.approvals import Approval
from app.handlers import pages
from app.handlers.forms.views import order_row
from app.handlers.forms.wording import page_at
from app.handlers.schemas import ApprovalRequestSchema, ApprovalSchema
from app.services.acting import ActingGateway
from app.services.safety.approving import Decided

_REQUEST = ApprovalRequestSchema()
_APPROVAL = ApprovalSchema()


async def list_approvals(
    gateway: ActingGateway, limit: int, state: str | None = None, cursor: str | None = None
) -> Any:
    """GET /approvals"""
    wanted = None if state is None else ApprovalState(state)
    with page_at("/approvals", cursor):
        page = await gateway.approvals.page(wanted, limit=limit, cursor=cursor)
    return pages.answer(page, limit, _row(gateway))


async def get_approval(gateway: ActingGateway, approval_id: str) -> Any:
    """GET /approvals/{approval_id}"""
    return _answer(gateway, await gateway.approvals.get(approval_id))


async def decide(gateway: ActingGateway, approval_id: str, body: Mapping[str, Any]) -> Any:
    """POST /approvals/{approval_id}"""
    asked = _REQUEST.load(body)
    is_approval = asked["decision"] is ApprovalDecision.APPROVE
    verb = gateway.approvals.approve if is_approval else gateway.approvals.refuse
    return _answer(gateway, await verb(approval_id, asked.get("reason")))


def _answer(gateway: ActingGateway, decided: Decided) -> Any:
    order = decided.order
    return {
        "approval": _row(gateway)(decided.approval),
        "order": None
        if order is None
        else {**order_row(order), "environment": gateway.environment_of(order.connector_name)},
    }


def _row(gateway: ActingGateway) -> Callable[[Approval], Any]:
    """Makes rows of approvals that name what their connector trades with."""

    def row(approval: Approval) -> Any:
        request, actor = approval.request, approval.asked_by
        view = {
            "id": approval.approval_id,
            "state": approval.state,
            "account_name": approval.account_name,
            "connector_name": approval.connector_name,
            "trading_pair": approval.trading_pair,
            "trade_type": request.trade_type,
            "order_type": request.order_type,
            "amount": request.amount,
            "quote_amount": request.quote_amount,
            "price": request.price,
            "position_action": request.position_action,
            "client_order_id": request.client_order_id,
            "notional": approval.notional,
            "above": approval.above,
            "scope": approval.scope.parts(),
            "asked_by": actor.name,
            "key_id": actor.key_id,
            "asked_at": approval.asked_at,
            "expires_at": approval.expires_at,
            "decided_by": approval.decided_by,
            "decided_at": approval.decided_at,
            "reason": approval.reason,
            "order_id": approval.order_id if approval.state is ApprovalState.APPROVED else None,
            "seq": approval.seq,
            "environment": gateway.environment_of(approval.connector_name),
        }
        return _APPROVAL.dump(view)

    return row
