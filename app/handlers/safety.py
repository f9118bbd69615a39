"""Halts, limits and dead-man's switches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.decimals import shortest
from app.domain.errors import InvalidArgument
from app.domain.order import AccountKey
from app.domain.safety.dead_man import DeadManTerms
from app.domain.safety.halts import Halt
from app.domain.safety.scope import Scope
from app.handlers.dead_man import dead_man
from app.handlers.forms.fields import utc_text
from app.handlers.forms.limits import changes_of, refuse_unknown, refuse_unknown_limits, shown
from app.handlers.schemas import (
    DeadManRequestSchema,
    HaltRequestSchema,
    LimitChangeSchema,
    ResumeRequestSchema,
    SafetyScopeSchema,
)
from app.journal.units.safety import Usage
from app.services.acting import ActingGateway
from app.services.safety.halting import HaltStatus

_HALT = HaltRequestSchema()
_RESUME = ResumeRequestSchema()
_CHANGE = LimitChangeSchema()
_DEAD_MAN = DeadManRequestSchema()
_SCOPE = SafetyScopeSchema()
_NOTHING_ENDED = (
    "There is no halt of exactly this scope, so nothing was changed. GET /safety lists the halts that hold; send the scope of"
    " one of them, part by part"
)


async def get_safety(gateway: ActingGateway) -> Any:
    """GET /safety"""
    seq, halts = await gateway.safety.status()
    switches = await gateway.safety.dead_men()
    return {
        "seq": seq,
        "halts": [_status(gateway, each) for each in halts],
        "dead_man": [dead_man(each) for each in switches],
    }


async def halt(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /safety/halt"""
    refuse_unknown(body, _HALT, "A halt")
    refuse_unknown(body.get("scope"), _SCOPE, "A scope")
    asked = _HALT.load(body)
    made = await gateway.safety.halt(_scope(asked), mode=asked["mode"], cancel=asked["cancel"], reason=asked["reason"])
    return _status(gateway, made)


async def resume(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /safety/resume"""
    refuse_unknown(body, _RESUME, "A resume")
    refuse_unknown(body.get("scope"), _SCOPE, "A scope")
    asked = _RESUME.load(body)
    scope = _scope(asked)
    resumed = await gateway.safety.resume(scope, reason=asked["reason"])
    return {
        "scope": scope.parts(),
        "resumed": resumed.ended is not None,
        "halts": [
            {"scope": each.scope.parts(), "mode": each.mode, "reason": each.reason, "halted_at_seq": each.seq}
            for each in resumed.remaining
        ],
        "hint": None if resumed.ended is not None else _NOTHING_ENDED,
    }


async def get_dead_man(gateway: ActingGateway) -> Any:
    """GET /safety/dead-man"""
    return {"switches": [dead_man(each) for each in await gateway.safety.dead_men()]}


async def arm_dead_man(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """PUT /safety/dead-man"""
    refuse_unknown(body, _DEAD_MAN, "A dead-man's switch")
    asked = _DEAD_MAN.load(body)
    terms = DeadManTerms(
        account=AccountKey(asked["account_name"], asked["connector_name"]),
        timeout_seconds=asked["timeout_seconds"],
        keep=asked["keep"],
        then=asked["then"],
        require=asked["require"],
    )
    return dead_man(await gateway.safety.arm(terms))


async def disarm_dead_man(gateway: ActingGateway, account_name: str, connector_name: str) -> Any:
    """DELETE /safety/dead-man"""
    account = AccountKey(account_name, connector_name)
    disarmed = await gateway.safety.disarm(account)
    return {
        **account._asdict(),
        "disarmed": disarmed.was_armed,
        "still_counting": list(disarmed.still_counting),
    }


async def get_limits(gateway: ActingGateway) -> Any:
    """GET /safety/limits"""
    return _usage(await gateway.safety.usage())


async def set_limits(gateway: ActingGateway, body: Mapping[str, Any], if_match: str | None = None) -> Any:
    """PUT /safety/limits"""
    limits = body.get("limits") or {}
    refuse_unknown(body, _CHANGE, "A change of limits")
    refuse_unknown(body.get("scope"), _SCOPE, "A scope")
    refuse_unknown_limits(limits)
    asked = _CHANGE.load(body)
    is_unlimited, reason = asked["unlimited"], asked.get("reason")
    if not is_unlimited and not limits:
        raise InvalidArgument("Nothing is to be changed: name limits, or unlimited with a reason")
    if is_unlimited and reason is None:
        raise InvalidArgument("unlimited needs a reason: say why this scope has no limits")
    await gateway.safety.set_limits(
        _scope(asked),
        changes_of(asked.get("limits") or {}),
        unlimited_reason=reason if is_unlimited else None,
        versions=None if if_match is None or if_match == "*" else [tag.strip('" ') for tag in if_match.split(",")],
    )
    return _usage(await gateway.safety.usage())


def _scope(asked: Mapping[str, Any]) -> Scope:
    return Scope(**{name: part for name, part in (asked.get("scope") or {}).items() if part is not None})


def _status(gateway: ActingGateway, found: HaltStatus) -> Mapping[str, Any]:
    return {
        **_halt(found.halt),
        "in_flight": found.alive.in_flight,
        "cancelling": found.alive.cancelling,
        "still_open": found.alive.still_open,
        "unknown": [
            {
                "order_id": order.order_id,
                "account_name": order.account_name,
                "connector_name": order.connector_name,
                "trading_pair": order.trading_pair,
                "age_seconds": max(0.0, (gateway.clock.now() - order.attempted_at).total_seconds()),
            }
            for order in found.alive.unknown
        ],
        "quiet": found.alive.is_quiet,
    }


def _halt(halt: Halt) -> Mapping[str, Any]:
    return {
        "scope": halt.scope.parts(),
        "mode": halt.mode,
        "cancel": halt.cancel,
        "reason": halt.reason,
        "halted_at": utc_text(halt.at),
        "halted_by": halt.by,
        "halted_at_seq": halt.seq,
    }


def _usage(usage: Usage) -> Any:
    answer = {
        "seq": usage.seq,
        "limits": [
            {
                "scope": each.scope.parts(),
                "limits": shown(each.limits),
                "used": {name: shortest(amount) for name, amount in used.items()},
                "unlimited": each.unlimited_reason is not None,
                "reason": each.unlimited_reason,
                "set_at_seq": each.seq,
            }
            for each, used in usage.used
            if each.is_set
        ],
    }
    return answer, 200, {"ETag": f'"{usage.state.version}"'}
