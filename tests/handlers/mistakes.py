"""What people and programs type wrongly, and what the answer must say: the table of ``test_mistakes``.

``says`` are parts of the whole answer, the names of fields and what to do among them.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

ORDER: Mapping[str, Any] = {
    "account_name": "master_account",
    "connector_name": "paper",
    "trading_pair": "BTC-USDT",
    "trade_type": "BUY",
    "amount": "1",
    "order_type": "LIMIT",
    "price": "123",
}
PERPETUAL: Mapping[str, Any] = {**ORDER, "connector_name": "paper_perpetual"}
KEY: Mapping[str, Any] = {"name": "bot", "environment": "paper", "role": "viewer"}
#: For a field that is left out.
OUT: Any = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A request and the answer to it. ``body`` is JSON, or bytes as they are; ``given`` is the fault's ``input``."""

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int
    code: str
    loc: list[str | int] | None = None
    given: Any = OUT
    says: tuple[str, ...]

    def __str__(self) -> str:
        asked = (
            self.body
            if isinstance(self.body, bytes)
            else dict(self.body)
            if isinstance(self.body, Mapping)
            else self.body
        )
        odd = (
            {name: each for name, each in asked.items() if ORDER.get(name) != each}
            if isinstance(asked, dict)
            else asked
        )
        return f"{self.method} {self.path} {odd} {dict(self.headers) or ''}"[:100]


def mistakes() -> Iterator[Mistake]:
    """All of them."""
    yield from _order_fields()
    yield from _order_sense()
    yield from _orders_elsewhere()
    yield from _requests()
    yield from _reading()
    yield from _settings()
    yield from _markets()
    yield from _accounts()
    yield from _keys()
    yield from _values()


def _order(
    status: int, code: str, *says: str, loc: str | None = None, given: Any = OUT, base: Any = ORDER, **fields: Any
) -> Mistake:
    body = {name: value for name, value in {**base, **fields}.items() if value is not OUT}
    place = None if loc is None else ["body", loc]
    return Mistake(
        method="POST", path="/trading/orders", body=body, status=status, code=code, loc=place, given=given, says=says
    )


def _bad_field(name: str, value: Any, *says: str) -> Mistake:
    return _order(422, "schema_violation", *says, loc=name, given=value, **{name: value})


