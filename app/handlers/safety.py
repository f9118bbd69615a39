"""Halts and limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import structs

from app.domain.decimals import shortest
from app.domain.errors import InvalidArgument
from app.domain.safety.halts import Halt
from app.domain.safety.limits import Brake, Collar, LimitSet
from app.domain.safety.scope import Scope
from app.handlers.schemas import (
    AnomalyBrakeSchema,
    HaltRequestSchema,
    LimitChangeSchema,
    LimitsSchema,
    PriceCollarSchema,
    ResumeRequestSchema,
    SafetyScopeSchema,
    Schema,
)
from app.journal.safety_units import Usage
from app.services.acting import ActingGateway
from app.services.safety.halting import HaltStatus

_HALT = HaltRequestSchema()
_RESUME = ResumeRequestSchema()
_CHANGE = LimitChangeSchema()
_LIMITS = LimitsSchema()
_SCOPE = SafetyScopeSchema()
_COLLAR = PriceCollarSchema()
_BRAKE = AnomalyBrakeSchema()


async def get_safety(gateway: ActingGateway) -> Any:
    """GET /safety"""
    seq, halts = await gateway.safety.status()
    return {"seq": seq, "halts": [_status(gateway, each) for each in halts]}


async def halt(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /safety/halt"""
    _refuse_unknown(body, _HALT, "A halt")
    _refuse_unknown(body.get("scope"), _SCOPE, "A scope")
    asked = _HALT.load(body)
    made = await gateway.safety.halt(_scope(asked), mode=asked["mode"], cancel=asked["cancel"], reason=asked["reason"])
    return _status(gateway, made)


async def resume(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /safety/resume"""
    _refuse_unknown(body, _RESUME, "A resume")
    _refuse_unknown(body.get("scope"), _SCOPE, "A scope")
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
    }


async def get_limits(gateway: ActingGateway) -> Any:
    """GET /safety/limits"""
    return _usage(await gateway.safety.usage())


async def set_limits(gateway: ActingGateway, body: Mapping[str, Any], if_match: str | None = None) -> Any:
    """PUT /safety/limits"""
    limits = body.get("limits") or {}
    _refuse_unknown(body, _CHANGE, "A change of limits")
    _refuse_unknown(body.get("scope"), _SCOPE, "A scope")
    _refuse_unknown(limits, _LIMITS, "A set of limits")
    _refuse_unknown(limits.get("price_collar"), _COLLAR, "A price_collar")
    _refuse_unknown(limits.get("anomaly_brake"), _BRAKE, "An anomaly_brake")
    asked = _CHANGE.load(body)
    is_unlimited, reason = asked["unlimited"], asked.get("reason")
    if not is_unlimited and not limits:
        raise InvalidArgument("Nothing is to be changed: name limits, or unlimited with a reason")
    if is_unlimited and reason is None:
        raise InvalidArgument("unlimited needs a reason: say why this scope has no limits")
    await gateway.safety.set_limits(
        _scope(asked),
        _changes(asked.get("limits") or {}),
        unlimited_reason=reason if is_unlimited else None,
        versions=None if if_match is None or if_match == "*" else [tag.strip('" ') for tag in if_match.split(",")],
    )
    return _usage(await gateway.safety.usage())


def _refuse_unknown(given: Mapping[str, Any] | None, schema: Schema, where: str) -> None:
    """Refuse fields that nobody knows, which elsewhere are ignored: a slip of the pen would halt, or limit, what was not meant."""
    unknown = sorted(set(given or {}) - set(schema.fields))
    if unknown:
        raise InvalidArgument(f"{where} has no {', '.join(unknown)}; it has {', '.join(schema.fields)}")


def _scope(asked: Mapping[str, Any]) -> Scope:
    return Scope(**{name: part for name, part in (asked.get("scope") or {}).items() if part is not None})


def _changes(asked: Mapping[str, Any]) -> dict[str, object]:
    """The limits that are set or lifted (None), as values of the domain."""
    changes: dict[str, object] = dict(asked)
    for name in ("allowed_pairs", "allowed_order_types"):
        if changes.get(name) is not None:
            changes[name] = tuple(asked[name])
    if asked.get("prevent_self_cross") is False:
        changes["prevent_self_cross"] = None
    if asked.get("price_collar") is not None:
        collar = changes["price_collar"] = Collar(**asked["price_collar"])
        if collar.max_deviation_bps is None and collar.max_ticks is None:
            raise InvalidArgument("A price_collar needs max_deviation_bps or max_ticks")
    if asked.get("anomaly_brake") is not None:
        brake = changes["anomaly_brake"] = Brake(**asked["anomaly_brake"])
        if (brake.refusals, brake.unknowns, brake.fills) == (None, None, None):
            raise InvalidArgument("An anomaly_brake needs refusals, unknowns or fills")
    return changes


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
        "halted_at": halt.at.isoformat(timespec="microseconds"),
        "halted_by": halt.by,
        "halted_at_seq": halt.seq,
    }


def _usage(usage: Usage) -> Any:
    answer = {
        "seq": usage.seq,
        "limits": [
            {
                "scope": each.scope.parts(),
                "limits": _limits(each),
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


def _limits(one: LimitSet) -> Mapping[str, Any]:
    given: dict[str, Any] = one.limits.given
    for name in ("price_collar", "anomaly_brake"):
        if name in given:
            given[name] = structs.asdict(given[name])
    dumped: dict[str, Any] = _LIMITS.dump(given)
    return dumped
