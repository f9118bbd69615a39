"""Binance's spot protocol over the market: calls by method and path, and the user stream of the websocket API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from tests.simulation.faults import CallKind, Faults, Reply
from tests.simulation.kernel import Kernel
from tests.simulation.market import PAIRS, STILL, ZERO, Market, Order, Refusal, Trade
from tests.simulation.network import Connection, Request

Parameters = Mapping[str, str]
#: The account of each API key.
Keys = Mapping[str, str]

_WEIGHT = {"x-mbx-used-weight-1m": "1"}


class SpotExchange:
    """The exchange's side of one world. Without a ``has_stream`` every connection to it ends at once."""

    def __init__(
        self, kernel: Kernel, faults: Faults, seed: int, epoch_ms: int, keys: Keys, *, has_stream: bool = True
    ) -> None:
        self._kernel = kernel
        self._faults = faults
        self._keys = keys
        self._has_stream = has_stream
        self.market = Market(kernel, faults, seed, epoch_ms, self._tell)
        self._streams: dict[str, list[Connection]] = {}
        self.push: Callable[[Connection, str], None] = lambda connection, text: None
        self._event_number = 0
        self._routes: Mapping[tuple[str, str], Callable[[str, Parameters], Any]] = {
            ("POST", "order"): self._submit,
            ("DELETE", "order"): self._cancel,
            ("GET", "order"): self._query,
            ("GET", "openOrders"): self._open_orders,
            ("GET", "myTrades"): self._trades,
            ("GET", "account"): lambda account, asked: {"balances": [], "uid": self._user(account)},
            ("GET", "time"): lambda account, asked: {"serverTime": self.market.now_ms()},
            ("GET", "exchangeInfo"): lambda account, asked: self._info(),
            ("GET", "depth"): lambda account, asked: self._book(asked["symbol"]),
        }

    # -- calls ----------------------------------------------------------------------------------------------------------

    def kind_of(self, request: Request) -> CallKind:
        name = _route(request)[1]
        if name not in ("order", "openOrders", "myTrades", "userTrades"):
            return "info"
        return {"POST": "order", "DELETE": "cancel"}.get(request.method, "ask")  # type: ignore[return-value]

    def front(self, request: Request) -> Reply | None:
        asked = _parameters(request)
        if "timestamp" not in asked:
            return None
        age = self.market.now_ms() - int(asked["timestamp"])
        if not -1000 < age <= int(asked["recvWindow"]):
            text = "Timestamp for this request is outside of the recvWindow."
            return _refused(-1021, text)
        if request.headers.get("X-MBX-APIKEY") not in self._keys:
            return _refused(-2015, "Invalid API-key, IP, or permissions for action.", status=401)
        return None

    def answer(self, request: Request) -> Reply:
        route = _route(request)
        account = self._keys.get(request.headers.get("X-MBX-APIKEY", ""), "")
        try:
            payload = self._routes[route](account, _parameters(request))
        except Refusal as refusal:
            return _refused(refusal.code, refusal.text)
        return Reply(status=200, body=msgspec.json.encode(payload), headers=_WEIGHT)

    def _user(self, account: str) -> int:
        """The exchange's number of an account."""
        return 350_000_000 + sorted(set(self._keys.values())).index(account)

    def _info(self) -> Any:
        return {**INFO, "symbols": [{**row, "status": self._status(row["symbol"])} for row in INFO["symbols"]]}

    def _book(self, symbol: str) -> Any:
        """One level a side: orders are filled at the pair's price."""
        self._check_listed(symbol)
        pair = next(each for each in PAIRS if each.symbol == symbol)
        now = self.market.now_ms()
        level = [str(pair.price), "1000000"]
        return {"lastUpdateId": 1, "E": now, "T": now, "bids": [level], "asks": [level]}

    def _status(self, symbol: str) -> str:
        return "BREAK" if self.market.is_closed(symbol) else "TRADING"

    def _submitted(self, account: str, asked: Parameters, *, kind: str) -> Order:
        price = asked.get("price")
        return self.market.submit(
            account,
            asked["symbol"],
            asked["newClientOrderId"],
            asked["side"],
            kind,
            asked.get("timeInForce", "GTC"),
            Decimal(asked["quantity"]),
            None if price is None else Decimal(price),
        )

    def _submit(self, account: str, asked: Parameters) -> Any:
        order = self._submitted(account, asked, kind=asked["type"])
        return {**order_row(order), "transactTime": order.updated_ms, "fills": [_fill(trade) for trade in order.trades]}

    def _cancel(self, account: str, asked: Parameters) -> Any:
        order = self.market.cancel(self.market.find(account, asked["symbol"], asked["origClientOrderId"]))
        return {
            **order_row(order),
            # A cancel that is only taken has not ended the order yet.
            "status": "PENDING_CANCEL" if order.is_open else order.status,
            "origClientOrderId": order.client_id,
            "clientOrderId": _cancel_id(order),
            "transactTime": order.updated_ms,
        }

    def _query(self, account: str, asked: Parameters) -> Any:
        order = self._shown(account, asked)
        if order is None:
            raise Refusal(-2013, "Order does not exist.")
        return self._row(order)

    def _row(self, order: Order) -> dict[str, Any]:
        """An order as questions show it."""
        return order_row(order)

    def _check_listed(self, symbol: str) -> None:
        if self.market.is_unlisted(symbol):
            raise Refusal(-1121, "Invalid symbol.")

    def _shown(self, account: str, asked: Parameters) -> Order | None:
        self._check_listed(asked["symbol"])
        if "origClientOrderId" in asked:
            order = self.market.find(account, asked["symbol"], asked["origClientOrderId"])
        else:
            order = self.market.by_number.get((asked["symbol"], int(asked["orderId"])))
        if order is None or order.account != account or order.hidden_until > self._kernel.now:
            return None
        return order

    def _open_orders(self, account: str, asked: Parameters) -> Any:
        if "symbol" in asked:
            self._check_listed(asked["symbol"])
        rows = [] if asked.get("symbol", _STRANGERS[0]["symbol"]) != _STRANGERS[0]["symbol"] else list(_STRANGERS)
        return rows + [
            self._row(order)
            for order in self.market.open.values()
            if order.account == account
            and asked.get("symbol", order.symbol) == order.symbol
            and order.hidden_until <= self._kernel.now
            and not self._faults.of_exchange("left_out_of_list", 0.02)
        ]

    def _trades(self, account: str, asked: Parameters) -> Any:
        symbol = asked["symbol"]
        self._check_listed(symbol)
        order = self.market.by_number.get((symbol, int(asked["orderId"])))
        if order is None or order.account != account:
            return []
        trades = order.trades[:-1] if order.trades_late_until > self._kernel.now else order.trades
        first = int(asked.get("fromId", 0))
        return [self._trade_row(order, trade) for trade in trades if trade.number >= first][: int(asked["limit"])]

    def _trade_row(self, order: Order, trade: Trade) -> dict[str, Any]:
        return trade_row(order, trade)

    # -- the stream -----------------------------------------------------------------------------------------------------

    def opened(self, connection: Connection) -> None:
        """Nothing is sent before a subscription."""
        if not self._has_stream:
            connection.cut()

    def received(self, connection: Connection, text: str) -> None:
        message = msgspec.json.decode(text)
        account = self._keys[message["params"]["apiKey"]]
        if connection.is_open:
            self._follow(account, connection)
            answer = {"id": message["id"], "status": 200, "result": {"subscriptionId": 0}}
            self.push(connection, msgspec.json.encode(answer).decode())

    def closed(self, connection: Connection) -> None:
        for listening in self._streams.values():
            if connection in listening:
                listening.remove(connection)

    def _follow(self, account: str, connection: Connection) -> None:
        """Send the events of an account on a connection from now on."""
        self._streams.setdefault(account, []).append(connection)

    def _event(self, order: Order, word: str, trade: Trade | None, before: str) -> dict[str, Any]:
        return {"subscriptionId": 0, "event": _report(order, word, trade, self._event_number, before)}

    def _tell(self, order: Order, word: str, trade: Trade | None, before: str) -> None:
        listening = self._streams.get(order.account)
        if not listening:
            return
        self._event_number += 1
        text = msgspec.json.encode(self._event(order, word, trade, before)).decode()
        for connection in list(listening):
            self.push(connection, text)


