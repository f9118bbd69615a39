"""A dead-man's switch as it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.handlers.forms.fields import utc_text
from app.services.safety.dead_man import DeadManStatus


def dead_man(found: DeadManStatus) -> Mapping[str, Any]:
    """A switch."""
    switch, terms = found.switch, found.switch.terms
    until = switch.armed_until
    return {
        **terms.account._asdict(),
        "timeout_seconds": terms.timeout_seconds,
        "keep": terms.keep,
        "then": terms.then,
        "require": terms.require,
        "armed_until": _time(until),
        "held_by": None if until is None else "both" if found.is_held_by_exchange else "gateway",
        "covers": {"exchange": list(switch.covered), "gateway": terms.cancels},
        "renew_before": None if until is None else _time(until - terms.timeout / 2),
        "renewed_by": switch.by,
        "fired_at": _time(switch.fired_at),
        "fired_at_seq": switch.fired_seq,
        "quiet": switch.clearing is None,
        "still_counting": list(switch.ending),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else utc_text(moment)
