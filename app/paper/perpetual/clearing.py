"""Who pays whom when perpetuals are traded, funded and liquidated: the moves between an account and the exchange's own.

Nothing is decided here. A debt is paid out of what is available, then out of the margin of the position that caused it, and what is
left after that the insurance pays; so no account ever owes anything, and no position takes from another's margin.
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
    """Let the account of ``position`` pay ``amount`` to ``target``; the position after it, and what the insurance had to pay."""
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
    """Pay a profit out, or collect a loss; see ``collect``."""
    if pnl < ZERO:
        return collect(ledger, asset, position, -pnl, target=CLEARING)
    if pnl:
        ledger.move(asset, pnl, source=CLEARING, target=position.account)
    return position, ZERO


def wind_up(ledger: Ledger, asset: str, position: PaperPosition, pnl: Decimal) -> Decimal:
    """Take a liquidated position's margin: the loss is paid from it, and the insurance takes what is left, or pays what is missing.

    The answer is what the insurance took. Nothing else of the account is touched.
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
