"""The truth of one market, for a checker: every account, order, fill, balance and position at one moment.

Field names are the gateway's; ids are those that clients see on the wire.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from app.domain.decimals import plain
from app.paper.ledger import is_house
from app.paper.orders import PaperBalance, PaperFill, PaperOrder, PaperSnapshot
from app.paper.perpetual.exchange import PerpetualSnapshot
from app.paper.perpetual.orders import PerpetualFill, PerpetualOrder
from app.paper.perpetual.positions import PaperPosition
from app.sandbox.keys import KeyRing

Row = dict[str, Any]

#: The id on the wire of an order or a fill, by its trading pair and the exchange's own id.
WireId = Callable[[str, int], int | str]


def truth(
    snapshot: PaperSnapshot,
    keys: KeyRing,
    wire_id: WireId,
    *,
    order_id: Callable[[PaperOrder], str] = lambda order: order.client_order_id,
    shown_fill: Callable[[PaperFill], Row] = lambda fill: {},
    shown_order: Callable[[PaperOrder], Row] = lambda order: {},
    is_recorded: Callable[[PaperOrder], bool] = lambda order: True,
) -> Row:
    """All accounts of ``snapshot``.

    ``order_id`` is an order's client id on the wire; ``shown_order`` and ``shown_fill`` are what the wire tells otherwise of one.
    Only recorded orders are shown.
    """
    fills: dict[int, list[PaperFill]] = defaultdict(list)
    for fill in snapshot.fills:
        fills[fill.exchange_order_id].append(fill)
    orders: dict[str, list[Row]] = defaultdict(list)
    for order in filter(is_recorded, snapshot.orders):
        row = _order_row(
            order, [_fill_row(fill, wire_id) | shown_fill(fill) for fill in fills[order.exchange_order_id]], wire_id
        )
        orders[order.account].append(row | {"order_id": order_id(order)} | shown_order(order))
    users = sorted({balance.account for balance in snapshot.balances if not is_house(balance.account)})
    return {
        "at": snapshot.at.isoformat(),
        "accounts": [
            {
                "name": name,
                "api_keys": keys.of_account(name),
                "balances": _balance_rows(name, snapshot.balances),
                **_positions(name, snapshot),
                "orders": orders[name],
            }
            for name in users
        ],
    }


def _order_row(order: PaperOrder, fills: list[Row], wire_id: WireId) -> Row:
    row: Row = {
        "exchange_order_id": str(wire_id(order.trading_pair, order.exchange_order_id)),
        "trading_pair": order.trading_pair,
        "trade_type": order.trade_type.value,
        "order_type": order.order_type.value,
        "time_in_force": order.time_in_force.value,
        "price": _text(order.price),
        "amount": _text(order.amount),
        "quote_amount": _text(order.quote_amount),
        "state": order.state.value,
        "reason": order.reason,
        "filled_amount": _text(order.filled_amount),
        "filled_quote": _text(order.filled_quote),
        "created_at": order.created_at.isoformat(),
        "updated_at": order.updated_at.isoformat(),
        "fills": fills,
    }
    if isinstance(order, PerpetualOrder):
        row |= {"position_side": order.position_side.value, "reduce_only": order.reduce_only}
    return row


def _fill_row(fill: PaperFill, wire_id: WireId) -> Row:
    row: Row = {
        "exchange_fill_id": str(wire_id(fill.trading_pair, fill.fill_id)),
        "price": _text(fill.price),
        "amount": _text(fill.amount),
        "fee": _text(fill.fee),
        "fee_currency": fill.fee_currency,
        "liquidity": fill.liquidity.value,
        "filled_at": fill.filled_at.isoformat(),
    }
    return row | {"realized_pnl": _text(fill.realized_pnl)} if isinstance(fill, PerpetualFill) else row


def _balance_rows(name: str, balances: Iterable[PaperBalance]) -> list[Row]:
    return [
        {"asset": each.asset, "total": _text(each.total), "held": _text(each.held)}
        for each in balances
        if each.account == name
    ]


def _positions(name: str, snapshot: PaperSnapshot) -> Row:
    """The account's positions, of a market that has positions."""
    if not isinstance(snapshot, PerpetualSnapshot):
        return {}
    return {"positions": [_position_row(each) for each in snapshot.positions if each.account == name]}


def _position_row(position: PaperPosition) -> Row:
    return {
        "trading_pair": position.trading_pair,
        "side": position.side.value,
        "amount": _text(position.amount),
        "cost": _text(position.cost),
        "margin": _text(position.margin),
        "realized_pnl": _text(position.realized_pnl),
    }


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)
