"""Who pays what: out of what is available, then the position's margin, then the insurance."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from app.domain.enums import PositionSide
from app.paper.ledger import CLEARING, FEES, INSURANCE, Ledger
from app.paper.perpetual.clearing import collect, settle, wind_up
from app.paper.perpetual.positions import PaperPosition
from tests.clock import START


def account(total: str, margin: str) -> tuple[Ledger, PaperPosition]:
    """An account with that much money, of which a position's margin holds a part."""
    ledger = Ledger()
    ledger.deposit("ann", {"EURO": D(total)})
    ledger.hold("ann", "EURO", D(margin))
    position = PaperPosition(
        account="ann", trading_pair="APPLE-EURO", side=PositionSide.BOTH, margin=D(margin), updated_at=START
    )
    return ledger, position


def money(ledger: Ledger, name: str = "ann") -> tuple[D, D]:
    balance = ledger.balance(name, "EURO")
    return balance.total, balance.held


@pytest.mark.parametrize(
    ("amount", "total", "held", "insured"),
    [
        ("30", "70", "60", "0"),
        ("40", "60", "60", "0"),
        ("70", "30", "30", "0"),
        ("100", "0", "0", "0"),
        ("130", "0", "0", "30"),
    ],
)
def test_a_debt_is_paid_from_one_source_after_the_other(amount: str, total: str, held: str, insured: str) -> None:
    """Of a hundred, sixty are margin: forty are free, then the margin goes, then the insurance pays."""
    ledger, position = account("100", "60")
    after, missing = collect(ledger, "EURO", position, D(amount), target=FEES)
    assert money(ledger) == (D(total), D(held))
    assert (after.margin, missing) == (D(held), D(insured))
    assert money(ledger, FEES)[0] == D(amount)
    assert money(ledger, INSURANCE)[0] == -D(insured)


def test_a_profit_is_paid_out_and_a_loss_collected() -> None:
    """Both against the clearing account."""
    ledger, position = account("100", "60")
    assert settle(ledger, "EURO", position, D(5)) == (position, D(0))
    assert money(ledger) == (D(105), D(60))
    assert settle(ledger, "EURO", position, D(0)) == (position, D(0))
    settle(ledger, "EURO", position, D(-10))
    assert money(ledger) == (D(95), D(60))
    assert money(ledger, CLEARING)[0] == D(5)


@pytest.mark.parametrize(
    ("pnl", "left", "clearing"), [("-50", "10", "50"), ("-60", "0", "60"), ("-90", "-30", "90"), ("5", "65", "-5")]
)
def test_a_liquidation_takes_the_margin_and_nothing_else(pnl: str, left: str, clearing: str) -> None:
    """What the loss leaves goes to the insurance, and what it lacks comes from there; the free money stays."""
    ledger, position = account("100", "60")
    assert wind_up(ledger, "EURO", position, D(pnl)) == D(left)
    assert money(ledger) == (D(40), D(0))
    assert money(ledger, INSURANCE)[0] == D(left)
    assert money(ledger, CLEARING)[0] == D(clearing)
