"""How an exact number and a moment are stored: on SQLite as text, on PostgreSQL as themselves.

Both ways keep every digit and every microsecond, and both sort times rightly. Nothing else in the journal knows the difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from app.domain.decimals import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """The four conversions of one database."""

    is_text: bool

    def money(self, number: Decimal | None) -> Any:
        """``number`` as the driver takes it."""
        return number if number is None or not self.is_text else plain(number)

    def time(self, moment: datetime | None) -> Any:
        """``moment`` as the driver takes it. Raises ``ValueError`` if it is not aware."""
        if moment is None:
            return None
        if moment.tzinfo is None:
            raise ValueError("a time without a zone can't be recorded")
        if not self.is_text:
            return moment
        # Fixed width, so that the order of the texts is the order of the times.
        return (moment if moment.tzinfo is UTC else moment.astimezone(UTC)).isoformat(timespec="microseconds")

    def text(self, text: str | None) -> str | None:
        """``text`` as the driver takes it; PostgreSQL has no form for a NUL, which an exchange's words may hold."""
        return text if text is None or "\x00" not in text else text.replace("\x00", "\ufffd")

    def read_money(self, stored: Any) -> Any:
        """The ``Decimal`` that was stored, or None."""
        return Decimal(stored) if self.is_text and stored is not None else stored

    def read_time(self, stored: Any) -> Any:
        """The aware UTC time that was stored, or None. PostgreSQL answers in the session's zone."""
        if stored is None:
            return None
        return datetime.fromisoformat(stored) if self.is_text else stored.astimezone(UTC)


SQLITE = Codec(is_text=True)
POSTGRES = Codec(is_text=False)


def codec_of(dialect_name: str) -> Codec:
    """The codec of a database by SQLAlchemy's name for it."""
    return POSTGRES if dialect_name == "postgresql" else SQLITE