def _order_fields() -> Iterator[Mistake]:
    """Fields of an order that break the schema, and names that are not its own."""
    for name in ("account_name", "connector_name", "trading_pair", "trade_type"):
        yield _order(422, "schema_violation", "Field required", loc=name, **{name: OUT})
        yield _bad_field(name, None, "Input should be")
    yield _bad_field("account_name", 5, "valid string")
    yield _bad_field("account_name", "", "at least 1 character")
    yield _bad_field("account_name", ["master_account"], "valid string")
    yield _bad_field("connector_name", {"name": "paper"}, "valid string")
    yield _bad_field("trading_pair", 7, "valid string")
    yield _bad_field("trade_type", "buy", "'BUY' or 'SELL'", "Did you mean BUY?")
    yield _bad_field("trade_type", "LONG", "'BUY' or 'SELL'")
    yield _bad_field("trade_type", 1, "'BUY' or 'SELL'")
    yield _bad_field("order_type", "market", "Did you mean MARKET?")
    yield _bad_field("order_type", "STOP_LOSS", "'LIMIT', 'MARKET' or 'LIMIT_MAKER'")
    yield _bad_field("order_type", "POST_ONLY", "LIMIT_MAKER")
    for value, says in (
        ("POST_ONLY", "LIMIT_MAKER for an order that must not take"),
        ("STOP", "Orders with a trigger are not supported"),
        ("STOP_LIMIT", "watch the price"),
        ("STOP_MARKET", "watch the price"),
        ("TAKE_PROFIT", "watch the price"),
        ("take-profit-limit", "watch the price"),
        ("TRAILING_STOP", "watch the price"),
        ("GTD", "Orders with an expiry are not supported"),
        ("OCO", "as an order of its own"),
        ("TWAP", "place each part"),
    ):
        for name in ("order_type", "time_in_force"):
            yield _bad_field(name, value, says)
    yield _bad_field("order_type", "IOC", "the time_in_force of an order")
    yield _bad_field("time_in_force", "IMMEDIATE_OR_CANCEL", "IOC (immediate or cancel)")
    yield _bad_field("trade_type", "SHORT", "Use position_action")
    yield _bad_field("position_action", "REDUCE_ONLY", "reduce_only: true")
    yield _bad_field("order_type", None, "'LIMIT', 'MARKET' or 'LIMIT_MAKER'")
    yield _bad_field("time_in_force", "ioc", "Did you mean IOC?")
    yield _bad_field("time_in_force", "GTX", "'GTC', 'IOC' or 'FOK'")
    yield _bad_field("position_action", "close", "Did you mean CLOSE?")
    yield _bad_field("position_action", "REDUCE", "'OPEN' or 'CLOSE'")
    yield _bad_field("reduce_only", "true", "valid boolean")
    yield _bad_field("reduce_only", 1, "valid boolean")
    yield _bad_field("reduce_only", None, "valid boolean")
    yield _bad_field("amount", 0, "greater than 0")
    yield _bad_field("amount", "0", "greater than 0")
    yield _bad_field("amount", -1, "greater than 0")
    yield _bad_field("amount", "-0.5", "greater than 0")
    yield _bad_field("amount", "one", "not a decimal number")
    yield _bad_field("amount", "1,5", "not a decimal number")
    yield _bad_field("amount", "1_000", "not a decimal number")
    yield _bad_field("amount", " 1", "not a decimal number")
    yield _bad_field("amount", "", "not a decimal number")
    yield _bad_field("amount", "$100", "not a decimal number")
    yield _bad_field("amount", "1 BTC", "not a decimal number")
    yield _bad_field("amount", "NaN", "not a decimal number")
    yield _bad_field("amount", "Infinity", "not a decimal number")
    yield _bad_field("amount", True, "valid number")
    yield _bad_field("amount", [1], "valid number")
    yield _bad_field("amount", {"value": 1}, "valid number")
    yield _bad_field("amount", "1e40", "36 digits before the decimal point")
    yield _bad_field("amount", "1e-40", "36 decimal places")
    yield _bad_field("amount", "1000000000000000000000000000000000000", "36 digits before the decimal point")
    yield _bad_field("price", -5, "greater than 0")
    yield _bad_field("price", 0, "greater than 0")
    yield _bad_field("price", "market", "not a decimal number")
    yield _bad_field("quote_amount", "ten", "not a decimal number")
    yield _bad_field("client_order_id", "mine too", "letters, digits, underscores or hyphens")
    yield _bad_field("client_order_id", "x" * 33, "1 to 32 letters")
    yield _bad_field("client_order_id", "", "1 to 32 letters")
    yield _bad_field("client_order_id", 17, "valid string")
    for name, right in (
        ("accountName", "account_name"),
        ("account", "account_name"),
        ("connector", "connector_name"),
        ("exchange", "connector_name"),
        ("symbol", "trading_pair"),
        ("pair", "trading_pair"),
        ("market", "trading_pair"),
        ("tradingPair", "trading_pair"),
        ("trading-pair", "trading_pair"),
        ("side", "trade_type"),
        ("type", "order_type"),
        ("orderType", "order_type"),
        ("ORDER_TYPE", "order_type"),
        ("qty", "amount"),
        ("quantity", "amount"),
        ("size", "amount"),
        ("amounts", "amount"),
        ("ammount", "amount"),
        ("limit_price", "price"),
        ("Price", "price"),
        ("prise", "price"),
        ("quoteOrderQty", "quote_amount"),
        ("tif", "time_in_force"),
        ("timeInForce", "time_in_force"),
        ("reduceOnly", "reduce_only"),
        ("reduceonly", "reduce_only"),
        ("newClientOrderId", "client_order_id"),
        ("clientOrderId", "client_order_id"),
        ("cl_ord_id", "client_order_id"),
        ("positionAction", "position_action"),
    ):
        yield _order(
            422, "schema_violation", f"'{name}'", f"Did you mean '{right}'?", loc=name, given="x", **{name: "x"}
        )
    for name, instead in (
        ("post_only", "LIMIT_MAKER"),
        ("postOnly", "LIMIT_MAKER"),
        ("stop_price", "watch the price"),
        ("stopLoss", "watch the price"),
        ("trigger_price", "watch the price"),
        ("take_profit", "watch the price"),
        ("trailing", "watch the price"),
        ("trail_percent", "watch the price"),
        ("good_till", "cancel the order"),
        ("exec_inst", "LIMIT_MAKER"),
        ("cash", "quote_amount"),
        ("iceberg_qty", "place the parts"),
        ("leverage", "POST /trading/{account_name}/{connector_name}/leverage"),
        ("margin_mode", "at the exchange"),
        ("position_side", "position_action"),
        ("expire_time", "cancel the order"),
        ("slippage", "LIMIT order at that price"),
        ("dry_run", "connector paper"),
        ("oco", "as an order of its own"),
        ("idempotency_key", "header Idempotency-Key"),
    ):
        yield _order(
            422, "schema_violation", f"'{name}'", "not supported", instead, loc=name, given=True, **{name: True}
        )
    parameters = {"stopPrice": "50000"}
    yield _order(422, "schema_violation", "'params'", "not supported", "fields of the order itself",
                 loc="params", given=parameters, params=parameters)  # fmt: skip


