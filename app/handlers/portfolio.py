"""The portfolio over HTTP: its state, its history, and how it spreads over tokens and accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.handlers.forms.holdings import (
    account_distribution,
    place_headers,
    snapshot_row,
    state_rows,
    token_distribution,
)
from app.handlers.forms.wording import page_at
from app.handlers.schemas import (
    PortfolioDistributionFilterSchema,
    PortfolioFilterSchema,
    PortfolioHistoryFilterSchema,
)
from app.services.acting import ActingGateway
from app.storage.portfolio import SnapshotFilter

_FILTER = PortfolioFilterSchema()
_HISTORY_FILTER = PortfolioHistoryFilterSchema()
_DISTRIBUTION_FILTER = PortfolioDistributionFilterSchema()

#: How many snapshots of five minutes lie in each interval.
_SLOTS = {"5m": 1, "15m": 3, "30m": 6, "1h": 12, "4h": 48, "12h": 144, "1d": 288}
#: The filters that an answer repeats as they were sent.
_REPEATED = ("account_names", "connector_names", "start_time", "end_time")


async def get_state(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /portfolio/state"""
    asked = _FILTER.load(body)
    state = await gateway.portfolio.state(*_names(asked), refresh=asked["refresh"])
    return state_rows(state.account_names, state.holdings), 200, place_headers(state)


def get_history(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /portfolio/history"""
    asked = _HISTORY_FILTER.load(body)
    account_names, connector_names = _names(asked)
    wanted = SnapshotFilter(
        account_names=account_names,
        connector_names=connector_names,
        start_at=asked.get("start_time"),
        end_at=asked.get("end_time"),
        slots=_SLOTS[asked["interval"]],
    )
    cursor = asked.get("cursor")
    with page_at("/portfolio/history", cursor):
        page = gateway.history.portfolio_snapshots(wanted, limit=asked["limit"], cursor=cursor)
    return {
        "data": [snapshot_row(snapshot) for snapshot in page.items],
        "pagination": {
            "limit": asked["limit"],
            "has_more": page.next_cursor is not None,
            "next_cursor": page.next_cursor,
            "current_cursor": cursor,
            "filters": {**{name: body.get(name) for name in _REPEATED}, "interval": asked["interval"]},
        },
    }


async def get_distribution(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /portfolio/distribution"""
    account_names, connector_names = _names(_DISTRIBUTION_FILTER.load(body))
    state = await gateway.portfolio.state(account_names, connector_names)
    return token_distribution(state, ", ".join(account_names) or "all_accounts")


async def get_accounts_distribution(gateway: ActingGateway) -> Any:
    """GET /portfolio/accounts-distribution"""
    state = await gateway.portfolio.state()
    return account_distribution(state)


def _names(asked: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The accounts and connectors to show; null and an empty list show all."""
    return tuple(asked.get("account_names") or ()), tuple(asked.get("connector_names") or ())
