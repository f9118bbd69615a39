"""Connexion's ``FlaskApp`` as shipped, with ccxt's synchronous client: validates, calls the exchange, stores nothing.

Everything is Connexion's default: its middlewares, its validator, its JSON, and Flask's handlers in the threads that it brings.
"""

from __future__ import annotations

import os
import secrets
import threading
from decimal import Decimal
from typing import Any
from uuid import uuid4

import ccxt
import connexion
from ccxt_binance import pointed

#: One client per thread: ccxt's synchronous clients are not thread-safe.
_own = threading.local()


def _exchange() -> ccxt.binance:
    if not hasattr(_own, "exchange"):
        exchange = pointed(ccxt.binance)
        exchange.load_markets()
        _own.exchange = exchange
    return _own.exchange


def authenticate(username: str, password: str) -> dict[str, str] | None:
    """The user, or None."""
    if secrets.compare_digest(username, "admin") and secrets.compare_digest(password, "bench-password"):
        return {"sub": username}
    return None


def place(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Place an order."""
    order = _exchange().create_order(
        body["trading_pair"].replace("-", "/"),
        body["order_type"].lower(),
        body["trade_type"].lower(),
        str(Decimal(body["amount"])),
        str(Decimal(body["price"])),
        {"newClientOrderId": uuid4().hex},
    )
    return _answer(body, order["clientOrderId"]), 201


def null(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The same without the exchange call."""
    return _answer(body, uuid4().hex), 201


def live() -> dict[str, str]:
    """Whether it answers."""
    return {"status": "alive"}


def _answer(body: dict[str, Any], order_id: str) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "account_name": body["account_name"],
        "connector_name": body["connector_name"],
        "trading_pair": body["trading_pair"],
        "trade_type": body["trade_type"],
        "amount": format(Decimal(body["amount"]), "f"),
        "order_type": body["order_type"],
        "price": format(Decimal(body["price"]), "f"),
        "status": "submitted",
    }


app = connexion.FlaskApp(__name__, specification_dir=os.path.dirname(__file__))
app.add_api("connexion_order.yaml")
