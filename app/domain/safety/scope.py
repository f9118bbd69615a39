"""Where a halt or a limit holds: the whole gateway, or what has a certain account, connector, trading pair and API key."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct


class Place(NamedTuple):
    """Where an order is placed, and by which API key; None where it was placed without one."""

    account_name: str
    connector_name: str
    trading_pair: str
    key_id: str | None = None


class Scope(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is covered. A part that is None covers everything of its kind; with no part the scope is the whole gateway."""

    account_name: str | None = None
    connector_name: str | None = None
    trading_pair: str | None = None
    key_id: str | None = None

    def covers(self, place: Place) -> bool:
        """Whether an order at ``place`` is in the scope."""
        return (
            self.account_name in (None, place.account_name)
            and self.connector_name in (None, place.connector_name)
            and self.trading_pair in (None, place.trading_pair)
            and self.key_id in (None, place.key_id)
        )

    def reaches(self, account_name: str, connector_name: str) -> bool:
        """Whether the scope may cover orders of this account on this connector."""
        return self.account_name in (None, account_name) and self.connector_name in (None, connector_name)

    def parts(self) -> dict[str, str]:
        """The parts that are given, by name."""
        return {name: part for name in self.__struct_fields__ if (part := getattr(self, name)) is not None}

    def __str__(self) -> str:
        return ", ".join(f"{name} {part}" for name, part in self.parts().items()) or "the whole gateway"
