"""What really happened, for a checker: every account, order, fill and balance, in the gateway's words and with the wire's ids.

It is read in one transaction, so it is the state at one moment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.domain.decimals import plain
from app.paper.exchange import PaperSnapshot
from app.paper.ledger import is_house
from app.paper.orders import PaperBalance, PaperFill, PaperOrder
from app.sandbox.binance.symbols import Symbols
from app.sandbox.keys import KeyRing


def truth(snapshot: PaperSnapshot, symbols: Symbols, keys: KeyRing) -> dict[str, Any]:
    """The whole picture, by account."""
    fills: dict[int, list[PaperFill]] = defaultdict(list)
    for fill in snapshot.fills:
        fills[fill.exchange_order_id].append(fill)
    orders: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for order in snapshot.orders:
        orders[order.account].append(order_row(order, fills[order.exchange_order_id], symbols))
    return {
        "at": _time(snapshot.at),
        "accounts": [
            {
                "name": name,
                "api_keys": keys.of_account(name),
                "balances": balance_rows(name, snapshot.balances),
                "orders": orders[name],
            }
            for name in user_names(snapshot.balances)
        ],
    }


def user_names(balances: Iterable[PaperBalance]) -> list[str]:
    """The accounts that are not the exchange's own."""
    return sorted({balance.account for balance in balances if not is_house(balance.account)})


def order_row(order: PaperOrder, fills: Iterable[PaperFill], symbols: Symbols) -> dict[str, Any]:
    return {
        "order_id": order.client_order_id,
        "exchange_order_id": str(symbols.wire_id(order.trading_pair, order.exchange_order_id)),
        "trading_pair": order.trading_pair,
        "trade_type": order.trade_type.value,
        "order_type": order.order_type.value,
        "time_in_force": order.time_in_force.value,
        "price": number_text(order.price),
        "amount": number_text(order.amount),
        "quote_amount": number_text(order.quote_amount),
        "state": order.state.value,
        "reason": order.reason,
        "filled_amount": number_text(order.filled_amount),
        "filled_quote": number_text(order.filled_quote),
        "created_at": _time(order.created_at),
        "updated_at": _time(order.updated_at),
        "fills": [
            {
                "exchange_fill_id": str(symbols.wire_id(fill.trading_pair, fill.fill_id)),
                "price": number_text(fill.price),
                "amount": number_text(fill.amount),
                "fee": number_text(fill.fee),
                "fee_currency": fill.fee_currency,
                "liquidity": fill.liquidity.value,
                "filled_at": _time(fill.filled_at),
            }
            for fill in fills
        ],
    }


def balance_rows(name: str, balances: Iterable[PaperBalance]) -> list[dict[str, Any]]:
    return [
        {"asset": each.asset, "total": number_text(each.total), "held": number_text(each.held)}
        for each in balances
        if each.account == name
    ]


def number_text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)


def _time(at: datetime) -> str:
    return at.isoformat()
