"""Balances: totals and holds of every account and asset, including the exchange's own accounts.

Every amount that one account gains another loses, so the sum over all accounts is always zero for every asset: a deposit comes
out of the synthetic market's account, a fee goes to the fee account. A user's total never goes below zero nor below its hold. The
engine checks funds first; an ``AssertionError`` here is a bug of the engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from app.domain.decimals import ZERO
from app.paper.orders import PaperBalance

#: The counter-account of deposits and of trades with the synthetic market; it may be negative. Users' names can't begin with ~.
MARKET = "~market"
#: Where fees go.
FEES = "~fees"
#: Perpetuals: pays profits and collects losses. Its deficit is the loss that open positions have yet to realize.
CLEARING = "~clearing"
#: Pays and collects funding, since the synthetic market holds the other side of the users' positions.
FUNDING = "~funding"
#: The insurance fund: takes what is left of a liquidated position's margin, and pays what the margin did not cover.
INSURANCE = "~insurance"


def is_house(account: str) -> bool:
    """Whether ``account`` is one of the exchange's own."""
    return account.startswith("~")


class Ledger:
    """Balances in memory. ``take_changed`` returns those that changed since its last call."""

    def __init__(self) -> None:
        self._balances: dict[str, dict[str, tuple[Decimal, Decimal]]] = {}
        self._changed: dict[tuple[str, str], None] = {}

    def restore(self, balances: Iterable[PaperBalance]) -> None:
        """Load stored balances."""
        for balance in balances:
            self._balances.setdefault(balance.account, {})[balance.asset] = (balance.total, balance.held)

    def deposit(self, account: str, balances: Mapping[str, Decimal]) -> None:
        """Credit ``account``, out of the market's account."""
        for asset, amount in balances.items():
            self.move(asset, amount, source=MARKET, target=account)

    def balance(self, account: str, asset: str) -> PaperBalance:
        total, held = self._balances.get(account, {}).get(asset, (ZERO, ZERO))
        return PaperBalance(account=account, asset=asset, total=total, held=held)

    def balances(self, account: str) -> tuple[PaperBalance, ...]:
        return tuple(self.balance(account, asset) for asset in sorted(self._balances.get(account, {})))

    def all(self) -> tuple[PaperBalance, ...]:
        """Every balance of every account, including the exchange's own."""
        return tuple(balance for account in self._balances for balance in self.balances(account))

    def available(self, account: str, asset: str) -> Decimal:
        return self.balance(account, asset).available

    def hold(self, account: str, asset: str, amount: Decimal) -> None:
        """Put ``amount`` on hold; a negative one releases it."""
        self._change(account, asset, ZERO, amount)

    def move(self, asset: str, amount: Decimal, *, source: str, target: str, held: bool = False) -> None:
        """Pay ``amount`` from one account to another, out of the source's hold if ``held``."""
        self._change(source, asset, -amount, -amount if held else ZERO)
        self._change(target, asset, amount, ZERO)

    def take_changed(self) -> tuple[PaperBalance, ...]:
        changed = tuple(self.balance(account, asset) for account, asset in self._changed)
        self._changed = {}
        return changed

    def _change(self, account: str, asset: str, total: Decimal, held: Decimal) -> None:
        assets = self._balances.setdefault(account, {})
        old_total, old_held = assets.get(asset, (ZERO, ZERO))
        new_total, new_held = old_total + total, old_held + held
        assert is_house(account) or ZERO <= new_held <= new_total, (
            f"{account} would have {new_held} of {new_total} {asset} on hold"
        )
        assets[asset] = (new_total, new_held)
        self._changed[(account, asset)] = None
