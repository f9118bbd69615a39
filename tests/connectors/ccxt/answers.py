"""Answers as the exchanges document them, and what follows from each. ``{id}`` is our id there, ``{pair}`` the pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from app.connectors.ccxt.connector import CcxtConnector
from app.domain.errors import (
    ClockRefused,
    CredentialsRefused,
    DuplicateOrderId,
    InsufficientBalance,
    OrderRefused,
    RateLimited,
    WouldTake,
)
from app.domain.reports import ReportedState
from app.domain.wire_ids import wire_id
from tests.connectors.ccxt.capture import ORDER_ID, market_of

Verb = Literal["place", "ask", "ask_number"]

#: Nobody knows: whatever is raised is no refusal.
UNKNOWN = Exception


@dataclass(frozen=True, kw_only=True)
class Case:
    """One answer: to ``verb`` of ``name``, and what it gives: ``raises``, or a report with ``state`` and ``filled``."""

    name: str
    what: str
    text: Any
    verb: Verb = "place"
    status: int = 200
    raises: type[Exception] | None = None
    state: ReportedState = "open"
    filled: str = "0"

    def body(self, connector: CcxtConnector) -> Any:
        row = connector.row
        market = market_of(row)
        identity = wire_id(row.wire_id, ORDER_ID) or ORDER_ID
        return _filled_in(self.text, identity, market["id"])


def _filled_in(value: Any, identity: str, pair: str) -> Any:
    if isinstance(value, dict):
        return {name: _filled_in(each, identity, pair) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled_in(each, identity, pair) for each in value]
    if value == "{id#}":
        return int(identity)
    return value.replace("{id}", identity).replace("{pair}", pair) if isinstance(value, str) else value


def placed(name: str, text: Any, **more: Any) -> Case:
    return Case(name=name, what="placed", text=text, **more)


def funds(name: str, text: Any, status: int = 200, raises: type[Exception] = InsufficientBalance) -> Case:
    return Case(name=name, what="funds", text=text, status=status, raises=raises)


def case(name: str, what: str, text: Any, raises: type[Exception], status: int = 200, verb: Verb = "place") -> Case:
    return Case(name=name, what=what, text=text, raises=raises, status=status, verb=verb)


def bybit_order(status: str, filled: str) -> Any:
    order = {
        "orderId": "777",
        "orderLinkId": "{id}",
        "symbol": "{pair}",
        "price": "50000.5",
        "qty": "2",
        "side": "Buy",
        "orderType": "Limit",
        "orderStatus": status,
        "cumExecQty": filled,
        "leavesQty": "0",
        "createdTime": "1759999990000",
        "updatedTime": "1759999991000",
        "timeInForce": "GTC",
        "avgPrice": "50000.5",
        "cumExecValue": "0",
        "cumExecFee": "0",
    }
    return {"retCode": 0, "retMsg": "OK", "result": {"category": "spot", "list": [order]}, "time": 1}


def okx_order(state: str, filled: str) -> Any:
    order = {
        "instType": "SPOT",
        "instId": "{pair}",
        "ordId": "777",
        "clOrdId": "{id}",
        "px": "50000.5",
        "sz": "2",
        "side": "buy",
        "ordType": "limit",
        "state": state,
        "accFillSz": filled,
        "avgPx": "50000.5",
        "cTime": "1759999990000",
        "uTime": "1759999991000",
        "fee": "0",
        "feeCcy": "BTC",
        "tgtCcy": "",
        "fillTime": "",
    }
    return {"code": "0", "msg": "", "data": [order]}


def binance_order(status: str, filled: str) -> Any:
    return {
        "symbol": "{pair}",
        "orderId": 777,
        "clientOrderId": "{id}",
        "price": "50000.5",
        "origQty": "2",
        "executedQty": filled,
        "cummulativeQuoteQty": "0",
        "status": status,
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
        "time": 1759999990000,
        "updateTime": 1759999991000,
    }


def okx_refusal(code: str) -> Any:
    return {
        "code": "1",
        "msg": "All operations failed",
        "data": [{"clOrdId": "{id}", "ordId": "", "sCode": code, "sMsg": "x"}],
    }


CASES = [
    # https://bybit-exchange.github.io/docs/v5/order/create-order, .../order/open-order
    placed("bybit", {"retCode": 0, "retMsg": "OK", "result": {"orderId": "777", "orderLinkId": "{id}"}, "time": 1}),
    funds("bybit", {"retCode": 170131, "retMsg": "Balance insufficient.", "result": {}}),
    case(
        "bybit",
        "filter",
        {"retCode": 170140, "retMsg": "Transaction amount lower than the minimum.", "result": {}},
        OrderRefused,
    ),
    case(
        "bybit", "duplicate", {"retCode": 170141, "retMsg": "Duplicate clientOrderId", "result": {}}, DuplicateOrderId
    ),
    case("bybit", "too many", {"retCode": 10006, "retMsg": "Too many visits!", "result": {}}, RateLimited),
    case("bybit", "clock", {"retCode": 10002, "retMsg": "invalid request", "result": {}}, ClockRefused),
    case("bybit", "keys", {"retCode": 10003, "retMsg": "API key is invalid.", "result": {}}, CredentialsRefused),
    case("bybit", "busy", {"retCode": 10016, "retMsg": "Server error.", "result": {}}, UNKNOWN),
    case("bybit", "duplicate request", {"retCode": 10014, "retMsg": "Request is duplicate", "result": {}}, UNKNOWN),
    case("bybit", "late", {"retCode": 170146, "retMsg": "Order creation timeout.", "result": {}}, UNKNOWN),
    Case(name="bybit", what="in part", verb="ask", text=bybit_order("PartiallyFilled", "0.5"), filled="0.5"),
    Case(name="bybit", what="filled", verb="ask", text=bybit_order("Filled", "2"), state="filled", filled="2"),
    Case(name="bybit", what="canceled", verb="ask", text=bybit_order("Cancelled", "0"), state="canceled"),
    # https://www.okx.com/docs-v5/en/#order-book-trading-trade-post-place-multiple-orders
    placed(
        "okx",
        {"code": "0", "msg": "", "data": [{"clOrdId": "{id}", "ordId": "777", "tag": "", "sCode": "0", "sMsg": ""}]},
    ),
    funds("okx", okx_refusal("51008")),
    case("okx", "filter", okx_refusal("51020"), OrderRefused),
    case("okx", "duplicate", okx_refusal("51016"), DuplicateOrderId),
    case("okx", "too many", {"code": "50011", "msg": "Requests too frequent.", "data": []}, RateLimited),
    case("okx", "late", {"code": "50004", "msg": "API endpoint request timeout", "data": []}, UNKNOWN),
    case("okx", "busy", {"code": "50013", "msg": "Systems are busy.", "data": []}, UNKNOWN),
    case("okx", "failed", {"code": "1", "msg": "Operation failed.", "data": []}, UNKNOWN),
    Case(name="okx", what="in part", verb="ask", text=okx_order("partially_filled", "0.5"), filled="0.5"),
    Case(name="okx", what="filled", verb="ask", text=okx_order("filled", "2"), state="filled", filled="2"),
    Case(name="okx", what="canceled", verb="ask", text=okx_order("canceled", "0"), state="canceled"),
    # https://docs.binance.us/#create-new-order-trade
    placed("binance_us", binance_order("NEW", "0")),
    funds("binance_us", {"code": -2010, "msg": "Account has insufficient balance for requested action."}, 400),
    case("binance_us", "filter", {"code": -1013, "msg": "Filter failure: LOT_SIZE"}, OrderRefused, 400),
    case("binance_us", "takes", {"code": -2010, "msg": "Order would immediately match and take."}, WouldTake, 400),
    case("binance_us", "clock", {"code": -1021, "msg": "Timestamp for this request is outside."}, ClockRefused, 400),
    case("binance_us", "late", {"code": -1007, "msg": "Timeout waiting for response."}, UNKNOWN, 400),
    case("binance_us", "busy", {"code": -1004, "msg": "Server is busy, please wait and try again"}, UNKNOWN, 400),
    Case(name="binance_us", what="in part", verb="ask", text=binance_order("PARTIALLY_FILLED", "0.5"), filled="0.5"),
    Case(
        name="binance_us",
        what="canceled",
        verb="ask",
        text=binance_order("CANCELED", "0.5"),
        state="canceled",
        filled="0.5",
    ),
    Case(name="binance_us", what="expired", verb="ask", text=binance_order("EXPIRED", "0"), state="expired"),
    # https://www.mexc.com/api-docs/spot-v3/spot-account-trade#new-order
    placed(
        "mexc",
        {"symbol": "{pair}", "orderId": "777", "price": "50000.5", "origQty": "2", "type": "LIMIT", "side": "BUY"},
    ),
    funds("mexc", {"code": 30004, "msg": "Insufficient position"}, 400),
    case(
        "mexc",
        "filter",
        {"code": 30002, "msg": "The minimum transaction volume cannot be less than"},
        OrderRefused,
        400,
    ),
    case("mexc", "busy", {"code": 501, "msg": "System busy"}, UNKNOWN, 400),
    case("mexc", "repeated", {"code": 603, "msg": "Repeated request"}, UNKNOWN, 400),
    Case(name="mexc", what="filled", verb="ask", text=binance_order("FILLED", "2"), state="filled", filled="2"),
    # https://github.com/Bitrue-exchange/Spot-official-api-docs#new-order--trade
    placed("bitrue", {"symbol": "{pair}", "orderId": 777, "clientOrderId": "{id}", "transactTime": 1507725176595}),
    funds("bitrue", {"code": -2017, "msg": "Insufficient balance"}, 400),
    case("bitrue", "busy", {"code": -1001, "msg": "Internal error"}, UNKNOWN, 400),
    Case(
        name="bitrue", what="filled", verb="ask_number", text=binance_order("FILLED", "2"), state="filled", filled="2"
    ),
    # https://www.kucoin.com/docs-new/rest/spot-trading/orders/add-order
    placed("kucoin", {"code": "200000", "data": {"orderId": "777"}}),
    funds("kucoin", {"code": "200004", "msg": "Balance insufficient!"}),
    case("kucoin", "filter", {"code": "400100", "msg": "Order size below the minimum requirement."}, OrderRefused),
    case("kucoin", "late", {"code": "408000", "msg": "Network timeout, please try again later"}, UNKNOWN),
    case("kucoin", "duplicate order", {"code": "126033", "msg": "Duplicate order"}, UNKNOWN),
    placed("kucoin_perpetual", {"code": "200000", "data": {"orderId": "777", "clientOid": "{id}"}}),
    funds("kucoin_perpetual", {"code": "300003", "msg": "Balance insufficient. Please deposit."}),
    # https://www.gate.com/docs/developers/apiv4/#create-an-order
    placed(
        "gate_io",
        {"id": "777", "text": "{id}", "status": "open", "currency_pair": "{pair}", "amount": "2", "left": "2"},
    ),
    funds("gate_io", {"label": "BALANCE_NOT_ENOUGH", "message": "Not enough balance"}, 400),
    case("gate_io", "takes", {"label": "POC_FILL_IMMEDIATELY", "message": "Order would match"}, WouldTake, 400),
    case("gate_io", "busy", {"label": "TOO_BUSY", "message": "busy"}, UNKNOWN, 400),
    case("gate_io", "repeated", {"label": "REPEATED_CREATION", "message": "repeated"}, UNKNOWN, 400),
    # https://docs.kraken.com/api/docs/rest-api/add-order
    placed("kraken", {"error": [], "result": {"descr": {"order": "buy 2 XBTUSD @ limit 50000.5"}, "txid": ["777"]}}),
    funds("kraken", {"error": ["EOrder:Insufficient funds"]}),
    case("kraken", "filter", {"error": ["EOrder:Order minimum not met"]}, OrderRefused),
    case("kraken", "nonce", {"error": ["EAPI:Invalid nonce"]}, ClockRefused),
    case("kraken", "too many", {"error": ["EOrder:Rate limit exceeded"]}, RateLimited),
    case("kraken", "busy", {"error": ["EService:Busy"]}, UNKNOWN),
    case("kraken", "inside", {"error": ["EGeneral:Internal error"]}, UNKNOWN),
    # https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/orders/create-order
    placed(
        "coinbase_advanced_trade",
        {
            "success": True,
            "success_response": {"order_id": "777", "product_id": "{pair}", "side": "BUY", "client_order_id": "{id}"},
            "order_configuration": None,
        },
    ),
    funds(
        "coinbase_advanced_trade",
        {
            "success": False,
            "error_response": {"error": "INSUFFICIENT_FUND", "preview_failure_reason": "PREVIEW_INSUFFICIENT_FUND"},
        },
    ),
    # https://www.bitget.com/api-doc/spot/trade/Place-Order
    placed("bitget", {"code": "00000", "msg": "success", "data": {"orderId": "777", "clientOid": "{id}"}}),
    funds("bitget", {"code": "43012", "msg": "Insufficient balance"}, 400),
    case("bitget", "filter", {"code": "45110", "msg": "less than the minimum amount 5 USDT"}, OrderRefused, 400),
    case("bitget", "busy", {"code": "40015", "msg": "System is abnormal"}, UNKNOWN, 400),
    # https://huobiapi.github.io/docs/spot/v1/en/#place-a-new-order
    placed("htx", {"status": "ok", "data": "777"}),
    funds("htx", {"status": "error", "err-code": "account-frozen-balance-insufficient-error", "err-msg": "x"}),
    case("htx", "filter", {"status": "error", "err-code": "order-value-min-error", "err-msg": "x"}, OrderRefused),
    case("htx", "late", {"status": "error", "err-code": "timeout", "err-msg": "Request Timeout"}, UNKNOWN),
    # https://bingx-api.github.io/docs/#/en-us/spot/trade-api.html
    placed(
        "bing_x",
        {"code": 0, "msg": "", "data": {"symbol": "{pair}", "orderId": 777, "clientOrderID": "{id}", "status": "NEW"}},
    ),
    funds("bing_x", {"code": 100202, "msg": "Insufficient balance"}),
    case("bing_x", "busy", {"code": 100500, "msg": "The current system is busy"}, UNKNOWN),
    case("bing_x", "same number", {"code": 109201, "msg": "once within 1 second"}, UNKNOWN),
    # https://www.bitstamp.net/api/#tag/Orders/operation/OpenLimitBuyOrder
    placed(
        "bitstamp",
        {"id": "777", "market": "BTC/USDC", "type": "0", "price": "50000.5", "amount": "2", "client_order_id": "{id}"},
    ),
    funds("bitstamp", {"status": "error", "reason": {"__all__": ["Check your account balance for details."]}}),
    case("bitstamp", "inside", {"status": "error", "reason": {"__all__": ["Order could not be placed."]}}, UNKNOWN),
    # https://docs.gemini.com/rest/orders#create-new-order
    placed(
        "gemini",
        {
            "order_id": "777",
            "client_order_id": "{id}",
            "symbol": "{pair}",
            "price": "50000.5",
            "side": "buy",
            "type": "exchange limit",
            "is_live": True,
            "is_cancelled": False,
            "executed_amount": "0",
            "original_amount": "2",
            "remaining_amount": "2",
            "timestampms": 1759999990000,
        },
    ),
    funds("gemini", {"result": "error", "reason": "InsufficientFunds", "message": "Failed to place buy order"}, 406),
    case("gemini", "down", {"result": "error", "reason": "System", "message": "technical issues"}, UNKNOWN, 400),
    # https://docs.backpack.exchange/#tag/Order/operation/execute_order
    placed(
        "backpack",
        {
            "id": "777",
            "clientId": "{id#}",
            "symbol": "{pair}",
            "orderType": "Limit",
            "side": "Bid",
            "price": "50000.5",
            "quantity": "2",
            "executedQuantity": "0",
            "executedQuoteQuantity": "0",
            "status": "New",
            "timeInForce": "GTC",
            "createdAt": 1759999990000,
        },
    ),
    funds("backpack", {"code": "INSUFFICIENT_FUNDS", "message": "Insufficient funds"}, 400),
    case("backpack", "late", {"code": "TIMEOUT", "message": "Request timed out"}, UNKNOWN, 400),
    # https://docs.btcmarkets.net/#tag/Order-Placement-APIs
    placed(
        "btc_markets",
        {
            "orderId": "777",
            "marketId": "{pair}",
            "side": "Bid",
            "type": "Limit",
            "creationTime": "2025-10-09T08:53:10.000000Z",
            "price": "50000.5",
            "amount": "2",
            "openAmount": "2",
            "status": "Accepted",
            "clientOrderId": "{id}",
        },
    ),
    funds("btc_markets", {"code": "InsufficientFund", "message": "insufficient fund"}, 400),
    # https://docs.foxbit.com.br/rest/v3/#tag/Trading
    placed("foxbit", {"id": 777, "sn": "OKMAKSDHRVVREK", "client_order_id": "{id}"}),
    Case(
        name="foxbit",
        what="filled",
        verb="ask_number",
        text={
            "id": "777",
            "sn": "OKMAKSDHRVVREK",
            "client_order_id": "{id}",
            "market_symbol": "{pair}",
            "side": "BUY",
            "type": "LIMIT",
            "state": "FILLED",
            "price": "50000.5",
            "price_avg": "50000.5",
            "quantity": "2",
            "quantity_executed": "2",
            "created_at": "2025-10-09T08:53:10.000Z",
        },
        state="filled",
        filled="2",
    ),
    funds("foxbit", {"error": {"code": 4002, "message": "Insufficient funds", "details": []}}, 422),
    case("foxbit", "busy", {"error": {"code": 5001, "message": "Service unavailable", "details": []}}, UNKNOWN, 422),
    # https://apidoc.ndax.io/#sendorder
    placed("ndax", {"status": "Accepted", "errormsg": "", "OrderId": 777}),
    funds("ndax", {"status": "Rejected", "errormsg": "Not_Enough_Funds", "errorcode": 101}),
    case("ndax", "inside", {"result": False, "errormsg": "Server Error", "errorcode": 102, "detail": None}, UNKNOWN),
    # https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/exchange-endpoint#place-an-order
    placed(
        "hyperliquid",
        {
            "status": "ok",
            "response": {"type": "order", "data": {"statuses": [{"resting": {"oid": 777, "cloid": "{id}"}}]}},
        },
    ),
    funds(
        "hyperliquid",
        {
            "status": "ok",
            "response": {
                "type": "order",
                "data": {"statuses": [{"error": "Insufficient margin to place order. asset=0"}]},
            },
        },
    ),
    case(
        "hyperliquid",
        "takes",
        {
            "status": "ok",
            "response": {
                "type": "order",
                "data": {"statuses": [{"error": "Post only order would have immediately matched, bbo was 1@2."}]},
            },
        },
        WouldTake,
    ),
    # https://docs.derive.xyz/reference/post_private-order
    placed(
        "derive",
        {
            "id": "x",
            "result": {
                "order": {
                    "order_id": "777",
                    "instrument_name": "{pair}",
                    "direction": "buy",
                    "label": "{id}",
                    "amount": "2",
                    "filled_amount": "0",
                    "average_price": "0",
                    "limit_price": "50000.5",
                    "order_status": "open",
                    "order_type": "limit",
                    "order_fee": "0",
                    "creation_timestamp": 1759999990000,
                    "last_update_timestamp": 1759999990000,
                    "time_in_force": "gtc",
                },
                "trades": [],
            },
        },
    ),
    funds("derive", {"id": "x", "error": {"code": 11000, "message": "Insufficient funds"}}),
    case("derive", "takes", {"id": "x", "error": {"code": 11008, "message": "Post only reject"}}, WouldTake),
    case("derive", "late", {"id": "x", "error": {"code": 9000, "message": "Order confirmation timeout"}}, UNKNOWN),
    case("derive", "inside", {"id": "x", "error": {"code": -32603, "message": "Internal error"}}, UNKNOWN),
    # https://api-docs.grvt.io/trading_api/#create-order; an order has no number until it is on the book.
    placed(
        "grvt_perpetual",
        {
            "result": {
                "order_id": "0x00",
                "sub_account_id": "12",
                "is_market": False,
                "time_in_force": "GOOD_TILL_TIME",
                "post_only": False,
                "legs": [{"instrument": "{pair}", "size": "200", "limit_price": "50000.5", "is_buying_asset": True}],
                "metadata": {"client_order_id": "{id}", "create_time": "1759999990000000000"},
                "state": {
                    "status": "PENDING",
                    "book_size": ["200"],
                    "traded_size": ["0"],
                    "update_time": "1759999990000000000",
                },
            }
        },
    ),
    funds("grvt_perpetual", {"code": 2080, "message": "Insufficient margin to create order", "status": 400}, 400),
    case("grvt_perpetual", "inside", {"code": 1002, "message": "Internal Server Error", "status": 400}, UNKNOWN, 400),
    # https://docs.pacifica.fi/api-documentation/api/rest-api/orders/create-limit-order
    placed("pacifica_perpetual", {"success": True, "data": {"order_id": 777}}),
    funds("pacifica_perpetual", {"success": False, "data": None, "error": "Insufficient balance", "code": 5}, 422),
    case(
        "pacifica_perpetual", "dropped", {"success": False, "data": None, "error": "dropped", "code": 27}, UNKNOWN, 422
    ),
]
