"""How holdings, their history and their distribution look to a caller. Numbers stay exact; an unknown price is shown as 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.domain import distribution
from app.domain.decimals import ZERO, normal
from app.domain.portfolio import Holding, Holdings, Snapshot
from app.handlers.schemas import PortfolioErrorSchema, PortfolioTokenSchema

_TOKEN = PortfolioTokenSchema()
_ERROR = PortfolioErrorSchema()


def state_rows(account_names: Sequence[str], portfolio: Sequence[Holdings]) -> dict[str, Any]:
    """The tokens by account and connector, with an entry also for accounts that hold nothing."""
    accounts: dict[str, dict[str, Any]] = {name: {} for name in account_names}
    for holdings in portfolio:
        rows = [_token_row(holdings, token) for token in holdings.tokens]
        accounts.setdefault(holdings.account_name, {})[holdings.connector_name] = rows
    return accounts


def stale_places(portfolio: Sequence[Holdings]) -> str:
    """The places whose exchange could not be asked, for the header."""
    return ", ".join(
        f"{holdings.account_name}/{holdings.connector_name}" for holdings in portfolio if holdings.problem is not None
    )


def snapshot_row(snapshot: Snapshot) -> Any:
    """One point of the history."""
    return {"timestamp": _minute(snapshot.at), "state": state_rows((), snapshot.holdings)}


def token_distribution(portfolio: Sequence[Holdings], account_filter: str) -> Any:
    """The portfolio by token."""
    total = distribution.total_of(portfolio)
    shares = distribution.by_token(portfolio)
    return {
        "total_portfolio_value": normal(total),
        "token_count": len(shares),
        "distribution": [_token_share(token, share, total) for token, share in shares.items()],
        "account_filter": account_filter,
        "tokens": {
            token: {**_amount(share), "percentage": _percentage(share.value, total)} for token, share in shares.items()
        },
        "errors": _errors(portfolio),
    }


def account_distribution(account_names: Sequence[str], portfolio: Sequence[Holdings]) -> Any:
    """The portfolio by account."""
    total = distribution.total_of(portfolio)
    shares = distribution.by_account(portfolio, account_names)
    return {
        "total_portfolio_value": normal(total),
        "account_count": len(shares),
        "distribution": [
            {
                "account": name,
                "total_value": normal(share.value),
                "percentage": _percentage(share.value, total),
                "connectors": {
                    connector_name: {
                        "value": normal(part.value),
                        "percentage": _percentage(part.value, share.value),
                    }
                    for connector_name, part in share.connectors.items()
                },
            }
            for name, share in shares.items()
        ],
        "errors": _errors(portfolio),
    }


def _token_row(holdings: Holdings, token: Holding) -> Any:
    view = {
        "token": token.token,
        "units": normal(token.units),
        "price": ZERO if token.price is None else normal(token.price),
        "value": token.value,
        "available_units": normal(token.available_units),
        "price_known": token.price is not None,
        "as_of": holdings.asked_at,
        "problem": holdings.problem,
    }
    return _TOKEN.dump(view)


def _token_share(token: str, share: distribution.TokenShare, total: Decimal) -> Any:
    return {
        "token": token,
        "total_value": normal(share.value),
        "total_units": normal(share.units),
        "percentage": _percentage(share.value, total),
        "accounts": {
            name: {
                **_amount(account),
                "percentage": _percentage(account.value, share.value),
                "connectors": {
                    connector_name: _amount(amount) for connector_name, amount in account.connectors.items()
                },
            }
            for name, account in share.accounts.items()
        },
    }


def _amount(amount: distribution.Amount) -> Mapping[str, Decimal]:
    return {"value": normal(amount.value), "units": normal(amount.units)}


def _percentage(part: Decimal, whole: Decimal) -> Decimal:
    return normal(distribution.percentage(part, whole))


def _errors(portfolio: Sequence[Holdings]) -> list[Any]:
    return [
        _ERROR.dump(
            {
                "account_name": holdings.account_name,
                "connector_name": holdings.connector_name,
                "problem": holdings.problem,
                "as_of": holdings.asked_at,
            }
        )
        for holdings in portfolio
        if holdings.problem is not None
    ]


def _minute(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
