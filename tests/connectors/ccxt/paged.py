"""Pages of lists as the exchanges document them. In a row ``{n}`` is the number of an order, ``{n#}`` the same as no text, ``{id}``
our client id on our own order and another one elsewhere, ``{pair}`` the pair.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.connectors.ccxt.exchanges import ROWS
from app.connectors.ccxt.pages import Pages
from app.domain.wire_ids import wire_id
from tests.connectors.ccxt.capture import ORDER_ID, market_of

#: The number of our order, which is older than all others.
MINE = 777

#: What tells that a page follows, where the exchange says so.
MORE = "more"

Wrap = Callable[[list[Any], str], Any]


@dataclass(frozen=True, kw_only=True)
class Paged:
    """A list of ``kind`` of the row ``name``: ``row`` is one of its rows, which ``wrap`` puts into an answer, with what leads to
    the next page; ``second`` are the parameters of the second page.
    """

    name: str
    kind: Literal["open", "done", "fills"]
    row: Any
    wrap: Wrap
    second: str

    @property
    def pages(self) -> Pages:
        row = ROWS[self.name]
        return {"open": row.open_pages, "done": row.done_pages, "fills": row.fill_pages}[self.kind]

    @property
    def others(self) -> Sequence[int]:
        """As many other orders as a page has, but no more than a hundred, newest first."""
        return range(3_000, 3_000 - min(self.pages.size, 100), -1)

    def page(self, numbers: Sequence[int], more: str = "", strange: str = "") -> Any:
        """The answer that has the orders with these numbers, or one trade of each; all but ours on the pair ``strange``."""
        row = ROWS[self.name]
        identity, pair = wire_id(row.wire_id, ORDER_ID) or ORDER_ID, market_of(row)["id"]
        mine = (identity, pair)
        filled = [
            _filled(self.row, each, *(mine if each == MINE else (str(each), strange or pair))) for each in numbers
        ]
        return self.wrap(filled, more)


def _filled(value: Any, number: int, identity: str, pair: str) -> Any:
    if isinstance(value, dict):
        return {name: _filled(each, number, identity, pair) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, number, identity, pair) for each in value]
    if not isinstance(value, str):
        return value
    if value in ("{n#}", "{id#}"):
        return number if value == "{n#}" else int(identity)
    return value.replace("{n}", str(number)).replace("{id}", identity).replace("{pair}", pair)


def _bare(rows: list[Any], _more: str) -> Any:
    return rows


def _under(*way: str, **beside: Any) -> Wrap:
    """The rows at the end of ``way``, in an answer that has ``beside``, too."""

    def wrap(rows: list[Any], _more: str) -> Any:
        found: Any = rows
        for name in reversed(way):
            found = {name: found}
        return {**found, **beside}

    return wrap


def _bitget(rows: list[Any], _more: str) -> Any:
    return {"code": "00000", "msg": "success", "data": rows}


def _bitget_perpetual(name: str) -> Wrap:
    def wrap(rows: list[Any], _more: str) -> Any:
        return {"code": "00000", "data": {name: rows, "endId": rows[-1]["orderId"] if rows else None}}

    return wrap


def _bybit(rows: list[Any], more: str) -> Any:
    return {"retCode": 0, "retMsg": "OK", "result": {"category": "spot", "list": rows, "nextPageCursor": more}}


def _coinbase(name: str) -> Wrap:
    return lambda rows, more: {name: rows, "has_next": bool(more), "cursor": more}


def _kucoin(rows: list[Any], _more: str) -> Any:
    return {
        "code": "200000",
        "data": {"currentPage": 1, "pageSize": 100, "totalNum": 101, "totalPage": 2, "items": rows},
    }


def _kraken(name: str) -> Wrap:
    return lambda rows, _more: {"error": [], "result": {name: {row.pop("_"): row for row in rows}, "count": 51}}


def _gate_open(rows: list[Any], _more: str) -> Any:
    return [{"currency_pair": "BTCUSDC", "total": 101, "orders": rows}]


def _derive(name: str) -> Wrap:
    return lambda rows, _more: {"id": "x", "result": {name: rows, "pagination": {"count": 101, "num_pages": 2}}}


_TIME = 1759999990000
_TEXT_TIME = "2025-10-09T08:53:10.000Z"

_BITGET_ORDER = {
    "symbol": "{pair}",
    "orderId": "{n}",
    "clientOid": "{id}",
    "price": "50000.5",
    "size": "2",
    "orderType": "limit",
    "side": "buy",
    "status": "live",
    "baseVolume": "0",
    "cTime": str(_TIME),
    "uTime": str(_TIME),
}
_BITGET_FILL = {
    "symbol": "{pair}",
    "orderId": "{n}",
    "tradeId": "{n}",
    "side": "buy",
    "priceAvg": "50000.5",
    "price": "50000.5",
    "size": "2",
    "baseVolume": "200",
    "tradeScope": "taker",
    "cTime": str(_TIME),
}
_BYBIT_ORDER = {
    "orderId": "{n}",
    "orderLinkId": "{id}",
    "symbol": "{pair}",
    "price": "50000.5",
    "qty": "2",
    "side": "Buy",
    "orderType": "Limit",
    "orderStatus": "New",
    "cumExecQty": "0",
    "createdTime": str(_TIME),
    "updatedTime": str(_TIME),
    "timeInForce": "GTC",
}
_BYBIT_FILL = {
    "symbol": "{pair}",
    "orderId": "{n}",
    "execId": "{n}",
    "side": "Buy",
    "execPrice": "50000.5",
    "execQty": "2",
    "execTime": str(_TIME),
    "isMaker": False,
}
_OKX_ORDER = {
    "instId": "{pair}",
    "ordId": "{n}",
    "clOrdId": "{id}",
    "px": "50000.5",
    "sz": "2",
    "side": "buy",
    "ordType": "limit",
    "state": "live",
    "accFillSz": "0",
    "cTime": str(_TIME),
    "uTime": str(_TIME),
    "fillTime": "",
}
_OKX_FILL = {
    "instId": "{pair}",
    "ordId": "{n}",
    "tradeId": "5{n}",
    "billId": "9{n}",
    "side": "buy",
    "fillPx": "50000.5",
    "fillSz": "2",
    "ts": str(_TIME),
    "execType": "T",
}
_GATE_ORDER = {
    "id": "{n}",
    "text": "{id}",
    "currency_pair": "{pair}",
    "status": "open",
    "type": "limit",
    "account": "spot",
    "side": "buy",
    "amount": "2",
    "left": "2",
    "price": "50000.5",
    "create_time_ms": _TIME,
}
_GATE_CONTRACT = {
    "id": "{n#}",
    "text": "{id}",
    "contract": "{pair}",
    "status": "open",
    "size": 200,
    "left": 200,
    "price": "50000.5",
    "tif": "gtc",
    "create_time": _TIME / 1000,
}
_KUCOIN_ORDER = {
    "id": "{n}",
    "clientOid": "{id}",
    "symbol": "{pair}",
    "type": "limit",
    "side": "buy",
    "price": "50000.5",
    "size": "2",
    "dealSize": "0",
    "filledSize": "0",
    "isActive": True,
    "status": "open",
    "createdAt": _TIME,
}
_KUCOIN_FILL = {
    "symbol": "{pair}",
    "orderId": "{n}",
    "tradeId": "{n}",
    "side": "buy",
    "price": "50000.5",
    "size": "200",
    "createdAt": _TIME,
    "liquidity": "taker",
}
_COINBASE_ORDER = {
    "order_id": "{n}",
    "client_order_id": "{id}",
    "product_id": "{pair}",
    "order_configuration": {"limit_limit_gtc": {"base_size": "2", "limit_price": "50000.5", "post_only": False}},
    "order_type": "LIMIT",
    "side": "BUY",
    "status": "OPEN",
    "filled_size": "0",
    "created_time": _TEXT_TIME,
}
_FOXBIT_ORDER = {
    "id": "{n}",
    "sn": "OKMAKSDHRVVREK",
    "client_order_id": "{id}",
    "market_symbol": "{pair}",
    "side": "BUY",
    "type": "LIMIT",
    "state": "ACTIVE",
    "price": "50000.5",
    "quantity": "2",
    "quantity_executed": "0",
    "created_at": _TEXT_TIME,
}
_HTX_ORDER = {
    "id": "{n#}",
    "client-order-id": "{id}",
    "symbol": "{pair}",
    "account-id": 99,
    "amount": "2",
    "price": "50000.5",
    "created-at": _TIME,
    "type": "buy-limit",
    "filled-amount": "0",
    "state": "submitted",
}
_BTC_MARKETS_ORDER = {
    "orderId": "{n}",
    "marketId": "{pair}",
    "clientOrderId": "{id}",
    "side": "Bid",
    "type": "Limit",
    "creationTime": _TEXT_TIME,
    "price": "50000.5",
    "amount": "2",
    "openAmount": "2",
    "status": "Placed",
}
_BACKPACK_ORDER = {
    "id": "{n}",
    "clientId": "{id#}",
    "symbol": "{pair}",
    "orderType": "Limit",
    "side": "Bid",
    "price": "50000.5",
    "quantity": "2",
    "executedQuantity": "0",
    "executedQuoteQuantity": "0",
    "status": "Cancelled",
    "timeInForce": "GTC",
    "createdAt": _TEXT_TIME,
}
_BACKPACK_FILL = {
    "symbol": "{pair}",
    "orderId": "{n}",
    "tradeId": "{n#}",
    "side": "Bid",
    "price": "50000.5",
    "quantity": "2",
    "fee": "0.1",
    "feeSymbol": "USDC",
    "isMaker": False,
    "timestamp": "2025-10-09T08:53:10.000",
}
_DERIVE_ORDER = {
    "order_id": "{n}",
    "instrument_name": "{pair}",
    "direction": "buy",
    "label": "{id}",
    "amount": "2",
    "filled_amount": "0",
    "average_price": "0",
    "limit_price": "50000.5",
    "order_status": "cancelled",
    "order_type": "limit",
    "order_fee": "0",
    "creation_timestamp": _TIME,
    "last_update_timestamp": _TIME,
    "time_in_force": "gtc",
}
_DERIVE_FILL = {
    "instrument_name": "{pair}",
    "order_id": "{n}",
    "trade_id": "{n}",
    "direction": "buy",
    "trade_price": "50000.5",
    "trade_amount": "2",
    "trade_fee": "0.1",
    "liquidity_role": "taker",
    "timestamp": _TIME,
}
_NDAX_ORDER = {
    "Side": "Buy",
    "OrderId": "{n#}",
    "ClientOrderId": "{id#}",
    "Instrument": "{pair}",
    "OrderType": "Limit",
    "Price": 50000.5,
    "OrigQuantity": 2,
    "QuantityExecuted": 0,
    "OrderState": "Canceled",
    "ReceiveTime": _TIME,
}
_PACIFICA_ORDER = {
    "order_id": "{n#}",
    "client_order_id": "{id}",
    "symbol": "{pair}",
    "side": "bid",
    "initial_price": "50000.5",
    "price": "50000.5",
    "initial_amount": "2",
    "amount": "2",
    "filled_amount": "0",
    "order_status": "cancelled",
    "order_type": "limit",
    "created_at": _TIME,
    "updated_at": _TIME,
}
_BINGX_ORDER = {
    "symbol": "{pair}",
    "orderId": "{n#}",
    "clientOrderID": "{id}",
    "price": "50000.5",
    "origQty": "2",
    "executedQty": "0",
    "status": "CANCELED",
    "type": "LIMIT",
    "side": "BUY",
    "time": _TIME,
    "updateTime": _TIME,
}
_KRAKEN_ORDER = {
    "_": "{n}",
    "cl_ord_id": "{id}",
    "status": "canceled",
    "opentm": _TIME / 1000,
    "vol": "2",
    "vol_exec": "0",
    "cost": "0",
    "fee": "0",
    "descr": {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "50000.5"},
}

_ORDERS = {
    # https://www.bitget.com/api-doc/spot/trade/Get-Unfilled-Orders
    ("bitget", "open"): (_BITGET_ORDER, _bitget, "idLessThan=2901"),
    # https://www.bitget.com/api-doc/contract/trade/Get-Orders-Pending
    ("bitget_perpetual", "open"): (
        {**_BITGET_ORDER, "posMode": "one_way_mode"},
        _bitget_perpetual("entrustedList"),
        "idLessThan=2901",
    ),
    # https://docs.btcmarkets.net/#tag/Order-Placement-APIs
    ("btc_markets", "open"): (_BTC_MARKETS_ORDER, _bare, "after=2901"),
    # https://bybit-exchange.github.io/docs/v5/order/open-order
    ("bybit", "open"): (_BYBIT_ORDER, _bybit, "cursor=more"),
    ("bybit_perpetual", "open"): (_BYBIT_ORDER, _bybit, "cursor=more"),
    # https://bybit-exchange.github.io/docs/v5/order/order-list
    ("bybit", "done"): ({**_BYBIT_ORDER, "orderStatus": "Cancelled"}, _bybit, "cursor=more"),
    # https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/orders/list-orders
    ("coinbase_advanced_trade", "open"): (_COINBASE_ORDER, _coinbase("orders"), "cursor=more"),
    ("coinbase_advanced_trade", "done"): (
        {**_COINBASE_ORDER, "status": "CANCELLED"},
        _coinbase("orders"),
        "cursor=more",
    ),
    # https://docs.foxbit.com.br/rest/v3/#tag/Trading/operation/OrdersController_listOrders
    ("foxbit", "open"): (_FOXBIT_ORDER, _under("data"), "page=2"),
    ("foxbit", "done"): ({**_FOXBIT_ORDER, "state": "CANCELED"}, _under("data"), "page=2"),
    # https://www.gate.com/docs/developers/apiv4/#list-all-open-orders
    ("gate_io", "open"): (_GATE_ORDER, _gate_open, "page=2"),
    ("gate_io", "done"): ({**_GATE_ORDER, "status": "cancelled"}, _bare, "page=2"),
    # https://www.gate.com/docs/developers/apiv4/#query-futures-order-list
    ("gate_io_perpetual", "open"): (_GATE_CONTRACT, _bare, "offset=100"),
    ("gate_io_perpetual", "done"): (
        {**_GATE_CONTRACT, "status": "finished", "finish_as": "cancelled"},
        _bare,
        "offset=100",
    ),
    # https://huobiapi.github.io/docs/spot/v1/en/#get-all-open-orders
    ("htx", "open"): (_HTX_ORDER, _under("data", status="ok"), "direct=next from=2901"),
    # https://www.kucoin.com/docs/rest/spot-trading/orders/get-order-list
    ("kucoin", "open"): (_KUCOIN_ORDER, _kucoin, "currentPage=2"),
    # https://www.kucoin.com/docs/rest/futures-trading/orders/get-order-list
    ("kucoin_perpetual", "open"): (_KUCOIN_ORDER, _kucoin, "currentPage=2"),
    # https://www.okx.com/docs-v5/en/#order-book-trading-trade-get-order-list
    ("okx", "open"): (_OKX_ORDER, _under("data", code="0"), "after=2901"),
    ("okx_perpetual", "open"): (_OKX_ORDER, _under("data", code="0"), "after=2901"),
    # https://docs.backpack.exchange/#tag/History/operation/get_order_history
    ("backpack", "done"): (_BACKPACK_ORDER, _bare, "offset=100"),
    ("backpack_perpetual", "done"): (_BACKPACK_ORDER, _bare, "offset=100"),
    # https://bingx-api.github.io/docs/#/en-us/spot/trade-api.html
    ("bing_x", "done"): (_BINGX_ORDER, _under("data", "orders", code=0), "pageIndex=2"),
    # https://docs.derive.xyz/reference/post_private-get-order-history
    ("derive", "done"): (_DERIVE_ORDER, _derive("orders"), "page=2"),
    ("derive_perpetual", "done"): (_DERIVE_ORDER, _derive("orders"), "page=2"),
    # https://docs.kraken.com/api/docs/rest-api/get-closed-orders
    ("kraken", "done"): (_KRAKEN_ORDER, _kraken("closed"), "ofs=50"),
    # https://apidoc.ndax.io/#getordershistory
    ("ndax", "done"): (_NDAX_ORDER, _bare, "StartIndex=100"),
    # https://docs.pacifica.fi/api-documentation/api/rest-api/orders/get-order-history
    ("pacifica_perpetual", "done"): (
        _PACIFICA_ORDER,
        lambda rows, more: {"success": True, "data": rows, "next_cursor": more, "has_more": bool(more)},
        "cursor=more",
    ),
}

_FILLS = {
    # https://docs.backpack.exchange/#tag/History/operation/get_fills
    "backpack": (_BACKPACK_FILL, _bare, "offset=100"),
    "backpack_perpetual": ({**_BACKPACK_FILL, "quantity": "200"}, _bare, "offset=100"),
    # https://www.bitget.com/api-doc/spot/trade/Get-Fills
    "bitget": ({**_BITGET_FILL, "baseVolume": "2"}, _bitget, "idLessThan=2901"),
    # https://www.bitget.com/api-doc/contract/trade/Get-Order-Fills
    "bitget_perpetual": (_BITGET_FILL, _bitget_perpetual("fillList"), "idLessThan=2901"),
    # https://www.bitstamp.net/api/#tag/Transactions-private/operation/GetUserTransactionsForMarket
    "bitstamp": (
        {
            "id": "{n#}",
            "order_id": "{n#}",
            "datetime": "2025-10-09 08:53:10.000000",
            "type": "2",
            "fee": "0.1",
            # By the names of the pair and its base, as the market of these tests has them.
            "0": "2",
            "BTCUSDC": "50000.5",
        },
        _bare,
        "offset=100",
    ),
    # https://docs.binance.us/#get-trades
    "binance_us": (
        {
            "id": "{n#}",
            "orderId": "{n#}",
            "symbol": "{pair}",
            "price": "50000.5",
            "qty": "2",
            "quoteQty": "100001",
            "commission": "0.1",
            "commissionAsset": "BTC",
            "time": _TIME,
            "isBuyer": True,
            "isMaker": False,
        },
        _bare,
        f"startTime={_TIME}",
    ),
    # https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint#retrieve-a-users-fills-by-time
    "hyperliquid_perpetual": (
        {
            "coin": "BTC",
            "oid": "{n#}",
            "tid": "{n#}",
            "px": "50000.5",
            "sz": "200",
            "side": "B",
            "time": _TIME,
            "fee": "0.1",
            "feeToken": "USDC",
            "crossed": True,
        },
        _bare,
        f"startTime={_TIME}",
    ),
    # https://docs.btcmarkets.net/#tag/Trade-APIs
    "btc_markets": (
        {
            "id": "{n}",
            "orderId": "{n}",
            "marketId": "{pair}",
            "timestamp": _TEXT_TIME,
            "price": "50000.5",
            "amount": "2",
            "side": "Bid",
            "fee": "0.1",
            "liquidityType": "Taker",
        },
        _bare,
        "after=2901",
    ),
    # https://bybit-exchange.github.io/docs/v5/order/execution
    "bybit": (_BYBIT_FILL, _bybit, "cursor=more"),
    # https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/orders/list-fills
    "coinbase_advanced_trade": (
        {
            "trade_id": "{n}",
            "order_id": "{n}",
            "product_id": "{pair}",
            "trade_time": _TEXT_TIME,
            "price": "50000.5",
            "size": "2",
            "commission": "0.1",
            "side": "BUY",
            "liquidity_indicator": "TAKER",
        },
        _coinbase("fills"),
        "cursor=more",
    ),
    # https://docs.derive.xyz/reference/post_private-get-trade-history
    "derive": (_DERIVE_FILL, _derive("trades"), "page=2"),
    # https://docs.foxbit.com.br/rest/v3/#tag/Trading/operation/TradesController_all
    "foxbit": (
        {
            "id": "{n#}",
            "sn": "TC5JZVW2LLJ3IW",
            "order_id": "{n#}",
            "market_symbol": "{pair}",
            "side": "BUY",
            "price": "50000.5",
            "quantity": "2",
            "fee": "0.1",
            "fee_currency_symbol": "btc",
            "created_at": _TEXT_TIME,
        },
        _under("data"),
        "page=2",
    ),
    # https://www.gate.com/docs/developers/apiv4/#query-personal-trading-records
    "gate_io": (
        {
            "id": "{n}",
            "order_id": "{n}",
            "currency_pair": "{pair}",
            "create_time_ms": f"{_TIME}.0",
            "side": "buy",
            "role": "taker",
            "amount": "2",
            "price": "50000.5",
            "fee": "0.1",
            "fee_currency": "BTC",
        },
        _bare,
        "page=2",
    ),
    "gate_io_perpetual": (
        {
            "trade_id": "{n}",
            "order_id": "{n}",
            "contract": "{pair}",
            "create_time": _TIME / 1000,
            "size": 200,
            "price": "50000.5",
            "role": "taker",
            "fee": "0.1",
        },
        _bare,
        "offset=100",
    ),
    # https://api-docs.grvt.io/trading_api/#fill-history
    "grvt_perpetual": (
        {
            "event_time": f"{_TIME}000000",
            "instrument": "{pair}",
            "is_buyer": True,
            "is_taker": True,
            "size": "200",
            "price": "50000.5",
            "fee": "0.1",
            "trade_id": "{n}",
            "order_id": "{n}",
        },
        lambda rows, more: {"result": rows, "next": more},
        "cursor=more",
    ),
    # https://huobiapi.github.io/docs/spot/v1/en/#search-match-results
    "htx": (
        {
            "id": "{n#}",
            "order-id": "{n#}",
            "trade-id": "{n#}",
            "symbol": "{pair}",
            "price": "50000.5",
            "filled-amount": "2",
            "filled-fees": "0.1",
            "fee-currency": "btc",
            "role": "taker",
            "type": "buy-limit",
            "created-at": _TIME,
        },
        _under("data", status="ok"),
        "direct=next from=2901",
    ),
    # https://docs.kraken.com/api/docs/rest-api/get-trade-history
    "kraken": (
        {
            "_": "T{n}",
            "ordertxid": "{n}",
            "pair": "BTCUSDC",
            "time": _TIME / 1000,
            "type": "buy",
            "ordertype": "limit",
            "price": "50000.5",
            "cost": "100001",
            "fee": "0.1",
            "vol": "2",
        },
        _kraken("trades"),
        "ofs=50",
    ),
    # https://www.kucoin.com/docs/rest/spot-trading/fills/get-filled-list
    "kucoin": ({**_KUCOIN_FILL, "size": "2"}, _kucoin, "currentPage=2"),
    # https://www.kucoin.com/docs-new/rest/spot-trading/orders/get-trade-history
    "kucoin_hft": (
        {**_KUCOIN_FILL, "size": "2"},
        lambda rows, more: {"code": "200000", "data": {"items": rows, "lastId": more and 5}},
        "lastId=5",
    ),
    "kucoin_perpetual": (_KUCOIN_FILL, _kucoin, "currentPage=2"),
    # https://apidoc.ndax.io/#gettradeshistory
    "ndax": (
        {
            "TradeId": "{n#}",
            "OrderId": "{n#}",
            "InstrumentId": "{pair}",
            "TradeTimeMS": _TIME,
            "Price": 50000.5,
            "Quantity": 2,
            "Side": "Buy",
            "OrderType": "Limit",
            "MakerTaker": "Taker",
        },
        _bare,
        "StartIndex=100",
    ),
    # https://www.okx.com/docs-v5/en/#order-book-trading-trade-get-transaction-details-last-3-months
    "okx": (_OKX_FILL, _under("data", code="0"), "after=92901"),
    # https://docs.pacifica.fi/api-documentation/api/rest-api/account/get-trade-history
    "pacifica_perpetual": (
        {
            "history_id": "{n#}",
            "order_id": "{n#}",
            "client_order_id": "{id}",
            "symbol": "{pair}",
            "amount": "200",
            "price": "50000.5",
            "fee": "0.1",
            "side": "open_long",
            "event_type": "fulfill_taker",
            "created_at": _TIME,
        },
        lambda rows, more: {"success": True, "data": rows, "next_cursor": more, "has_more": bool(more)},
        "cursor=more",
    ),
}

PAGED = [
    *(
        Paged(name=name, kind=kind, row=row, wrap=wrap, second=second)  # type: ignore[arg-type]
        for (name, kind), (row, wrap, second) in _ORDERS.items()
    ),
    *(
        Paged(name=name, kind="fills", row=row, wrap=wrap, second=second)
        for name, (row, wrap, second) in _FILLS.items()
    ),
]