def _order_sense() -> Iterator[Mistake]:
    """Orders that the schema allows and the situation does not."""
    yield _order(400, "price_required", "Price is required", price=OUT)
    yield _order(400, "price_required", "Price is required", price=None)
    yield _order(400, "price_required", "Price is required", price=None, order_type="LIMIT_MAKER")
    yield _order(400, "invalid_argument", "A LIMIT order needs amount", amount=OUT)
    yield _order(400, "invalid_argument", "A LIMIT_MAKER order needs amount", amount=OUT, order_type="LIMIT_MAKER")
    yield _order(
        400,
        "invalid_argument",
        "A MARKET order needs amount or quote_amount",
        amount=OUT,
        price=OUT,
        order_type="MARKET",
    )
    yield _order(400, "invalid_argument", "amount", "quote_amount", quote_amount=5)
    yield _order(400, "invalid_argument", "quote_amount", "MARKET", amount=OUT, quote_amount=5)
    yield _order(
        400, "invalid_argument", "time_in_force", "MARKET", order_type="MARKET", price=OUT, time_in_force="IOC"
    )
    yield _order(400, "invalid_argument", "time_in_force", "LIMIT_MAKER", order_type="LIMIT_MAKER", time_in_force="FOK")
    yield _order(400, "unsupported_order", "reduce_only", "paper", reduce_only=True)
    yield _order(400, "rule_violation", "Order amount 0.000001 ", "minimum order size", amount="0.000001")
    yield _order(400, "rule_violation", "Order amount 0.00000001 ", "minimum order size", amount="1e-8")
    yield _order(400, "rule_violation", "notional", "Increase the amount or price", amount="0.001", price="1")
    yield _order(400, "rule_violation", "Order price 0.0000001 ", "minimum price", price="0.0000001")
    for pair in ("btcusdt", "BTCUSDT", "BTC/USDT", "BTC_USDT", "btc-usdt", "BTC USDT", "BTC:USDT", "BTC-USDTT", "USDT-BTC",
                 "BTCUSDT-PERP", "BTC/USDT:USDT"):  # fmt: skip
        yield _order(400, "unsupported_pair", f"'{pair}'", "Did you mean BTC-USDT", trading_pair=pair)
    yield _order(400, "unsupported_pair", "'NOPE-USDT'", "/connectors/paper/trading-rules", trading_pair="NOPE-USDT")
    yield _order(404, "unknown_account", "'nobody'", "master_account", "GET /accounts/", account_name="nobody")
    yield _order(404, "unknown_account", "Did you mean master_account?", account_name="Master-Account")
    yield _order(404, "unknown_account", "Did you mean master_account?", account_name="master")
    yield _order(404, "unknown_connector", "'binanse'", "Did you mean binance?", connector_name="binanse")
    yield _order(404, "unknown_connector", "GET /connectors/", "binance", connector_name="nyse")
    yield _order(404, "unknown_connector", "Did you mean paper?", connector_name="PAPER")
    yield _order(
        404,
        "connector_not_configured",
        "POST /accounts/add-credential/master_account/binance",
        "config-map",
        connector_name="binance",
    )
    yield _order(501, "unsupported_connector", "dexalot", "GET /connectors/", connector_name="dexalot")
    yield Mistake(
        method="POST", path="/trading/orders", body=ORDER, headers={"Idempotency-Key": "two words"}, status=422,
        code="schema_violation", loc=["header", "Idempotency-Key"], says=("visible ASCII",),
    )  # fmt: skip
    for name, says in (
        ("X-Idempotency-Key", "Did you mean 'Idempotency-Key'?"),
        ("Idempotency_Key", "Did you mean 'Idempotency-Key'?"),
        ("X-Client-Order-Id", "'client_order_id' belongs in the body"),
    ):
        yield Mistake(
            method="POST", path="/trading/orders", body=ORDER, headers={name: "k"}, status=422, code="schema_violation",
            loc=["header", name.lower()], says=(says,),
        )  # fmt: skip
    for query, right in (
        ("reduce_only=true", "'reduce_only' belongs in the body"),
        ("symbol=x", "'trading_pair' belongs in the body"),
        ("dry_run=1", "connector paper"),
        ("idempotency_key=k", "header Idempotency-Key"),
    ):
        yield Mistake(
            method="POST", path=f"/trading/orders?{query}", body=ORDER, status=422, code="schema_violation",
            loc=["query", query.partition("=")[0]], says=(right,),
        )  # fmt: skip


def _at(
    method: str, path: str, status: int, code: str, *says: str, body: Any = None, loc: Any = None, given: Any = OUT
) -> Mistake:
    return Mistake(method=method, path=path, body=body, status=status, code=code, loc=loc, given=given, says=says)


