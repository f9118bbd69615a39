"""An admitted request and its parameters, read one by one; each protocol says how it refuses one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from app.sandbox.common.errors import ApiError


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that was admitted: its account, empty for a public endpoint, its parameters, and the refusal of one of them."""

    account: str
    values: Mapping[str, Any]
    invalid: Callable[[str], ApiError]

    def with_values(self, values: Mapping[str, Any]) -> Call:
        """One of several requests in one."""
        return replace(self, values=values)

    def text(self, name: str) -> str | None:
        """A parameter, None without; an empty one counts as none."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, bool | dict | list):
            raise self.invalid(name)
        return str(value)

    def required(self, name: str) -> str:
        """A parameter that must be there."""
        value = self.text(name)
        if value is None:
            raise self.invalid(f"{name} is required")
        return value

    def one_of(self, name: str, *words: str) -> str:
        """A parameter that must be one of ``words``."""
        value = self.required(name)
        if value not in words:
            raise self.invalid(name)
        return value

    def number(self, name: str) -> Decimal | None:
        """A positive number, None without."""
        value = self.text(name)
        if value is None:
            return None
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise self.invalid(name) from None
        if not number.is_finite() or number <= 0:
            raise self.invalid(name)
        return number

    def required_number(self, name: str) -> Decimal:
        """A positive number that must be there."""
        number = self.number(name)
        if number is None:
            raise self.invalid(f"{name} is required")
        return number

    def whole(self, name: str) -> int | None:
        """A whole number, None without."""
        value = self.text(name)
        if value is None:
            return None
        if not value.isascii() or not value.isdecimal():
            raise self.invalid(name)
        return int(value)

    def rows(self, default: int, most: int, name: str = "limit") -> int:
        """How many rows are asked for."""
        limit = self.whole(name)
        if limit is not None and not 1 <= limit <= most:
            raise self.invalid(f"{name} must be from 1 to {most}")
        return limit or default

    def flag(self, name: str) -> bool:
        """A bool, false without."""
        return self.values.get(name) in (True, "true")


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One request that the API serves. ``route`` is its name in fault rules, or finds it by the parameters."""

    method: str
    path: str
    answer: Handler
    is_private: bool = True
    route: str | Callable[[Mapping[str, Any]], str] = "market"


def public(path: str, answer: Handler) -> Endpoint:
    """A question about the market that needs no key."""
    return Endpoint(method="GET", path=path, answer=answer, is_private=False)
