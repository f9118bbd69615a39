"""The user stream's ``ACCOUNT_UPDATE``: the changes between two snapshots of an account. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.domain.decimals import EXACT, ZERO
from app.domain.enums import PositionSide
from app.paper.orders import PaperBalance
from app.paper.perpetual.orders import PerpetualFill, PositionView
from app.sandbox.binance.numbers import wire
from app.sandbox.binance.symbols import symbol_of
from app.sandbox.times import milliseconds

Key = tuple[str, PositionSide]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSnapshot:
    """An account's wallet and open positions at one moment."""

    wallets: Mapping[str, Decimal]
    positions: Mapping[Key, PositionView]

    def cross(self, asset: str) -> Decimal:
        """The wallet's balance without the margins of positions."""
        left = self.wallets.get(asset, ZERO)
        for view in self.positions.values():
            left = EXACT.subtract(left, view.position.margin)
        return left


def account_snapshot(balances: Sequence[PaperBalance], views: Sequence[PositionView]) -> AccountSnapshot:
    """The snapshot of an account with these balances and positions."""
    return AccountSnapshot(
        wallets={balance.asset: balance.total for balance in balances},
        positions={(view.position.trading_pair, view.position.side): view for view in views},
    )


def account_update(
    before: AccountSnapshot, after: AccountSnapshot, fills: Sequence[PerpetualFill], at: datetime, sent_at: datetime
) -> dict[str, Any] | None:
    """The update from ``before`` to ``after``, with the ``fills`` in between; None without changes.

    An order's hold changes neither the wallet nor a position, so it makes no update, as on Binance.
    """
    changed = [asset for asset, total in after.wallets.items() if total != before.wallets.get(asset, ZERO)]
    keys = [key for key in sorted({*before.positions, *after.positions}) if _has_changed(key, before, after)]
    if not changed and not keys:
        return None
    assets = changed or list(after.wallets)
    return {
        "e": "ACCOUNT_UPDATE",
        "E": milliseconds(sent_at),
        "T": milliseconds(at),
        "a": {
            "m": _reason(before, fills, is_paid=bool(changed)),
            "B": [_balance(asset, before, after, fills) for asset in assets],
            "P": [_position(key, before, after, fills) for key in keys],
        },
    }


def _has_changed(key: Key, before: AccountSnapshot, after: AccountSnapshot) -> bool:
    one, other = before.positions.get(key), after.positions.get(key)
    if one is None or other is None:
        return True
    return (one.position.amount, one.position.cost, one.position.margin) != (
        other.position.amount,
        other.position.cost,
        other.position.margin,
    )


def _reason(before: AccountSnapshot, fills: Sequence[PerpetualFill], *, is_paid: bool) -> str:
    if fills:
        return "ORDER"
    if not is_paid:
        return "MARGIN_TRANSFER"
    return "FUNDING_FEE" if before.positions else "DEPOSIT"


def _balance(
    asset: str, before: AccountSnapshot, after: AccountSnapshot, fills: Sequence[PerpetualFill]
) -> dict[str, str]:
    """``bc`` is the change without the results and fees of trades."""
    change = EXACT.subtract(after.wallets[asset], before.wallets.get(asset, ZERO))
    for fill in fills:
        if fill.fee_currency == asset:
            change = EXACT.subtract(change, EXACT.subtract(fill.realized_pnl, fill.fee))
    return {"a": asset, "wb": wire(after.wallets[asset]), "cw": wire(after.cross(asset)), "bc": wire(change)}


def _position(
    key: Key, before: AccountSnapshot, after: AccountSnapshot, fills: Sequence[PerpetualFill]
) -> dict[str, Any]:
    view, (trading_pair, side) = after.positions.get(key), key
    return {
        "s": symbol_of(trading_pair),
        "pa": wire(None if view is None else view.position.amount),
        "ep": wire(None if view is None else view.position.entry_price),
        "bep": wire(None if view is None else view.position.entry_price),
        "cr": wire(_realized(key, before, fills) if view is None else view.position.realized_pnl),
        "up": wire(None if view is None else view.unrealized_pnl),
        "mt": "isolated",
        "iw": wire(None if view is None else view.position.margin),
        "ps": side.value,
        "ma": trading_pair.partition("-")[2],
    }


def _realized(key: Key, before: AccountSnapshot, fills: Sequence[PerpetualFill]) -> Decimal:
    """The realized result of a position that is closed now."""
    view = before.positions.get(key)
    total = ZERO if view is None else view.position.realized_pnl
    for fill in fills:
        if (fill.trading_pair, fill.position_side) == key:
            total = EXACT.add(total, fill.realized_pnl)
    return total