def _orders_elsewhere() -> Iterator[Mistake]:
    """Cancels, and questions about one order. ``{filled}`` and ``{canceled}`` are the ids of orders that are done."""
    to = "/trading/master_account/paper/orders"
    yield _at("POST", f"{to}/nothing/cancel", 404, "order_not_found", "'nothing'", "the id is the order_id")
    yield _at(
        "POST",
        f"{to}/{{filled}}/cancel",
        404,
        "order_not_found",
        "The order is filled",
        "1 of 1 was filled",
        "average price",
    )
    yield _at("POST", f"{to}/{{canceled}}/cancel", 404, "order_not_found", "The order is canceled", "0 of 1 was filled")
    other = "/trading/master_account/paper_perpetual/orders"
    yield _at("POST", f"{other}/{{filled}}/cancel", 404, "order_not_found", "has an order of this id on paper")
    yield _at("POST", "/trading/nobody/paper/orders/x/cancel", 404, "unknown_account", "'nobody'", "GET /accounts/")
    yield _at("POST", "/trading/master_account/papers/orders/x/cancel", 404, "unknown_connector", "Did you mean paper?")
    yield _at(
        "POST", "/trading/master_account/binance/orders/x/cancel", 404, "connector_not_configured", "add-credential"
    )
    yield _at("DELETE", "/trading/orders/x", 405, "method_not_allowed", "DELETE", "GET")
    yield _at("GET", "/trading/orders/nothing", 404, "order_not_found", "'nothing'", "POST /trading/orders/search")
    yield _at(
        "GET",
        "/trading/orders/x?wait=soon",
        422,
        "schema_violation",
        "valid number, in seconds",
        loc=["query", "wait"],
        given="soon",
    )
    yield _at(
        "GET",
        "/trading/orders/x?wait=100",
        422,
        "schema_violation",
        "less than or equal to 60, in seconds",
        loc=["query", "wait"],
    )
    yield _at(
        "GET",
        "/trading/orders/x?account=a",
        422,
        "schema_violation",
        "'account_name'",
        loc=["query", "account"],
        given="a",
    )
    for query, says in (
        ("waitt=5", "Did you mean 'wait'?"),
        ("wai=5", "Did you mean 'wait'?"),
        ("Wait=5", "Did you mean 'wait'?"),
        ("accountname=a", "Did you mean 'account_name'?"),
        ("orderid=x", "'order_id' belongs in the path"),
    ):
        name = query.partition("=")[0]
        yield _at("GET", f"/trading/orders/x?{query}", 422, "schema_violation", says, loc=["query", name])
    for query, code, says in (
        ("account_name=master", "unknown_account", "Did you mean master_account?"),
        ("connector_name=papr", "unknown_connector", "Did you mean paper?"),
    ):
        yield _at("GET", f"/trading/orders/x?{query}", 404, code, says)
    for query, status, code, says in (
        ("account_names=master", 404, "unknown_account", "Did you mean master_account?"),
        ("connector_names=papr", 404, "unknown_connector", "Did you mean paper?"),
        ("trading_pairs=btcusdt", 400, "unsupported_pair", "BASE-QUOTE"),
    ):
        yield _at("GET", f"/trading/events?{query}", status, code, says)
    for path, name, says in (
        ("/approvals", "account_name", "can't be filtered by 'account_name'"),
        ("/approvals", "status", "Its filters are cursor, limit, state"),
        ("/approvals", "limi", "Did you mean 'limit'?"),
        ("/accounts/master_account/credentials", "account_name", "'account_name' belongs in the path"),
        ("/connectors/paper/capabilities", "connectorName", "'connector_name' belongs in the path"),
        ("/api-keys/k/rotate", "overlapp", "Did you mean 'overlap'?"),
        ("/accounts/delete-account", "forc", "Did you mean 'force'?"),
    ):
        method = "POST" if name in ("overlapp", "forc") else "GET"
        yield _at(method, f"{path}?{name}=x", 422, "schema_violation", says, loc=["query", name])
    said = {"outcome": "canceled", "reason": "r", "evidence": "e"}
    yield _at("POST", "/trading/orders/nothing/resolve", 404, "order_not_found", "'nothing'", body=said)
    yield _at(
        "POST", "/trading/orders/x/resolve", 422, "schema_violation", "Did you mean canceled?",
        body={**said, "outcome": "cancelled"}, loc=["body", "outcome"], given="cancelled",
    )  # fmt: skip
    yield _at("POST", "/trading/orders/x/resolve", 422, "schema_violation", "Did you mean 'outcome'?",
              body={**said, "status": "x"}, loc=["body", "status"])  # fmt: skip
    yield _at("POST", "/trading/orders/x/resolve", 422, "schema_violation", "belongs in the query string",
              body={**said, "account_name": "x"}, loc=["body", "account_name"])  # fmt: skip


