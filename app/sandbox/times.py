"""Times on the wire: whole milliseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def milliseconds(at: datetime) -> int:
    """``at`` in milliseconds since 1970, rounded down."""
    return (at - _EPOCH) // _MILLISECOND


def moment(ms: int) -> datetime:
    """The time ``ms`` milliseconds after 1970."""
    return _EPOCH + ms * _MILLISECOND
