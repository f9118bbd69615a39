"""Conversion between the exchange's records and the rows of its tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from app.domain.decimals import plain
from app.domain.enums import Liquidity, OrderState, OrderType, TimeInForce, TradeType
from app.paper.depth import Taken
from app.paper.orders import PaperBalance, PaperEvent, PaperFill, PaperOrder


def order_row(order: PaperOrder, version: int) -> dict[str, Any]:
    return record_row(order) | {"version": version}


def record_row(record: Any) -> dict[str, Any]:
    """A record's fields, each in the column of its name."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


def order_of(row: Row[Any]) -> PaperOrder:
    values = row._mapping
    return PaperOrder(
        exchange_order_id=values["exchange_order_id"],
        account=values["account"],
        client_order_id=values["client_order_id"],
        trading_pair=values["trading_pair"],
        trade_type=TradeType(values["trade_type"]),
        order_type=OrderType(values["order_type"]),
        time_in_force=TimeInForce(values["time_in_force"]),
        price=values["price"],
        amount=values["amount"],
        quote_amount=values["quote_amount"],
        state=OrderState(values["state"]),
        filled_amount=values["filled_amount"],
        filled_quote=values["filled_quote"],
        reason=values["reason"],
        placed_tick=values["placed_tick"],
        created_at=values["created_at"],
        updated_at=values["updated_at"],
    )


def fill_row(fill: PaperFill) -> dict[str, Any]:
    return record_row(fill)


def fill_of(row: Row[Any]) -> PaperFill:
    values = row._mapping
    return PaperFill(
        fill_id=values["fill_id"],
        exchange_order_id=values["exchange_order_id"],
        account=values["account"],
        trading_pair=values["trading_pair"],
        trade_type=TradeType(values["trade_type"]),
        price=values["price"],
        amount=values["amount"],
        fee=values["fee"],
        fee_currency=values["fee_currency"],
        liquidity=Liquidity(values["liquidity"]),
        filled_at=values["filled_at"],
    )


def balance_row(balance: PaperBalance, version: int) -> dict[str, Any]:
    return {
        "account": balance.account,
        "asset": balance.asset,
        "total": balance.total,
        "held": balance.held,
        "version": version,
    }


def event_row(event: PaperEvent) -> dict[str, Any]:
    order, fill = event.order, event.fill
    return {
        "seq": event.seq,
        "account": event.account,
        "name": event.name,
        "at": event.at,
        "exchange_order_id": order and order.exchange_order_id,
        "fill_id": fill and fill.fill_id,
        "state": order and order.state,
        "filled_amount": order and order.filled_amount,
        "filled_quote": order and order.filled_quote,
        "balances": _balances_text(event.balances) if event.balances else None,
    }


def event_of(row: Row[Any], orders: Mapping[int, PaperOrder], fills: Mapping[int, PaperFill]) -> PaperEvent:
    """The event of ``row``, with its order as it was then."""
    values = row._mapping
    order = None
    if values["exchange_order_id"] is not None:
        latest = orders[values["exchange_order_id"]]
        state = OrderState(values["state"])
        order = replace(
            latest,
            state=state,
            filled_amount=values["filled_amount"],
            filled_quote=values["filled_quote"],
            reason=latest.reason if state is OrderState.EXPIRED else None,
            updated_at=values["at"],
        )
    return PaperEvent(
        seq=values["seq"],
        account=values["account"],
        name=values["name"],
        at=values["at"],
        order=order,
        fill=None if values["fill_id"] is None else fills[values["fill_id"]],
        balances=_balances_of(values["account"], values["balances"]) if values["balances"] else (),
    )


def taken_text(taken: Mapping[tuple[str, TradeType, Decimal], Decimal]) -> str:
    return json.dumps([[pair, side, plain(price), plain(amount)] for (pair, side, price), amount in taken.items()])


def taken_of(text: str) -> Taken:
    return {(pair, TradeType(side), Decimal(price)): Decimal(amount) for pair, side, price, amount in json.loads(text)}


def _balances_text(balances: tuple[PaperBalance, ...]) -> str:
    return json.dumps([[each.asset, plain(each.total), plain(each.held)] for each in balances])


def _balances_of(account: str, text: str) -> tuple[PaperBalance, ...]:
    return tuple(
        PaperBalance(account=account, asset=asset, total=Decimal(total), held=Decimal(held))
        for asset, total, held in json.loads(text)
    )
