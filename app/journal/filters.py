"""What a search may be narrowed to. An empty tuple or None does not narrow; times are inclusive and aware."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.domain.enums import OrderStatus, TradeType
from app.journal.records import JournalEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which orders; the times bound ``created_at``."""

    account_names: tuple[str, ...] = ()
    connector_names: tuple[str, ...] = ()
    trading_pairs: tuple[str, ...] = ()
    trade_types: tuple[TradeType, ...] = ()
    status: OrderStatus | str | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """What a stream shows. Balances have no pair and pass every filter of pairs; a halt or a limit that holds for several accounts
    or connectors has none of these and passes every filter of them.
    """

    account_names: tuple[str, ...] = ()
    connector_names: tuple[str, ...] = ()
    trading_pairs: tuple[str, ...] = ()

    @property
    def is_narrow(self) -> bool:
        """Whether anything is not shown."""
        return bool(self.account_names or self.connector_names or self.trading_pairs)

    def matches(self, entry: JournalEntry) -> bool:
        """Whether ``entry`` is shown."""
        return (
            (not self.account_names or entry.account_name in (*self.account_names, ""))
            and (not self.connector_names or entry.connector_name in (*self.connector_names, ""))
            and (not self.trading_pairs or entry.trading_pair is None or entry.trading_pair in self.trading_pairs)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeFilter:
    """Which trades; the times bound ``filled_at``."""

    account_names: tuple[str, ...] = ()
    connector_names: tuple[str, ...] = ()
    trading_pairs: tuple[str, ...] = ()
    trade_types: tuple[TradeType, ...] = ()
    start_at: datetime | None = None
    end_at: datetime | None = None
