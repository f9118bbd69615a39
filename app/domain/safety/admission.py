"""What the writer is told of an order beside its terms, to decide whether it may be placed, and what it found missing."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec import Struct, field

from app.domain.decimals import ZERO
from app.domain.safety.collar import Reference
from app.domain.safety.limits import ReferenceKind, Violation
from app.domain.safety.scope import Scope


class Admission(Struct, frozen=True, kw_only=True):
    """What is known of an order's market and account when its intent is written.

    ``can_short``: whether selling can make a position negative, as on perpetuals; ``reduces_only``: whether the exchange makes sure
    that the order can only make a position smaller. ``rates`` are the dollars that a quote currency is worth. ``worst_price`` is
    where a MARKET order would end in the book as it was; None where nothing looked. ``needs_limits``: whether the order is
    refused while nobody has decided about the limits of its account.
    """

    can_short: bool = False
    reduces_only: bool = False
    tick: Decimal = ZERO
    references: Mapping[ReferenceKind, Reference] = field(default_factory=dict)
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    worst_price: Decimal | None = None
    leverage: Decimal | None = None
    needs_limits: bool = False


#: For an order of which nobody has said more.
NOTHING_KNOWN = Admission()


class Missing(Exception):
    """The limits can't be judged without prices that the order came without. Nothing was written; it may come again with them."""

    def __init__(self, *, references: frozenset[ReferenceKind], currencies: frozenset[str], price: bool) -> None:
        named: list[Any] = [*sorted(references), *(f"the value of {currency}" for currency in sorted(currencies))]
        super().__init__(", ".join(named) or "a price")
        self.references = references
        self.currencies = currencies
        #: Whether the order itself has no price to be valued at.
        self.price = price


class Measured(NamedTuple):
    """What one limit comes to: what is used before an order, the most that is allowed, and what would be used with it."""

    limit: str
    scope: Scope
    used: Decimal
    maximum: Decimal
    would_be: Decimal


class Verdict(Struct, frozen=True, kw_only=True):
    """Which limits an order would break, how far its price is outside of a collar, and what each limit of a number comes to."""

    violations: tuple[Violation, ...] = ()
    outside: tuple[Violation, ...] = ()
    measured: tuple[Measured, ...] = ()
    #: The limits above which the order needs an approval.
    approvals: tuple[Measured, ...] = ()

    @property
    def is_clear(self) -> bool:
        """Whether the order may be placed as it is."""
        return not self.violations and not self.outside and not self.approvals
