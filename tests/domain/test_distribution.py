"""How a portfolio spreads: every level adds up to the one above it, and shares are exact to four places."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.distribution import by_account, by_token, percentage, total_of
from app.domain.portfolio import Holding, Holdings
from tests.domain.orders import T0

D = Decimal


def held(account: str, connector: str, **tokens: tuple[str, str | None]) -> Holdings:
    return Holdings(
        account_name=account,
        connector_name=connector,
        asked_at=T0,
        tokens=tuple(
            Holding(token=token, units=D(units), available_units=D(0), price=None if price is None else D(price))
            for token, (units, price) in tokens.items()
        ),
    )


PORTFOLIO = (
    held("main", "paper", BTC=("0.1", "60000"), USDT=("1000", "1")),
    held("main", "binance", BTC=("0.2", "60000"), XYZ=("5", None)),
    held("other", "paper", USDT=("500", "1")),
)


def test_by_token() -> None:
    """Tokens come in order of value, each with its units and worth by account and connector."""
    shares = by_token(PORTFOLIO)
    assert [(token, share.units, share.value) for token, share in shares.items()] == [
        ("BTC", D("0.3"), D(18000)),
        ("USDT", D(1500), D(1500)),
        ("XYZ", D(5), D(0)),
    ]
    bitcoin = shares["BTC"].accounts["main"]
    assert (bitcoin.units, bitcoin.value) == (D("0.3"), D(18000))
    assert {name: part.value for name, part in bitcoin.connectors.items()} == {"paper": D(6000), "binance": D(12000)}
    assert set(shares["USDT"].accounts) == {"main", "other"}


def test_by_account() -> None:
    """Accounts come in order of value, those that hold nothing too, and unlike tokens are not added up."""
    shares = by_account(PORTFOLIO, ["idle", "other", "main"])
    assert [(name, share.value) for name, share in shares.items()] == [
        ("main", D(19000)),
        ("other", D(500)),
        ("idle", D(0)),
    ]
    assert {name: part.value for name, part in shares["main"].connectors.items()} == {
        "paper": D(7000),
        "binance": D(12000),
    }
    assert shares["idle"].connectors == {}
    assert {share.units for share in shares.values()} == {D(0)}


def test_equals_come_by_name() -> None:
    """Of two that are worth the same, the name decides, so that answers do not flicker."""
    portfolio = (held("b", "paper", ZED=("1", "1"), ACE=("1", "1")), held("a", "paper", MID=("2", "1")))
    assert list(by_token(portfolio)) == ["MID", "ACE", "ZED"]
    assert list(by_account(portfolio, [])) == ["a", "b"]


def test_nothing_held() -> None:
    """An empty portfolio has no parts and no value."""
    assert by_token(()) == {}
    assert by_account((), ()) == {}
    assert total_of(()) == 0


@pytest.mark.parametrize(
    ("part", "whole", "share"),
    [
        ("1", "3", "33.3333"),
        ("2", "3", "66.6667"),
        ("1", "1", "100.0000"),
        ("0", "5", "0.0000"),
        ("5", "0", "0"),
        ("1", "2000000", "0.0000"),
        ("3", "2000000", "0.0002"),
        ("1", "1e36", "0.0000"),
        ("-1", "4", "-25.0000"),
    ],
)
def test_percentage(part: str, whole: str, share: str) -> None:
    """A share has four places, halves go to the even digit, and a share of nothing is zero."""
    assert str(percentage(D(part), D(whole))) == share


amounts = st.decimals("0", "1000000000", allow_nan=False, allow_infinity=False, places=18)
names = st.sampled_from("abc")
holdings = st.lists(
    st.tuples(names, names, st.dictionaries(names, st.tuples(amounts, amounts), max_size=3)), max_size=6
)


@given(holdings)
def test_every_level_adds_up(rows: list[tuple[str, str, dict[str, tuple[Decimal, Decimal]]]]) -> None:
    """Tokens, accounts and connectors each add up to the whole, with no digit lost."""
    portfolio = [
        held(account, connector, **{name: (f"{units:f}", f"{price:f}") for name, (units, price) in tokens.items()})
        for account, connector, tokens in rows
    ]
    total = total_of(portfolio)
    tokens, accounts = by_token(portfolio), by_account(portfolio, [])
    assert exact(share.value for share in tokens.values()) == total
    assert exact(share.value for share in accounts.values()) == total
    for token in tokens.values():
        assert exact(part.units for part in token.accounts.values()) == token.units
        for account in token.accounts.values():
            assert exact(part.value for part in account.connectors.values()) == account.value
    values = [share.value for share in tokens.values()]
    assert values == sorted(values, reverse=True)


def exact(numbers: Iterable[Decimal]) -> Decimal:
    """A sum that rounds nothing."""
    with localcontext(prec=200):
        return sum(numbers, D(0))
