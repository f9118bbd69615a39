"""How a portfolio spreads over tokens and accounts: exact sums, and shares in per cent rounded to four places.

Pure arithmetic on holdings; every level adds up to the one above it. A total of zero has shares of zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal

from app.domain.decimals import EXACT, ZERO
from app.domain.portfolio import Holdings

_HUNDRED = Decimal(100)
#: A ten-thousandth of a per cent; nobody's portfolio is shown more finely.
_SHARE = Decimal("0.0001")


@dataclass(slots=True)
class Amount:
    """A running sum of units and of what they are worth; partial where some of them have no known price."""

    value: Decimal = ZERO
    units: Decimal = ZERO
    is_partial: bool = False

    def add(self, value: Decimal, units: Decimal, *, is_partial: bool) -> None:
        """Add to both sums, exactly."""
        self.value = EXACT.add(self.value, value)
        self.units = EXACT.add(self.units, units)
        self.is_partial = self.is_partial or is_partial


@dataclass(slots=True)
class AccountShare(Amount):
    """One account's part, by connector."""

    connectors: dict[str, Amount] = field(default_factory=dict)


@dataclass(slots=True)
class TokenShare(Amount):
    """One token's part, by account."""

    accounts: dict[str, AccountShare] = field(default_factory=dict)


def by_token(portfolio: Sequence[Holdings]) -> dict[str, TokenShare]:
    """The parts of the tokens, the most valuable first."""
    shares: dict[str, TokenShare] = {}
    for holdings in portfolio:
        for token in holdings.tokens:
            share = shares.setdefault(token.token, TokenShare())
            account = share.accounts.setdefault(holdings.account_name, AccountShare())
            connector = account.connectors.setdefault(holdings.connector_name, Amount())
            for each in (share, account, connector):
                each.add(token.value, token.units, is_partial=token.price is None)
    return dict(sorted(shares.items(), key=lambda item: (-item[1].value, item[0])))


def by_account(portfolio: Sequence[Holdings], account_names: Sequence[str]) -> dict[str, AccountShare]:
    """The parts of the accounts, those that hold nothing too, the most valuable first. Units of unlike tokens are not added up."""
    shares = {name: AccountShare() for name in account_names}
    for holdings in portfolio:
        account = shares.setdefault(holdings.account_name, AccountShare())
        connector = account.connectors.setdefault(holdings.connector_name, Amount())
        for each in (account, connector):
            each.add(holdings.value, ZERO, is_partial=holdings.is_partial)
    return dict(sorted(shares.items(), key=lambda item: (-item[1].value, item[0])))


def total_of(portfolio: Sequence[Holdings]) -> Decimal:
    """What everything is worth."""
    total = ZERO
    for holdings in portfolio:
        total = EXACT.add(total, holdings.value)
    return total


def percentage(part: Decimal, whole: Decimal) -> Decimal:
    """``part`` of ``whole`` in per cent; zero of nothing."""
    if whole == ZERO:
        return ZERO
    share = EXACT.divide(EXACT.multiply(part, _HUNDRED), whole)
    return share.quantize(_SHARE, rounding=ROUND_HALF_EVEN, context=EXACT)
