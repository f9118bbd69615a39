"""What really happened on the futures market, for a checker: as spot's truth, with positions and what they earned and paid.

Orders, fills, balances and positions are of one moment. A fill-or-kill order that was refused is not among the orders.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from app.paper.orders import PaperFill
from app.paper.perpetual.exchange import PerpetualSnapshot
from app.paper.perpetual.positions import PaperPosition
from app.sandbox.binance.futures.venue import is_killed, perpetual_fill, perpetual_order, wire_name
from app.sandbox.binance.symbols import Symbols
from app.sandbox.keys import KeyRing
from app.sandbox.truth import balance_rows, number_text, order_row, user_names


def futures_truth(whole: PerpetualSnapshot, symbols: Symbols, keys: KeyRing) -> dict[str, Any]:
    """The whole picture, by account."""
    fills: dict[int, list[PaperFill]] = defaultdict(list)
    for fill in whole.fills:
        fills[fill.exchange_order_id].append(fill)
    orders: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for paper_order in whole.orders:
        if is_killed(paper_order):
            continue
        order, own = perpetual_order(paper_order), fills[paper_order.exchange_order_id]
        row = order_row(order, own, symbols)
        row |= {
            "order_id": wire_name(order),
            "position_side": order.position_side.value,
            "reduce_only": order.reduce_only,
            "fills": [
                {**shown, "realized_pnl": number_text(perpetual_fill(fill).realized_pnl)}
                for shown, fill in zip(row["fills"], own, strict=True)
            ],
        }
        orders[order.account].append(row)
    return {
        "at": whole.at.isoformat(),
        "accounts": [
            {
                "name": name,
                "api_keys": keys.of_account(name),
                "balances": balance_rows(name, whole.balances),
                "positions": [_position(each) for each in whole.positions if each.account == name],
                "orders": orders[name],
            }
            for name in user_names(whole.balances)
        ],
    }


def _position(position: PaperPosition) -> dict[str, Any]:
    return {
        "trading_pair": position.trading_pair,
        "side": position.side.value,
        "amount": number_text(position.amount),
        "cost": number_text(position.cost),
        "margin": number_text(position.margin),
        "realized_pnl": number_text(position.realized_pnl),
    }
