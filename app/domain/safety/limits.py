"""The limits that may be set on a scope, and how a broken one is told.

Amounts and positions are in units of the base asset. Values (notional, loss) are in US dollars, where a token with USD in its name
counts as one dollar. None is no limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Literal

from msgspec import Struct, structs

from app.domain.enums import OrderType
from app.domain.safety.scope import Place, Scope

#: What a price is compared with: the middle of the book, the last trade, or a perpetual's mark and index price.
ReferenceKind = Literal["mid", "last", "mark", "index"]


class Collar(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far from a reference price an order may be priced, on the side on which it would pay more than the market.

    ``max_age_seconds`` is the greatest age of the reference. With ``both_sides`` a price that is better than the market is held to
    the same distance. ``reducing_deviation_bps`` and ``reducing_ticks`` are for what only reduces a position.
    """

    reference: ReferenceKind = "mid"
    max_age_seconds: Decimal = Decimal(5)
    max_deviation_bps: Decimal | None = None
    max_ticks: int | None = None
    both_sides: bool = False
    reducing_deviation_bps: Decimal | None = None
    reducing_ticks: int | None = None


class Brake(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How many refusals, unknown outcomes or fills within ``window_seconds`` let the gateway take nothing but what reduces."""

    window_seconds: int
    refusals: int | None = None
    unknowns: int | None = None
    fills: int | None = None


class Limits(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The limits of one scope."""

    max_order_amount: Decimal | None = None
    max_order_notional: Decimal | None = None
    max_open_orders: int | None = None
    max_open_notional: Decimal | None = None
    max_position: Decimal | None = None
    max_gross_notional: Decimal | None = None
    max_daily_loss: Decimal | None = None
    orders_per_second: int | None = None
    orders_per_minute: int | None = None
    cancels_per_minute: int | None = None
    allowed_pairs: tuple[str, ...] | None = None
    allowed_order_types: tuple[OrderType, ...] | None = None
    max_leverage: Decimal | None = None
    approval_above_notional: Decimal | None = None
    duplicate_window: int | None = None
    prevent_self_cross: bool | None = None
    price_collar: Collar | None = None
    anomaly_brake: Brake | None = None

    @property
    def given(self) -> dict[str, object]:
        """The limits that are set, by name."""
        return {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not None}

    @property
    def counts_values(self) -> bool:
        """Whether a limit is set that needs to know what an order or a position is worth."""
        return any(getattr(self, name) is not None for name in _VALUES)

    def changed(self, changes: Mapping[str, object]) -> Limits:
        """The limits with ``changes``, where None lifts one."""
        return structs.replace(self, **dict(changes))


#: The limits of a scope that has none.
NO_LIMITS = Limits()

_VALUES = (
    "max_order_notional",
    "max_open_notional",
    "max_gross_notional",
    "max_daily_loss",
    "approval_above_notional",
)


class LimitSet(Struct, frozen=True, kw_only=True):
    """The limits of one scope, and since which event. ``unlimited_reason`` says why it deliberately has none."""

    scope: Scope
    limits: Limits
    seq: int = 0
    unlimited_reason: str | None = None

    @property
    def is_set(self) -> bool:
        """Whether somebody has decided about the scope's limits."""
        return bool(self.limits.given) or self.unlimited_reason is not None


class Violation(Struct, frozen=True, kw_only=True):
    """One limit that an order would break. ``value`` is what is used before it, ``would_be`` what would be with it."""

    limit: str
    scope: Scope
    value: str
    maximum: str
    would_be: str


def covering(sets: Iterable[LimitSet], place: Place) -> tuple[LimitSet, ...]:
    """Those of ``sets`` that hold for an order at ``place``."""
    return tuple(each for each in sets if each.scope.covers(place))
