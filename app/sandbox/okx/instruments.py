"""The types of instruments that are served."""

from __future__ import annotations

from collections.abc import Mapping

from app.sandbox.common.calls import Call
from app.sandbox.okx.failures import invalid
from app.sandbox.okx.venue import SPOT, SWAP, OkxVenue

#: Types of OKX that have no instruments here.
_EMPTY = ("MARGIN", "FUTURES", "OPTION", "EVENTS")


class Instruments:
    """Spot, and swaps where there are any."""

    def __init__(self, venues: Mapping[str, OkxVenue]) -> None:
        self.venues = venues

    @property
    def spot(self) -> OkxVenue:
        return self.venues[SPOT]

    def of(self, call: Call) -> OkxVenue:
        """The venue of the instrument that is asked for. Raises ``ApiError`` for one that is not here."""
        symbol = call.required("instId")
        kind = SWAP if symbol.endswith("-SWAP") and SWAP in self.venues else SPOT
        self.venues[kind].pair(symbol)
        return self.venues[kind]

    def typed(self, call: Call) -> list[OkxVenue]:
        """The venues of the type that is asked for, of the instrument if one is named, or all of them."""
        kind = call.text("instType")
        if kind is not None and kind not in (SPOT, SWAP, *_EMPTY):
            raise invalid("instType")
        venues = list(self.venues.values()) if call.text("instId") is None else [self.of(call)]
        return [each for each in venues if kind in (None, each.kind)]