def _requests() -> Iterator[Mistake]:
    """Bodies, paths, methods and credentials that are wrong whatever they are for."""
    orders, json = "/trading/orders", {"Content-Type": "application/json"}

    def raw(body: bytes, status: int, code: str, *says: str, **headers: str) -> Mistake:
        return Mistake(
            method="POST", path=orders, body=body, headers={**json, **headers}, status=status, code=code, says=says
        )

    yield raw(b"", 400, "unreadable_body", "The body is empty", "JSON object")
    yield raw(b"{", 400, "unreadable_body", "not JSON", "truncated")
    yield raw(b"{'amount': 1}", 400, "unreadable_body", "not JSON", "byte 1")
    yield raw(b'{"amount": 1,}', 400, "unreadable_body", "not JSON")
    for odd in (b"NaN", b"Infinity", b"-Infinity", b"nan", b" inf "):
        yield raw(b'{"amount": %s}' % odd, 400, "unreadable_body", "not JSON", "neither NaN nor Infinity")
    yield raw(b'{"amount": nanny}', 400, "unreadable_body", "not JSON", "invalid character")
    yield raw(b'{"amount": 01}', 400, "unreadable_body", "not JSON")
    yield raw(b"\xff\xfe{}", 400, "unreadable_body", "UTF-8")
    yield raw(b"\xef\xbb\xbf{}", 400, "unreadable_body", "byte order mark (BOM)", "without one")
    yield raw(
        b'{"account_name": "\\ud83d"}', 400, "unreadable_body", "surrogate pair, in 'account_name'", "both halves"
    )
    yield raw(
        b'{"account_name": "\\u0000"}', 400, "unreadable_body", "NUL character, in 'account_name'", "leave it out"
    )
    yield raw(b'{"amount": 1, "amount": 2}', 400, "unreadable_body", "'amount'", "repeated")
    yield raw(b'{"amount": 8e270}', 400, "unreadable_body", "amount", "36 digits before the decimal point")
    yield raw(b'"BUY"', 422, "schema_violation", "JSON object")
    yield raw(b"[1, 2]", 422, "schema_violation", "JSON object")
    yield raw(b"null", 422, "schema_violation", "JSON object")
    yield raw(
        b"amount=1",
        415,
        "unsupported_media_type",
        "application/json",
        **{"Content-Type": "application/x-www-form-urlencoded"},
    )
    yield raw(b"{}", 415, "unsupported_media_type", "application/json", **{"Content-Type": "text/plain"})
    yield raw(b"{}", 415, "unsupported_content_encoding", "Content-Encoding", **{"Content-Encoding": "gzip"})
    for user in ("admin:wrong", "grid bot:ogk_paper_k3wq7n2bpx5m_Qw0sX8mJ1vT5nB3yR7kD9hF2gL6pC4zA-eU_iOqYtWx1v2Zb0"):
        basic = "Basic " + b64encode(user.encode()).decode()
        yield raw(b"{}", 401, "not_authenticated", "the key's id, not its name", "Bearer", Authorization=basic)
    yield raw(b"{}", 401, "not_authenticated", "Authorization: Basic", "base64", "curl -u", Authorization="")
    yield raw(b"{}", 401, "not_authenticated", "The API key is not one that opens", Authorization="Bearer abc")
    yield raw(b"{}", 401, "not_authenticated", "The scheme is digest", "Basic", Authorization='Digest username="x"')
    yield raw(b"{}", 401, "not_authenticated", "The scheme is another", "Basic", Authorization="admin:secret")
    yield raw(
        b"{}", 401, "not_authenticated", "not the base64 form of user:password", Authorization="Basic admin:secret"
    )
    yield raw(b"{}", 401, "not_authenticated", "Incorrect username or password", "ordergate user password",
              Authorization="Basic YWRtaW46d3Jvbmc=")  # fmt: skip
    yield _at("GET", orders, 405, "method_not_allowed", "GET", "It takes POST")
    yield _at("PUT", orders, 405, "method_not_allowed", "PUT", "It takes POST")
    yield _at("POST", "/accounts/", 405, "method_not_allowed", "POST", "It takes GET")
    yield _at("POST", "/docs", 405, "method_not_allowed", "POST", "GET")
    yield _at("POST", orders + "/", 307, "moved", "/trading/orders", body=ORDER)
    yield _at("POST", "/accounts/add-account/?account_name=x", 307, "moved", "/accounts/add-account")
    yield _at("GET", "/trading/orders/x/?wait=1", 307, "moved", "/trading/orders/x")
    yield _at("GET", "/connectors/paper/config-map/", 307, "moved", "/connectors/paper/config-map")
    yield _at("POST", "/api/v1/trading/orders", 404, "not_found", "Did you mean /trading/orders?", body=ORDER)
    yield _at("POST", "/trading/order", 404, "not_found", "Did you mean /trading/orders?", body=ORDER)
    yield _at("POST", "/Trading/Orders", 404, "not_found", "Did you mean /trading/orders?", body=ORDER)
    yield _at("POST", "/orders", 404, "not_found", "GET /docs", body=ORDER)


def _lists(path: str, **body: Any) -> dict[str, Any]:
    return {"method": "POST", "path": path, "status": 422, "code": "schema_violation", "body": body}


