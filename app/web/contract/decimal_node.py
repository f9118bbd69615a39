"""Money in a schema: nodes of ``format: decimal``, which take a number as a JSON number or as text.

Connexion and JSON Schema know only binary floats and leave text to patterns. Here such a node is compiled once into a check that
converts either spelling to an exact ``Decimal`` and then enforces the node's bounds on the number, however it was spelled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.domain.decimals import EXACT, MAX_PLACES, ZERO, bounded, parse_decimal, plain
from app.web.contract.faults import Fault, Location, bound_fault, fault, type_fault

_UNIONS = ("anyOf", "oneOf")

#: With at most this many places, a lower bound of one unit in the last place says no more than "above zero".
_SMALLEST = Decimal(1).scaleb(-MAX_PLACES)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecimalNode:
    """One decimal of the contract: what it accepts and within which bounds. Quoting is off where the schema marks a secret."""

    nullable: bool
    minimum: Decimal | None
    exclusive_minimum: bool
    maximum: Decimal | None
    exclusive_maximum: bool
    multiple_of: Decimal | None

    def convert(self, value: Any, location: Location, faults: list[Fault]) -> Any:
        """``value`` as a ``Decimal`` (or None where that is allowed). A bad one is added to ``faults`` and stays as it is."""
        try:
            if type(value) is Decimal:
                number = bounded(value)
            elif type(value) is str:
                number = parse_decimal(value)
            elif type(value) is int:
                number = bounded(Decimal(value))
            else:
                if value is not None or not self.nullable:
                    faults.append(type_fault("number", location, value))
                return value
        except ValueError as error:
            faults.append(fault("decimal_parsing", location, f"Input {error}", value))
            return value
        broken = self._broken_bound(number)
        if broken is not None:
            faults.append(bound_fault(*broken, location, value))
            return value
        return number

    def _broken_bound(self, number: Decimal) -> tuple[str, str] | None:
        low, high, step = self.minimum, self.maximum, self.multiple_of
        if low is not None and (number < low or (self.exclusive_minimum and number == low)):
            return ("ExclusiveMinimum" if self.exclusive_minimum else "Minimum", plain(low))
        if high is not None and (number > high or (self.exclusive_maximum and number == high)):
            return ("ExclusiveMaximum" if self.exclusive_maximum else "Maximum", plain(high))
        if step is not None and EXACT.remainder(number, step) != ZERO:
            return "MultipleOf", plain(step)
        return None


def decimal_node(schema: Mapping[str, Any]) -> DecimalNode | None:
    """The check for ``schema`` if it is a decimal, alone or as a union of a number and a text; None for everything else."""
    branches = [dict(schema)]
    for union in _UNIONS:
        if union in schema:
            branches = [{**schema, **branch} for branch in schema[union]]
    if not branches or any(
        branch.get("format") != "decimal" or branch.get("type") not in ("number", "string") for branch in branches
    ):
        return None
    bounds: dict[str, Any] = {}
    for branch in branches:
        if branch["type"] == "number" or len(branches) == 1:
            bounds = branch
    return _from_bounds(bounds, nullable=any(branch.get("nullable", False) for branch in branches))


def _from_bounds(bounds: Mapping[str, Any], *, nullable: bool) -> DecimalNode:
    minimum = _exact(bounds.get("minimum"))
    above = bool(bounds.get("exclusiveMinimum", False))
    if minimum == _SMALLEST and not above:
        minimum, above = ZERO, True
    return DecimalNode(
        nullable=nullable,
        minimum=minimum,
        exclusive_minimum=above,
        maximum=_exact(bounds.get("maximum")),
        exclusive_maximum=bool(bounds.get("exclusiveMaximum", False)),
        multiple_of=_exact(bounds.get("multipleOf")),
    )


def _exact(bound: Any) -> Decimal | None:
    """The number as the contract's author wrote it; YAML has made a binary float of it, whose shortest text is what was written."""
    return None if bound is None else Decimal(str(bound))
