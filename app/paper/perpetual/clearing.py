"""Payments of perpetuals between an account and the exchange's own accounts: trades, funding and liquidations.

A debt is paid out of the available balance, then out of the margin of the position that caused it; the insurance fund pays the
rest. So no account ever owes anything, and no position uses another's margin.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from app.domain.decimals import ZERO
from app.paper.ledger import CLEARING, INSURANCE, Ledger
from app.paper.perpetual.positions import PaperPosition


def collect(
    ledger: Ledger, asset: str, position: PaperPosition, amount: Decimal, *, target: str
) -> tuple[PaperPosition, Decimal]:
    """Pay ``amount`` to ``target`` from the account of ``position``; the position afterwards, and what the insurance fund paid."""
    account = position.account
    free = min(amount, ledger.available(account, asset))
    margin = min(amount - free, position.margin)
    missing = amount - free - margin
    if free:
        ledger.move(asset, free, source=account, target=target)
    if margin:
        ledger.move(asset, margin, source=account, target=target, held=True)
    if missing:
        ledger.move(asset, missing, source=INSURANCE, target=target)
    return replace(position, margin=position.margin - margin), missing


def settle(ledger: Ledger, asset: str, position: PaperPosition, pnl: Decimal) -> tuple[PaperPosition, Decimal]:
    """Pay out a profit, or collect a loss; returns as ``collect``."""
    if pnl < ZERO:
        return collect(ledger, asset, position, -pnl, target=CLEARING)
    if pnl:
        ledger.move(asset, pnl, source=CLEARING, target=position.account)
    return position, ZERO


def wind_up(ledger: Ledger, asset: str, position: PaperPosition, pnl: Decimal) -> Decimal:
    """Pay a liquidated position's loss from its margin; the insurance fund takes the rest, or pays what is missing.

    Returns what the insurance fund took. The account's other balance is not touched.
    """
    account, left = position.account, position.margin + pnl
    ledger.hold(account, asset, -position.margin)
    if left < ZERO:
        ledger.move(asset, -left, source=INSURANCE, target=account)
    if pnl < ZERO:
        ledger.move(asset, -pnl, source=account, target=CLEARING)
    elif pnl:
        ledger.move(asset, pnl, source=CLEARING, target=account)
    if left > ZERO:
        ledger.move(asset, left, source=account, target=INSURANCE)
    return left
