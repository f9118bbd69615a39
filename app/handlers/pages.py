"""Pages: the request fields that every search shares, and the page object of the contract."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypedDict, TypeVar
from urllib.parse import quote

from app.domain.enums import OrderStatus
from app.domain.errors import UnknownAccount, UnknownConnector, UnsupportedPair
from app.domain.markets.rates import is_pair
from app.services.acting import ActingGateway
from app.storage.records import Page

T = TypeVar("T")

_MOST_NAMED = 20
_STATUSES = frozenset(OrderStatus)


class Names(TypedDict):
    """The three lists of names by which every search can be narrowed."""

    account_names: tuple[str, ...]
    connector_names: tuple[str, ...]
    trading_pairs: tuple[str, ...]


def names(asked: Mapping[str, Any]) -> Names:
    """The lists of a request; null and an absent list do not narrow."""
    return Names(
        account_names=tuple(asked.get("account_names") or ()),
        connector_names=tuple(asked.get("connector_names") or ()),
        trading_pairs=tuple(asked.get("trading_pairs") or ()),
    )


async def require_names(gateway: ActingGateway, wanted: Names) -> None:
    """Raise ``UnknownAccount``, ``UnknownConnector`` or ``UnsupportedPair`` for a name that nothing can have: for what
    hummingbot-api does not have, where an empty answer would hide a slip of the pen.
    """
    if wanted["account_names"]:
        accounts = await asyncio.to_thread(gateway.accounts.list_accounts)
        for name in wanted["account_names"]:
            if name not in accounts:
                raise UnknownAccount(name, accounts)
    connectors = gateway.catalog.list_connectors()
    for name in wanted["connector_names"]:
        if name not in connectors:
            raise UnknownConnector(name, connectors)
    for pair in wanted["trading_pairs"]:
        if not is_pair(pair):
            raise UnsupportedPair(pair, None, ())


def unknown_names(gateway: ActingGateway, wanted: Names, status: str | None = None) -> dict[str, str]:
    """The header that names what was asked for and does not exist, for a search without a result; none where all of it exists.

    A search for what was deleted is no mistake, and callers of hummingbot-api expect an empty page, so it is not refused.
    """
    accounts, connectors = gateway.accounts.list_accounts(), gateway.catalog.list_connectors()
    unknown = [
        *(("account_names", name) for name in wanted["account_names"] if name not in accounts),
        *(("connector_names", name) for name in wanted["connector_names"] if name not in connectors),
        *(("trading_pairs", pair) for pair in wanted["trading_pairs"] if not is_pair(pair)),
        *(("status", word) for word in (status,) if word is not None and word not in _STATUSES),
    ]
    if not unknown:
        return {}
    return {"Unknown-Names": ", ".join(f"{filter_name}={quote(name)}" for filter_name, name in unknown[:_MOST_NAMED])}


def unknown_if_empty(
    gateway: ActingGateway, wanted: Names, page: Page[Any], status: str | None = None
) -> dict[str, str]:
    """``unknown_names`` of a search whose result is ``page``."""
    return {} if page.total_count else unknown_names(gateway, wanted, status)


def answer(page: Page[T], limit: int, row: Callable[[T], Any]) -> dict[str, Any]:
    """The page object: ``data`` and ``pagination``."""
    return {
        "data": [row(item) for item in page.items],
        "pagination": {
            "limit": limit,
            "has_more": page.has_more,
            "next_cursor": page.next_cursor,
            "total_count": page.total_count,
        },
    }