def _reading() -> Iterator[Mistake]:
    """Filters of lists: a filter that is ignored shows everything."""
    search, active, trades = "/trading/orders/search", "/trading/orders/active", "/trading/trades"
    for path, name, value, says in (
        (search, "account_name", "nobody", "'account_names'"),
        (search, "symbol", "BTC-USDT", "'trading_pairs'"),
        (search, "trading_pair", "BTC-USDT", "'trading_pairs'"),
        (search, "trade_type", "BUY", "can't be filtered by 'trade_type'"),
        (search, "order_id", "x", "GET /trading/orders/{order_id}"),
        (search, "client_order_id", "x", "GET /trading/orders/{order_id}"),
        (search, "state", "open", "'status'"),
        (search, "startTime", 1, "'start_time'"),
        (search, "since", 1, "'start_time'"),
        (search, "page", 2, "'cursor'"),
        (search, "per_page", 5, "'limit'"),
        (search, "sort", "asc", "followed by cursor"),
        (active, "status", "OPEN", "can't be filtered by 'status'"),
        (active, "connector_name", "paper", "'connector_names'"),
        (trades, "side", "BUY", "'trade_types'"),
        (trades, "order_id", "x", "GET /trading/orders/{order_id}"),
        ("/trading/positions", "trading_pairs", [], "can't be filtered by 'trading_pairs'"),
        ("/trading/funding-payments", "trading_pairs", ["BTC-USDT"], "'trading_pair'"),
        ("/portfolio/state", "account_name", "x", "'account_names'"),
        ("/portfolio/state", "tokens", ["BTC"], "'tokens'"),
        ("/portfolio/history", "from", 1, "'start_time'"),
    ):
        yield Mistake(**_lists(path, **{name: value}), loc=["body", name], given=value, says=(says,))
    unit = "Unix milliseconds, or Unix seconds"
    yield Mistake(**_lists(search, limit=0), loc=["body", "limit"], given=0, says=("greater than or equal to 1",))
    yield Mistake(**_lists(search, limit=5000), loc=["body", "limit"], given=5000, says=("less than or equal to 1000",))
    yield Mistake(**_lists(search, limit="10"), loc=["body", "limit"], given="10", says=("valid integer",))
    yield Mistake(
        **_lists(search, account_names="master_account"),
        loc=["body", "account_names"],
        given="master_account",
        says=("valid list",),
    )
    yield Mistake(
        **_lists(search, account_names=[5]), loc=["body", "account_names", 0], given=5, says=("valid string",)
    )
    yield Mistake(
        **_lists(search, trading_pairs=["BTC/USDT"]),
        loc=["body", "trading_pairs", 0],
        given="BTC/USDT",
        says=("BASE-QUOTE",),
    )
    yield Mistake(
        **_lists(search, start_time="2026-01-01"), loc=["body", "start_time"], given="2026-01-01", says=(unit,)
    )
    yield Mistake(
        **_lists(search, start_time=-1), loc=["body", "start_time"], given=-1, says=("greater than or equal to 0", unit)
    )
    yield Mistake(**_lists(search, end_time=17953400000000000), loc=["body", "end_time"], says=("less than", unit))
    yield Mistake(
        **_lists(trades, trade_types=["buy"]), loc=["body", "trade_types", 0], given="buy", says=("Did you mean BUY?",)
    )
    yield Mistake(
        **_lists("/portfolio/history", interval="2h"), loc=["body", "interval"], given="2h", says=("'5m'", "'1d'")
    )
    yield Mistake(
        **_lists("/portfolio/state", refresh="yes"), loc=["body", "refresh"], given="yes", says=("valid boolean",)
    )
    yield _at("POST", search, 400, "invalid_cursor", "next_cursor", search, body={"cursor": "2"})
    yield _at(
        "GET",
        "/trading/events?account_name=x",
        422,
        "schema_violation",
        "'account_names'",
        loc=["query", "account_name"],
    )
    yield _at(
        "GET",
        "/trading/events?since=yesterday",
        422,
        "schema_violation",
        "valid integer",
        loc=["query", "since"],
        given="yesterday",
    )
    yield Mistake(method="GET", path="/trading/events", headers={"Last-Event-ID": "x"}, status=422, code="schema_violation",
                  loc=["header", "Last-Event-ID"], given="x", says=("id of the last event",))  # fmt: skip


def _settings() -> Iterator[Mistake]:
    """Leverage and position mode."""
    leverage, mode = (
        "/trading/master_account/paper_perpetual/leverage",
        "/trading/master_account/paper_perpetual/position-mode",
    )
    right = {"trading_pair": "BTC-USDT", "leverage": 5}
    for name, value, says in (
        ("leverage", 0, "greater than or equal to 1"),
        ("leverage", 500, "less than or equal to 125"),
        ("leverage", "5x", "valid integer"),
        ("leverage", 2.5, "valid integer"),
        ("leverage", OUT, "Field required"),
        ("symbol", "BTCUSDT", "'trading_pair'"),
        ("margin_mode", "ISOLATED", "at the exchange"),
    ):
        body = {key: each for key, each in {**right, name: value}.items() if each is not OUT}
        given = OUT if value is OUT or isinstance(value, float) else value
        yield _at("POST", leverage, 422, "schema_violation", says, body=body, loc=["body", name], given=given)
    yield _at(
        "POST", leverage, 400, "unsupported_pair", "Did you mean BTC-USDT", body={**right, "trading_pair": "BTCUSDT"}
    )
    yield _at(
        "POST",
        leverage.replace("_perpetual", ""),
        400,
        "invalid_argument",
        "not a perpetual",
        "paper_perpetual",
        body=right,
    )
    yield _at("POST", mode, 400, "invalid_argument", "'HEDGE' or 'ONEWAY'", body={"position_mode": "both"})
    yield _at("POST", mode, 422, "schema_violation", "Field required", body={}, loc=["body", "position_mode"])
    yield _at(
        "POST",
        mode,
        422,
        "schema_violation",
        "Did you mean 'position_mode'?",
        body={"positionMode": "HEDGE"},
        loc=["body", "positionMode"],
    )
    yield _at("GET", mode.replace("_perpetual", ""), 400, "invalid_argument", "not a perpetual", "paper_perpetual")


