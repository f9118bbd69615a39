"""What a search may be narrowed to. An empty tuple or None does not narrow; times are inclusive and aware."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.domain.enums import OrderStatus, TradeType


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
class TradeFilter:
    """Which trades; the times bound ``filled_at``."""

    account_names: tuple[str, ...] = ()
    connector_names: tuple[str, ...] = ()
    trading_pairs: tuple[str, ...] = ()
    trade_types: tuple[TradeType, ...] = ()
    start_at: datetime | None = None
    end_at: datetime | None = None
