"""What accounts hold and what it is worth: plain values. Prices and values are in US dollars, which every stable coin counts as."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.domain.decimals import EXACT, ZERO, normal


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One token of an account on a connector. ``available_units`` are those no open order holds. What is not known is None."""

    token: str
    units: Decimal
    available_units: Decimal | None
    price: Decimal | None

    @property
    def value(self) -> Decimal:
        """What the units are worth; zero where the price is not known, so that a sum with it is partial."""
        return ZERO if self.price is None else normal(EXACT.multiply(self.units, self.price))


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """All that an account holds on a connector, as the exchange said at ``asked_at``.

    ``problem`` says why the exchange could not be asked again since, where that is so: then this is the last that is known.
    """

    account_name: str
    connector_name: str
    asked_at: datetime
    tokens: tuple[Holding, ...]
    problem: str | None = None

    @property
    def value(self) -> Decimal:
        """The sum of the tokens' values."""
        return total_value(self.tokens)

    @property
    def is_partial(self) -> bool:
        """Whether ``value`` leaves out a token whose price is not known."""
        return any(token.price is None for token in self.tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What accounts held at one moment of the past."""

    at: datetime
    holdings: tuple[Holdings, ...]


def total_value(tokens: tuple[Holding, ...]) -> Decimal:
    """The exact sum of what ``tokens`` are worth."""
    total = ZERO
    for token in tokens:
        total = EXACT.add(total, token.value)
    return total