def _markets() -> Iterator[Mistake]:
    """Questions about markets."""
    asked = {"connector_name": "paper", "trading_pair": "BTC-USDT"}

    def market(path: str, status: int, code: str, *says: str, loc: Any = None, **fields: Any) -> Mistake:
        body = {name: value for name, value in {**asked, **fields}.items() if value is not OUT}
        return _at("POST", f"/market-data/{path}", status, code, *says, body=body, loc=loc)

    prices = {"trading_pair": OUT, "trading_pairs": ["BTC/USDT"]}
    yield market("prices", 400, "unsupported_pair", "Did you mean BTC-USDT?", **prices)
    yield market(
        "prices",
        422,
        "schema_violation",
        "valid list",
        loc=["body", "trading_pairs"],
        trading_pair=OUT,
        trading_pairs="BTC-USDT",
    )
    yield market(
        "prices", 422, "schema_violation", "'trading_pairs'", loc=["body", "trading_pair"], trading_pairs=["BTC-USDT"]
    )
    yield market("order-book", 400, "unsupported_pair", "Did you mean BTC-USDT?", trading_pair="btcusdt")
    yield market("order-book", 422, "schema_violation", "less than or equal to 1000", loc=["body", "depth"], depth=5000)
    yield market("order-book", 422, "schema_violation", "'depth'", loc=["body", "levels"], levels=5)
    yield market("order-book", 404, "unknown_connector", "Did you mean paper?", connector_name="papre")
    yield market("candles", 400, "invalid_argument", "Invalid trading pair format", "BTC-USDT", trading_pair="BTCUSDT")
    yield market("candles", 400, "invalid_argument", "interval", "1m", interval="7m")
    yield market("candles", 422, "schema_violation", "'max_records'", loc=["body", "limit"], limit=5)
    yield market("candles", 422, "schema_violation", "'interval'", loc=["body", "timeframe"], timeframe="1m")
    yield market(
        "historical-candles", 422, "schema_violation", "Field required", loc=["body", "start_time"], end_time=1
    )
    yield market(
        "historical-candles",
        422,
        "schema_violation",
        "Unix seconds",
        loc=["body", "end_time"],
        start_time=1,
        end_time="now",
    )
    yield market(
        "historical-candles",
        400,
        "invalid_argument",
        "start_time",
        "end_time",
        start_time=1795340000,
        end_time=1795330000,
    )
    yield market(
        "order-book/price-for-volume",
        422,
        "schema_violation",
        "valid boolean",
        loc=["body", "is_buy"],
        is_buy="BUY",
        volume=1,
    )
    yield market(
        "order-book/price-for-volume", 422, "schema_violation", "'is_buy'", loc=["body", "side"], side="BUY", volume=1
    )
    yield market(
        "order-book/price-for-volume",
        422,
        "schema_violation",
        "greater than 0",
        loc=["body", "volume"],
        is_buy=True,
        volume=0,
    )
    yield market("funding-info", 400, "invalid_argument", "perpetual", "paper_perpetual")
    yield market("trading-pair/add", 422, "schema_violation", "in seconds", loc=["body", "timeout"], timeout=500)
    yield _at("GET", "/connectors/nyse/trading-rules", 404, "unknown_connector", "GET /connectors/")
    yield _at("GET", "/connectors/papers/config-map", 404, "unknown_connector", "Did you mean paper?")
    yield _at(
        "GET",
        "/connectors/paper/trading-rules?symbol=x",
        422,
        "schema_violation",
        "'trading_pairs'",
        loc=["query", "symbol"],
    )
    yield _at("GET", "/market-data/tickers?connectors=nyse", 404, "unknown_connector", "GET /connectors/")
    yield _at(
        "GET",
        "/market-data/tickers?max_age=old",
        422,
        "schema_violation",
        "in seconds",
        loc=["query", "max_age"],
        given="old",
    )
    yield _at(
        "GET",
        "/market-data/tickers?refresh=1",
        422,
        "schema_violation",
        "valid boolean",
        loc=["query", "refresh"],
        given="1",
    )
    yield _at("POST", "/rate-oracle/rates", 400, "invalid_argument", "BASE-QUOTE", body={"trading_pairs": ["BTCUSDT"]})
    yield _at(
        "PUT",
        "/rate-oracle/config",
        400,
        "invalid_argument",
        "Available sources",
        body={"rate_oracle_source": {"name": "coingecko"}},
    )
    yield _at("PUT", "/rate-oracle/config", 422, "schema_violation", "'global_token_name'",
              body={"global_token": {"globalTokenName": "EUR"}}, loc=["body", "global_token", "globalTokenName"])  # fmt: skip


