"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: ``failure``: orders can't be placed as things are. ``warning``: they can, and something should be done soon.
Level = Literal["ok", "warning", "failure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report: what was looked at, how it is, and what to do where that is not well."""

    check: str
    level: Level = "ok"
    text: str
    advice: str = ""

    def line(self) -> str:
        """The finding as a line of text."""
        return f"{self.level:<8} {self.check}: {self.text}{f'. {self.advice}' if self.advice else ''}"
