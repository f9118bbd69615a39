"""Limits as they travel: those of a scope, and those that a key is made with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import structs

from app.domain.errors import InvalidArgument
from app.domain.safety.limits import Brake, Collar, Limits
from app.handlers.schemas import AnomalyBrakeSchema, LimitsSchema, PriceCollarSchema, Schema

_LIMITS = LimitsSchema()
_COLLAR = PriceCollarSchema()
_BRAKE = AnomalyBrakeSchema()


def refuse_unknown(given: Mapping[str, Any] | None, schema: Schema, where: str) -> None:
    """Refuse fields that nobody knows, which elsewhere are ignored: a slip of the pen would halt, or limit, what was not meant."""
    unknown = sorted(set(given or {}) - set(schema.fields))
    if unknown:
        raise InvalidArgument(f"{where} has no {', '.join(unknown)}; it has {', '.join(schema.fields)}")


def refuse_unknown_limits(limits: Mapping[str, Any]) -> None:
    """Refuse limits that nobody knows, in ``limits`` and in what they hold."""
    refuse_unknown(limits, _LIMITS, "A set of limits")
    refuse_unknown(limits.get("price_collar"), _COLLAR, "A price_collar")
    refuse_unknown(limits.get("anomaly_brake"), _BRAKE, "An anomaly_brake")


def changes_of(asked: Mapping[str, Any]) -> dict[str, object]:
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


def shown(limits: Limits) -> Mapping[str, Any]:
    """The limits that are set, as they are told."""
    dumped: dict[str, Any] = _LIMITS.dump(given(limits))
    return dumped


def given(limits: Limits) -> dict[str, Any]:
    """The limits that are set, for a schema to dump."""
    values: dict[str, Any] = limits.given
    for name in ("price_collar", "anomaly_brake"):
        if name in values:
            values[name] = structs.asdict(values[name])
    return values