def _route(request: Request) -> tuple[str, str]:
    return request.method, request.url.partition("?")[0].rpartition("/")[2]


def _parameters(request: Request) -> Parameters:
    return dict(parse_qsl(request.url.partition("?")[2] if request.form is None else request.form))


def _refused(code: int, text: str, *, status: int = 400) -> Reply:
    return Reply(status=status, body=msgspec.json.encode({"code": code, "msg": text}), headers=_WEIGHT)


def _cancel_id(order: Order) -> str:
    return f"cancel{order.number}"


def order_row(order: Order) -> dict[str, Any]:
    return {
        "symbol": order.symbol,
        "orderId": order.number,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "price": str(order.price),
        "origQty": str(order.amount),
        "executedQty": str(order.filled),
        "origQuoteOrderQty": "0.00000000",
        "cummulativeQuoteQty": str(order.quote),
        "status": order.status,
        "timeInForce": order.lasting,
        "type": order.kind,
        "side": order.side,
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "workingTime": order.created_ms,
    }


def _fill(trade: Trade) -> dict[str, Any]:
    return {
        "price": str(trade.price),
        "qty": str(trade.amount),
        "commission": str(trade.fee),
        "commissionAsset": trade.fee_asset,
        "tradeId": trade.number,
    }


def trade_row(order: Order, trade: Trade) -> dict[str, Any]:
    return {
        "symbol": order.symbol,
        "id": trade.number,
        "orderId": order.number,
        "price": str(trade.price),
        "qty": str(trade.amount),
        "quoteQty": str(trade.price * trade.amount),
        "commission": str(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": trade.at_ms,
        "isBuyer": order.side == "BUY",
        "isMaker": trade.is_maker,
    }


def _report(order: Order, word: str, trade: Trade | None, number: int, before: str) -> dict[str, Any]:
    is_cancel = word == "CANCELED"
    has_other_id = is_cancel or before != order.client_id
    return {
        "e": "executionReport",
        "E": order.updated_ms,
        "s": order.symbol,
        "c": _cancel_id(order) if is_cancel else order.client_id,
        "C": before if has_other_id else "",
        "S": order.side,
        "o": order.kind,
        "f": order.lasting,
        "q": str(order.amount),
        "p": str(order.price),
        "x": "REPLACED" if word == "AMENDED" else word,
        "X": order.status,
        "r": "NONE",
        "i": order.number,
        "I": number,
        "l": str(ZERO if trade is None else trade.amount),
        "L": str(ZERO if trade is None else trade.price),
        "n": "0" if trade is None else str(trade.fee),
        "N": None if trade is None else trade.fee_asset,
        "t": -1 if trade is None else trade.number,
        "m": trade is not None and trade.is_maker,
        "z": str(order.filled),
        "Z": str(order.quote),
        "Q": "0.00000000",
        "T": order.updated_ms if trade is None else trade.at_ms,
        "O": order.created_ms,
    }


#: Orders of other programs on the account: one that everybody can read, and one that nobody can.
_STRANGERS: tuple[dict[str, Any], ...] = (
    {
        "symbol": "BTCUSDT",
        "orderId": 17,
        "orderListId": -1,
        "clientOrderId": "web_1f0c",
        "price": "21000.00",
        "origQty": "0.00100",
        "executedQty": "0",
        "origQuoteOrderQty": "0",
        "cummulativeQuoteQty": "0",
        "status": "NEW",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
        "time": 1_700_000_000_000,
        "updateTime": 1_700_000_000_000,
    },
    {
        "symbol": "BTCUSDT",
        "orderId": 18,
        "clientOrderId": "web_1f0d",
        "status": "WHATEVER_COMES_NEXT",
        "origQty": None,
    },
)

INFO: dict[str, Any] = {
    "timezone": "UTC",
    "rateLimits": [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 1000},
    ],
    "symbols": [
        {
            "symbol": pair.symbol,
            "status": "TRADING",
            "baseAsset": pair.base,
            "quoteAsset": pair.quote,
            "quoteAssetPrecision": 8,
            "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
            "isSpotTradingAllowed": True,
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.001", "maxPrice": "1000000", "tickSize": str(pair.tick)},
                {"filterType": "LOT_SIZE", "minQty": str(pair.step), "maxQty": "9000", "stepSize": str(pair.step)},
            ],
        }
        for pair in (*PAIRS, STILL)
    ],
}
