"""Binance's USD-M futures protocol over the same market, as far as it differs from spot's.

The answer to an order has no fills, so that each is asked for or comes as an event; an amendment keeps the client id and may change
the price; streams are opened with a listen key; a maker order is a LIMIT order that lasts ``GTX``.
"""

from __future__ import annotations

from typing import Any

from tests.simulation.market import Order, Trade
from tests.simulation.network import Connection
from tests.simulation.spot import INFO, Parameters, SpotExchange, order_row, trade_row


class PerpetualExchange(SpotExchange):
    """The exchange's side of one world, on futures."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.market.is_renaming = False
        self.market.closed_refusal = (-4140, "Invalid symbol status for opening position.")
        self._routes = {
            **self._routes,
            ("GET", "userTrades"): self._trades,
            ("GET", "balance"): lambda account, asked: [
                {
                    "asset": "USDT",
                    "balance": "1000",
                    "availableBalance": "1000",
                    "accountAlias": f"{self._user(account)}",
                }
            ],
            ("GET", "dual"): lambda account, asked: {"dualSidePosition": False},
            ("GET", "income"): lambda account, asked: [],
            ("GET", "positionRisk"): lambda account, asked: [],
            ("POST", "listenKey"): lambda account, asked: {"listenKey": f"key-of-{account}"},
            ("PUT", "listenKey"): lambda account, asked: {"listenKey": f"key-of-{account}"},
        }

    def _info(self) -> Any:
        return {
            **INFO,
            "symbols": [
                {
                    **row,
                    "status": self._status(row["symbol"]),
                    "contractType": "PERPETUAL",
                    "marginAsset": row["quoteAsset"],
                    "orderTypes": ["LIMIT", "MARKET"],
                }
                for row in INFO["symbols"]
            ],
        }

    def _submit(self, account: str, asked: Parameters) -> Any:
        kind = "LIMIT_MAKER" if asked.get("timeInForce") == "GTX" else asked["type"]
        return self._row(self._submitted(account, asked, kind=kind))

    def _cancel(self, account: str, asked: Parameters) -> Any:
        order = self.market.cancel(self.market.find(account, asked["symbol"], asked["origClientOrderId"]))
        return self._row(order)

    def _row(self, order: Order) -> dict[str, Any]:
        row = order_row(order)
        is_maker = order.kind == "LIMIT_MAKER"
        return {
            **row,
            "type": "LIMIT" if is_maker else order.kind,
            "origType": "LIMIT" if is_maker else order.kind,
            "timeInForce": "GTX" if is_maker else order.lasting,
            "avgPrice": "0" if not order.filled else str(order.quote / order.filled),
            "cumQuote": str(order.quote),
            "reduceOnly": False,
            "positionSide": "BOTH",
        }

    def _trade_row(self, order: Order, trade: Trade) -> dict[str, Any]:
        row = trade_row(order, trade)
        return {**row, "buyer": row.pop("isBuyer"), "maker": row.pop("isMaker"), "positionSide": "BOTH"}

    def opened(self, connection: Connection) -> None:
        super().opened(connection)
        account = connection.url.rpartition("key-of-")[2]
        if connection.is_open and account in self._keys.values():
            self._follow(account, connection)

    def _event(self, order: Order, word: str, trade: Trade | None, before: str) -> dict[str, Any]:
        spot = super()._event(order, word, trade, before)["event"]
        is_maker = order.kind == "LIMIT_MAKER"
        return {
            "e": "ORDER_TRADE_UPDATE",
            "E": spot["E"],
            "T": spot["T"],
            "o": {
                **{name: spot[name] for name in "sSqpxXilLnNtmzT"},
                "c": order.client_id,
                "o": "LIMIT" if is_maker else order.kind,
                "ot": "LIMIT" if is_maker else order.kind,
                "f": "GTX" if is_maker else order.lasting,
                "x": "AMENDMENT" if word == "AMENDED" else word,
                "ps": "BOTH",
            },
        }
