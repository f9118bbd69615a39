"""The categories that are served, by their names."""

from __future__ import annotations

from collections.abc import Mapping

from app.sandbox.bybit.failures import SPOT, invalid
from app.sandbox.bybit.venue import BybitVenue
from app.sandbox.common.calls import Call

#: Categories of Bybit that have no symbols here.
_EMPTY = ("inverse", "option")


class Categories:
    """Spot, and linear where there is one."""

    def __init__(self, venues: Mapping[str, BybitVenue]) -> None:
        self.venues = venues

    @property
    def spot(self) -> BybitVenue:
        return self.venues[SPOT]

    def of(self, call: Call) -> BybitVenue:
        """The category that is asked for. Raises ``ApiError`` for one that is not here."""
        venue = self.venues.get(call.required("category"))
        if venue is None:
            raise invalid("Illegal category")
        return venue

    def is_empty(self, call: Call) -> bool:
        """Whether the category is one of Bybit's that has no symbols here."""
        category = call.required("category")
        return category not in self.venues and category in ("linear", *_EMPTY)
