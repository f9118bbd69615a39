"""Lists of an exchange of which some rows can't be read: one such row does not take the others with it, and is not forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from app.domain.order import OrderRef

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableRow:
    """A row of a list that can't be read, ``why``, and what still names it; None where not even that can be read."""

    order_id: str | None = None
    exchange_order_id: str | None = None
    trading_pair: str | None = None
    why: str

    @property
    def is_nameless(self) -> bool:
        """Whether the row may be about any order."""
        return self.order_id is None and self.exchange_order_id is None

    def names(self, ref: OrderRef) -> bool:
        """Whether the row has one of the order's names."""
        is_number = self.exchange_order_id is not None and self.exchange_order_id == ref.exchange_order_id
        return is_number or self.order_id in (ref.order_id, ref.client_order_id)

    def may_be(self, ref: OrderRef) -> bool:
        """Whether the row may be about the order: it has one of its names, or none that could tell it from the order."""
        if self.is_nameless or self.names(ref):
            return True
        return self.order_id is None and ref.exchange_order_id is None


class Rows(list[T]):
    """The rows of an exchange's list that can be read. One that can't does not take the others with it; it is in ``unreadable``."""

    unreadable: tuple[UnreadableRow, ...] = ()

    @classmethod
    def of(cls, readable: Iterable[T], unreadable: Iterable[UnreadableRow] = ()) -> Rows[T]:
        made = cls(readable)
        made.unreadable = tuple(unreadable)
        return made


def row_count(rows: Sequence[object]) -> int:
    """How many rows the exchange's list had."""
    return len(rows) + len(unreadable_rows(rows))


def unreadable_rows(rows: Sequence[object]) -> tuple[UnreadableRow, ...]:
    """What could not be read of a list that a connector returned."""
    return rows.unreadable if isinstance(rows, Rows) else ()
