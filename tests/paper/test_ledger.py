"""The ledger: what one gains another loses, and nobody owes."""

from decimal import Decimal as D

import pytest

from app.paper.ledger import FEES, MARKET, Ledger, is_house


def test_a_deposit_is_owed_by_the_market() -> None:
    """The sum over all accounts is zero from the first day on."""
    ledger = Ledger()
    ledger.deposit("ann", {"EURO": D(10)})
    assert ledger.balance("ann", "EURO").total == D(10)
    assert ledger.balance(MARKET, "EURO").total == D(-10)
    assert sum(balance.total for balance in ledger.all()) == 0


def test_what_is_held_is_not_available_and_can_be_paid_from() -> None:
    """available = total - held, exactly; a payment out of the hold lowers both."""
    ledger = Ledger()
    ledger.deposit("ann", {"EURO": D(10)})
    ledger.hold("ann", "EURO", D("2.5"))
    assert ledger.available("ann", "EURO") == D("7.5")
    ledger.move("EURO", D(2), source="ann", target=FEES, held=True)
    assert ledger.balance("ann", "EURO").held == D("0.5")
    assert ledger.available("ann", "EURO") == D("7.5")
    ledger.hold("ann", "EURO", D("-0.5"))
    assert ledger.available("ann", "EURO") == ledger.balance("ann", "EURO").total == D(8)


def test_a_user_can_neither_owe_nor_hold_what_it_does_not_have() -> None:
    """The engine asks first; if it ever did not, the ledger stops it."""
    ledger = Ledger()
    ledger.deposit("ann", {"EURO": D(10)})
    with pytest.raises(AssertionError):
        ledger.move("EURO", D(11), source="ann", target=MARKET)
    with pytest.raises(AssertionError):
        ledger.hold("ann", "EURO", D(11))


def test_touched_balances_are_handed_over_once() -> None:
    """What the store is given is each changed balance as it is now."""
    ledger = Ledger()
    ledger.deposit("ann", {"EURO": D(10)})
    ledger.hold("ann", "EURO", D(1))
    changed = ledger.take_changed()
    assert [(each.account, each.held) for each in changed] == [(MARKET, 0), ("ann", 1)]
    assert ledger.take_changed() == ()
    assert [is_house(each.account) for each in changed] == [True, False]
