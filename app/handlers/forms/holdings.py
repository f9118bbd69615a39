"""How holdings, their history and their distribution look to a caller. Numbers stay exact; an unknown price is shown as 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.domain.decimals import ZERO, normal
from app.domain.markets import distribution
from app.domain.portfolio import Holding, Holdings, Snapshot
from app.handlers.schemas import PortfolioErrorSchema, PortfolioTokenSchema
from app.services.accounts.portfolio import PortfolioState

_TOKEN = PortfolioTokenSchema()
_ERROR = PortfolioErrorSchema()
_ERROR_FIELDS = ("account_name", "connector_name", "problem", "as_of")


def state_rows(account_names: Sequence[str], portfolio: Sequence[Holdings]) -> dict[str, Any]:
    """The tokens by account and connector, with an entry also for accounts that hold nothing."""
    accounts: dict[str, dict[str, Any]] = {name: {} for name in account_names}
    for holdings in portfolio:
        rows = [_token_row(holdings, token) for token in holdings.tokens]
        accounts.setdefault(holdings.account_name, {})[holdings.connector_name] = rows
    return accounts


def place_headers(state: PortfolioState) -> dict[str, str]:
    """The headers that name the places whose exchange could not be asked: those shown as they were, and those not shown at all."""
    stale = [f"{each.account_name}/{each.connector_name}" for each in state.holdings if each.problem is not None]
    missing = [f"{each.account_name}/{each.connector_name}" for each in state.missing]
    places = {"Portfolio-Stale": stale, "Portfolio-Missing": missing}
    return {header: ", ".join(found) for header, found in places.items() if found}


def snapshot_row(snapshot: Snapshot) -> Any:
    """One point of the history."""
    return {"timestamp": _minute(snapshot.at), "state": state_rows((), snapshot.holdings)}


def token_distribution(state: PortfolioState, account_filter: str) -> Any:
    """The portfolio by token."""
    portfolio = state.holdings
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
        **_gaps(state),
    }


def account_distribution(state: PortfolioState) -> Any:
    """The portfolio by account."""
    portfolio = state.holdings
    total = distribution.total_of(portfolio)
    shares = distribution.by_account(portfolio, state.account_names)
    return {
        "total_portfolio_value": normal(total),
        "account_count": len(shares),
        "distribution": [
            {
                "account": name,
                "total_value": normal(share.value),
                "percentage": _percentage(share.value, total),
                "is_partial": share.is_partial or any(each.account_name == name for each in state.missing),
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
        **_gaps(state),
    }


def _token_row(holdings: Holdings, token: Holding) -> Any:
    view = {
        "token": token.token,
        "units": normal(token.units),
        "price": ZERO if token.price is None else normal(token.price),
        "value": token.value,
        "available_units": None if token.available_units is None else normal(token.available_units),
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
        "price_known": not share.is_partial,
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


def _gaps(state: PortfolioState) -> Mapping[str, Any]:
    """What the sums leave out, and what they count as it was."""
    unpriced = {token.token for holdings in state.holdings for token in holdings.tokens if token.price is None}
    errors: list[tuple[str, str, str, datetime | None]] = [
        (each.account_name, each.connector_name, each.problem, each.asked_at)
        for each in state.holdings
        if each.problem is not None
    ]
    errors += [(each.account_name, each.connector_name, each.problem, None) for each in state.missing]
    return {
        "is_partial": bool(unpriced or state.missing),
        "unpriced_tokens": sorted(unpriced),
        "errors": [_ERROR.dump(dict(zip(_ERROR_FIELDS, error, strict=True))) for error in errors],
    }


def _minute(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