def _accounts() -> Iterator[Mistake]:
    """Accounts and credentials."""
    add = "/accounts/add-credential/master_account/binance"
    yield _at("POST", "/accounts/add-account", 422, "schema_violation", "Field required", loc=["query", "account_name"])
    yield _at(
        "POST", "/accounts/add-account?account=x", 422, "schema_violation", "'account_name'", loc=["query", "account"]
    )
    yield _at(
        "POST",
        "/accounts/add-account?account_name=my%20account",
        400,
        "invalid_argument",
        "letters, numbers, underscores and hyphens",
    )
    yield _at("POST", "/accounts/add-account?account_name=master_account", 400, "invalid_argument", "already exists")
    yield _at(
        "POST",
        "/accounts/delete-account?account_name=nobody",
        404,
        "unknown_account",
        "GET /accounts/",
        "master_account",
    )
    yield _at(
        "POST",
        "/accounts/delete-account?account_name=x&force=yes",
        422,
        "schema_violation",
        "valid boolean",
        loc=["query", "force"],
        given="yes",
    )
    yield _at("GET", "/accounts/nobody/credentials", 404, "unknown_account", "GET /accounts/", "master_account")
    yield _at("POST", add, 400, "invalid_credentials", "missing field", "binance_api_key", body={})
    yield _at(
        "POST",
        add,
        400,
        "invalid_credentials",
        "unknown fields api_key, api_secret",
        "api_key is probably binance_api_key",
        body={"api_key": "k", "api_secret": "s"},
    )
    yield _at("POST", add.replace("binance", "nyse"), 404, "unknown_connector", "GET /connectors/", body={})
    yield _at("POST", add.replace("master_account", "nobody"), 404, "unknown_account", "GET /accounts/", body={})
    yield _at("POST", add, 422, "schema_violation", "JSON object", body=[])
    for name in ("a", "paper_api_key"):
        yield _at("POST", add.replace("binance", "paper"), 400, "invalid_credentials", f"unknown field {name}",
                  "it needs no credentials, and takes starting_balances where that is wanted", body={name: "1"})  # fmt: skip
    pem = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"
    for connector, fields, says in (
        ("kraken", {"kraken_api_key": "k", "kraken_secret_key": "not base64!"}, "kraken_secret_key must be base64"),
        ("kraken", {"kraken_api_key": "k", "kraken_secret_key": "abcde"}, "kraken_secret_key must be base64"),
        ("kraken", {"kraken_api_key": "k", "kraken_api_secret": "x"}, "kraken_api_secret is probably kraken_secret_key"),
        ("btc_markets", {"btc_markets_api_key": "k", "btc_markets_api_secret": "a-b"}, "api_secret must be base64"),
        ("backpack", {"backpack_api_key": "k", "backpack_api_secret": "c2VjcmV0"}, "32 bytes"),
        ("hyperliquid", {"hyperliquid_mode": "arb_wallet", "hyperliquid_address": "0x1", "hyperliquid_secret_key": "x"},
         "hyperliquid_address must be a wallet's address: 0x and 40 hexadecimal digits; hyperliquid_secret_key must be a private"),
        ("grvt_perpetual", {"grvt_perpetual_api_key": "k", "grvt_perpetual_private_key": "0xz",
                            "grvt_perpetual_trading_account_id": "1"}, "private_key must be a private key: 64 hexadecimal"),
        ("binance", {"binance_api_key": "k", "binance_api_secret": pem}, "must be a whole private key in PEM"),
    ):  # fmt: skip
        yield _at("POST", add.replace("binance", connector), 400, "invalid_credentials", says, body=fields)


def _keys() -> Iterator[Mistake]:
    """API keys: a bound that is ignored makes a key that may do more than its maker meant."""

    def bad(name: str, value: Any, says: str, given: Any = OUT) -> Mistake:
        body = {**KEY, name: value}
        return _at("POST", "/api-keys", 422, "schema_violation", says, body=body, loc=["body", name], given=given)

    for name in (
        *("expires_in", "expiry", "expires", "ttl", "days", "valid_until", "valid_days", "expiresAt", "expire_at"),
        *("expiration", "expiration_date", "expires_on", "expiresInDays", "lifetime", "exp"),
    ):
        yield bad(name, 90, "Did you mean 'expires_at'?", given=90)
    for name, meant in (
        ("ip_whitelist", "allowed_ips"),
        ("allowed_ip", "allowed_ips"),
        ("ips", "allowed_ips"),
        ("account_names", "accounts"),
        ("trading_pairs", "pairs"),
        ("symbols", "pairs"),
        ("exchanges", "connectors"),
        ("permissions", "scopes"),
        ("env", "environment"),
    ):
        yield bad(name, ["x"], f"Did you mean '{meant}'?")
    yield bad("name", "", "at least 1 character", given="")
    yield bad("name", "x\n", "no control characters", given="x\n")
    yield bad("name", "a:b", "A key's name has no colon", given="a:b")
    for value in ("soon", "2026-12-01", 1796099956):
        yield bad("expires_at", value, "such as 2026-12-01T00:00:00Z", given=value)


def _values() -> Iterator[Mistake]:
    """What stands in a fault is the value as it was sent, fractions too, and a moment's fault names its form."""
    for sent, given in (("100", 100), ("60.5", 60.5), ("-1", -1), ("1e999", "1e999")):
        path = f"/trading/orders/x?wait={sent}"
        yield _at("GET", path, 422, "schema_violation", "Input should be", loc=["query", "wait"], given=given)
    leverage = {"trading_pair": "BTC-USDT", "leverage": 2.5}
    yield _at("POST", "/trading/master_account/paper_perpetual/leverage", 422, "schema_violation", "valid integer",
              body=leverage, loc=["body", "leverage"], given=2.5)  # fmt: skip
    limits = {"scope": {"account_name": "master_account"}, "limits": {"max_open_orders": 1.5}}
    yield _at("PUT", "/safety/limits", 422, "schema_violation", "valid integer",
              body=limits, loc=["body", "limits", "max_open_orders"], given=1.5)  # fmt: skip
    for sent in ("yesterday", "1796099956", "2026-12-01"):
        yield _at("GET", f"/audit?start_time={sent}", 422, "schema_violation", "such as 2026-12-01T00:00:00Z",
                  loc=["query", "start_time"], given=sent)  # fmt: skip
    yield _at("POST", "/trading/trades", 422, "schema_violation", "Unix milliseconds, or Unix seconds",
              body={"start_time": "yesterday"}, loc=["body", "start_time"], given="yesterday")  # fmt: skip
