"""How a portfolio spreads: every level adds up to the one above it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from app.domain.markets.distribution import by_account, by_token, percentage, total_of
from app.domain.portfolio import Holding, Holdings

AT = datetime(2026, 1, 2, tzinfo=UTC)


def holdings(account_name: str, connector_name: str, **tokens: tuple[str, str | None]) -> Holdings:
    """Holdings by token: units and price."""
    return Holdings(
        account_name=account_name,
        connector_name=connector_name,
        asked_at=AT,
        tokens=tuple(
            Holding(
                token=token,
                units=Decimal(units),
                available_units=Decimal(units),
                price=None if price is None else Decimal(price),
            )
            for token, (units, price) in tokens.items()
        ),
    )


PORTFOLIO = (
    holdings("a", "paper", BTC=("0.5", "100"), USDT=("10", "1")),
    holdings("a", "binance", BTC=("0.25", "104")),
    holdings("b", "paper", BTC=("1", "100"), ODD=("7", None)),
)


def test_tokens_are_summed_over_accounts_and_connectors() -> None:
    """A token's sum holds those of its accounts, and these those of their connectors; the most valuable comes first."""
    shares = by_token(PORTFOLIO)

    assert list(shares) == ["BTC", "USDT", "ODD"]
    bitcoin = shares["BTC"]
    assert (bitcoin.value, bitcoin.units) == (Decimal(176), Decimal("1.75"))
    assert (bitcoin.accounts["a"].value, bitcoin.accounts["a"].units) == (Decimal(76), Decimal("0.75"))
    assert bitcoin.accounts["a"].connectors["binance"].value == Decimal(26)
    assert (shares["ODD"].value, shares["ODD"].units) == (Decimal(0), Decimal(7))


def test_accounts_are_summed_over_connectors() -> None:
    """Accounts that hold nothing are there too, with nothing."""
    shares = by_account(PORTFOLIO, ["a", "b", "empty"])

    assert {name: share.value for name, share in shares.items()} == {"b": 100, "a": 86, "empty": 0}
    assert {name: part.value for name, part in shares["a"].connectors.items()} == {"paper": 60, "binance": 26}
    assert shares["empty"].connectors == {}


def test_percentage_of_nothing_is_zero() -> None:
    """An empty portfolio has shares of zero instead of an error."""
    assert percentage(Decimal(0), Decimal(0)) == 0
    assert percentage(Decimal(1), Decimal(3)) == Decimal("33.3333")


_AMOUNTS = st.decimals(min_value=0, max_value=10**12, places=8)
_PORTFOLIOS = st.lists(
    st.builds(
        lambda account, connector, tokens: holdings(
            account, connector, **{name: (format(units, "f"), format(price, "f")) for name, units, price in tokens}
        ),
        st.sampled_from("abc"),
        st.sampled_from("xyz"),
        st.lists(st.tuples(st.sampled_from(["BTC", "ETH", "USDT"]), _AMOUNTS, _AMOUNTS), max_size=4),
    ),
    max_size=6,
)


@given(_PORTFOLIOS)
def test_every_level_adds_up(portfolio: list[Holdings]) -> None:
    """For any portfolio the tokens' sums, the accounts' sums and the total are one number, to the last digit."""
    total = total_of(portfolio)
    tokens, accounts = by_token(portfolio), by_account(portfolio, [])

    assert sum(Fraction(share.value) for share in tokens.values()) == Fraction(total)
    assert sum(Fraction(share.value) for share in accounts.values()) == Fraction(total)
    for share in tokens.values():
        assert sum(Fraction(account.value) for account in share.accounts.values()) == Fraction(share.value)
        assert sum(Fraction(account.units) for account in share.accounts.values()) == Fraction(share.units)
