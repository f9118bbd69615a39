"""Who has what: totals and holds of every account and asset, and the accounts of the exchange itself.

Every amount that one account gains another loses, so that the sum over all accounts is zero for every asset, always: a deposit
comes out of the synthetic market's account, a fee goes to the fee account. Users' balances never go below zero, nor below what
is held; the engine asks first, and the ledger refuses with an ``AssertionError`` that would be a fault of the engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from app.domain.decimals import ZERO
from app.paper.orders import PaperBalance

#: The counter-account of everything outside: it may owe. The sign keeps these names out of users' reach.
MARKET = "~market"
#: Where fees go.
FEES = "~fees"
#: Of perpetuals: who pays profits and takes losses. What it has paid out more than taken is what open positions have still to lose.
CLEARING = "~clearing"
#: Who pays and takes funding, since the synthetic market holds the other side of the users' positions.
FUNDING = "~funding"
#: Who takes what is left of a liquidated position, and pays what its margin did not cover.
INSURANCE = "~insurance"


def is_house(account: str) -> bool:
    """Whether ``account`` is one of the exchange's own."""
    return account.startswith("~")


class Ledger:
    """Balances in memory. ``take_touched`` hands over which ones changed since it was last called."""

    def __init__(self) -> None:
        self._balances: dict[str, dict[str, tuple[Decimal, Decimal]]] = {}
        self._touched: dict[tuple[str, str], None] = {}

    def restore(self, balances: Iterable[PaperBalance]) -> None:
        """Take over stored balances as they are."""
        for balance in balances:
            self._balances.setdefault(balance.account, {})[balance.asset] = (balance.total, balance.held)

    def deposit(self, account: str, balances: Mapping[str, Decimal]) -> None:
        """Give ``account`` money, paid for by the market."""
        for asset, amount in balances.items():
            self.move(asset, amount, source=MARKET, target=account)

    def balance(self, account: str, asset: str) -> PaperBalance:
        total, held = self._balances.get(account, {}).get(asset, (ZERO, ZERO))
        return PaperBalance(account=account, asset=asset, total=total, held=held)

    def balances(self, account: str) -> tuple[PaperBalance, ...]:
        return tuple(self.balance(account, asset) for asset in sorted(self._balances.get(account, {})))

    def all(self) -> tuple[PaperBalance, ...]:
        """Every balance of every account, the exchange's own too."""
        return tuple(balance for account in self._balances for balance in self.balances(account))

    def available(self, account: str, asset: str) -> Decimal:
        return self.balance(account, asset).available

    def hold(self, account: str, asset: str, amount: Decimal) -> None:
        """Set ``amount`` aside for an order; a negative one gives it back."""
        self._change(account, asset, ZERO, amount)

    def move(self, asset: str, amount: Decimal, *, source: str, target: str, held: bool = False) -> None:
        """Pay ``amount`` from one account to another, out of what the source holds for an order if ``held``."""
        self._change(source, asset, -amount, -amount if held else ZERO)
        self._change(target, asset, amount, ZERO)

    def take_touched(self) -> tuple[PaperBalance, ...]:
        touched = tuple(self.balance(account, asset) for account, asset in self._touched)
        self._touched = {}
        return touched

    def _change(self, account: str, asset: str, total: Decimal, held: Decimal) -> None:
        assets = self._balances.setdefault(account, {})
        old_total, old_held = assets.get(asset, (ZERO, ZERO))
        new_total, new_held = old_total + total, old_held + held
        assert is_house(account) or ZERO <= new_held <= new_total, (
            f"{account} would hold {new_held} of {new_total} {asset}"
        )
        assets[asset] = (new_total, new_held)
        self._touched[(account, asset)] = None
