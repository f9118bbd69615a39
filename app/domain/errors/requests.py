"""Errors of a request: nothing was sent, and the same request can't succeed.

The first ones are about the request itself, before its meaning matters: its path, its method, its body, its credentials. The others
are about what it asks for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from app.domain.errors.base import OrdergateError
from app.domain.errors.limits import breaches_text
from app.domain.suggestions import did_you_mean, listed

#: The most orders that an error names.
_NAMED_ORDERS = 10
#: How much of an If-Match is repeated.
_LONGEST_VERSIONS = 80


class RequestError(OrdergateError):
    """Nothing was sent and the same request can't succeed: the caller must change something."""

    status = 400
    code = "invalid_request"
    title = "Invalid request"


class UnknownPath(RequestError):
    """The contract has no such path."""

    status = 404
    code = "not_found"
    title = "Not found"

    def __init__(self, hint: str = "GET /docs shows every path") -> None:
        super().__init__("Not Found", hint=hint)


class MethodNotAllowed(RequestError):
    """The path exists, but not with this method. ``allowed`` are those it has."""

    status = 405
    code = "method_not_allowed"
    title = "Method not allowed"

    def __init__(self, allowed: Iterable[str], method: str, path: str) -> None:
        self.allowed = tuple(sorted(allowed))
        super().__init__(f"{path} does not take {method}. It takes {', '.join(self.allowed)}")


class UpgradeRequired(RequestError):
    """The path speaks WebSocket only."""

    status = 426
    code = "upgrade_required"
    title = "Upgrade required"


class UnsupportedMediaType(RequestError):
    """The body is declared as something other than JSON in UTF-8."""

    status = 415
    code = "unsupported_media_type"
    title = "Unsupported media type"

    def __init__(self) -> None:
        super().__init__("The body must be application/json, and its Content-Type must say so")


class UnsupportedContentEncoding(RequestError):
    """The body is compressed, which no body may be."""

    status = 415
    code = "unsupported_content_encoding"
    title = "Unsupported content encoding"

    def __init__(self) -> None:
        super().__init__("The body must not be compressed: leave Content-Encoding out, or say 'identity'")


class BodyTooLarge(RequestError):
    """The body has more bytes than the settings allow."""

    status = 413
    code = "body_too_large"
    title = "Body too large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body is larger than {limit} bytes")


class UnreadableBody(RequestError):
    """The body is not a JSON document in UTF-8."""

    code = "unreadable_body"
    title = "The body can't be read"


class SchemaViolation(RequestError):
    """The body or a parameter breaks the schema. ``detail`` is a list of faults."""

    status = 422
    code = "schema_violation"
    title = "The request breaks the schema"

    def __init__(self, faults: Sequence[Mapping[str, Any]]) -> None:
        super().__init__("; ".join(str(fault["msg"]) for fault in faults))
        self.faults = list(faults)


class InvalidClientOrderId(RequestError):
    """The exchange takes no order under this client order id. Over HTTP this is a `schema_violation` of the body."""

    status = 422
    code = "invalid_client_order_id"
    title = "Invalid client order id"

    def __init__(self, client_order_id: str, connector_name: str, pattern: str) -> None:
        super().__init__(f"The client order id should match pattern '{pattern}' on {connector_name}")
        self.client_order_id = client_order_id
        self.connector_name = connector_name
        self.pattern = pattern


class ForeignOrigin(RequestError):
    """A web page of another origin may not change anything or open a stream with the credentials that a browser adds."""

    status = 403
    code = "foreign_origin"
    title = "Foreign origin"

    def __init__(self) -> None:
        super().__init__(
            "A web page of this origin may not do this. Name its origin in ORDERGATE_CORS_ORIGINS if it is yours; "
            "a page of this host that states its own credentials also sends Content-Type: application/json"
        )


class UnknownAccount(RequestError):
    """There is no such account."""

    status = 404
    code = "unknown_account"
    title = "Account not found"

    def __init__(self, account_name: str, known: Sequence[str] = ()) -> None:
        there_are = f" There are {listed(known)}." if known else ""
        super().__init__(
            f"Account '{account_name}' not found",
            hint=f"GET /accounts/ lists the accounts, and POST /accounts/add-account?account_name= adds one.{there_are}"
            f"{did_you_mean(account_name, known)}",
        )


class UnknownConnector(RequestError):
    """There is no connector of that name."""

    status = 404
    code = "unknown_connector"
    title = "Connector not found"

    def __init__(self, connector_name: str, known: Sequence[str]) -> None:
        super().__init__(
            f"Connector '{connector_name}' not found",
            hint=f"GET /connectors/ lists the connectors. There are {listed(known)}.{did_you_mean(connector_name, known)}",
        )


class ConnectorNotConfigured(RequestError):
    """The account holds no credentials for the connector."""

    status = 404
    code = "connector_not_configured"
    title = "Connector not configured"

    def __init__(self, connector_name: str, account_name: str) -> None:
        super().__init__(
            f"Connector '{connector_name}' not found for account '{account_name}'",
            hint=f"POST /accounts/add-credential/{account_name}/{connector_name} gives the account its credentials;"
            f" GET /connectors/{connector_name}/config-map names their fields",
        )


class OrderNotFound(RequestError):
    """The journal holds no such order, or (on cancel) no such active order."""

    status = 404
    code = "order_not_found"
    title = "Order not found"


class MarketDataNotFound(RequestError):
    """The exchange answered, and has no candles in the time that was asked for."""

    status = 404
    code = "market_data_not_found"
    title = "No market data"


class AmbiguousOrder(RequestError):
    """The id names orders of several accounts or connectors; the caller must say which."""

    status = 409
    code = "ambiguous_order"
    title = "Ambiguous order id"


class UnsupportedPair(RequestError):
    """The connector does not trade the pair; where no connector is named, it is not written as pairs are."""

    code = "unsupported_pair"
    title = "Trading pair not supported"

    def __init__(self, trading_pair: str, connector_name: str | None, available: Sequence[str]) -> None:
        shown = list(available[:10])
        meant = did_you_mean(trading_pair, available)
        if connector_name is None:
            super().__init__(
                f"'{trading_pair}' is no trading pair: a pair is written BASE-QUOTE, such as BTC-USDT.{meant}"
            )
            return
        more = f" (and {len(available) - 10} more)" if len(available) > 10 else ""
        super().__init__(
            f"Trading pair '{trading_pair}' not supported on {connector_name}. Available pairs: {shown}{more}"
            f"{'.' * bool(meant)}{meant}",
            hint=f"GET /connectors/{connector_name}/trading-rules lists all pairs; a pair has the form BASE-QUOTE",
        )


class UnsupportedOrder(RequestError):
    """An order type or option that the connector does not have."""

    code = "unsupported_order"
    title = "Order not supported"


class PriceRequired(RequestError):
    """A LIMIT or LIMIT_MAKER order without a price."""

    code = "price_required"
    title = "Price required"

    def __init__(self) -> None:
        super().__init__("Price is required for LIMIT and LIMIT_MAKER orders")


class RuleViolation(RequestError):
    """The order breaks a trading rule of the pair."""

    code = "rule_violation"
    title = "Trading rule broken"


class InvalidCursor(RequestError):
    """A page cursor that no page of ours gave."""

    code = "invalid_cursor"
    title = "Invalid cursor"

    def __init__(self, cursor: str) -> None:
        super().__init__(f"Invalid cursor '{cursor}': pass back the next_cursor of a previous page")
        self.cursor = cursor


class InvalidArgument(RequestError):
    """A value that the schema allows and the situation does not."""

    code = "invalid_argument"
    title = "Invalid argument"


class InvalidCredentials(RequestError):
    """Credentials that are incomplete, or that the exchange did not take when they were tried. Nothing was stored."""

    code = "invalid_credentials"
    title = "Invalid credentials"


class ActiveOrders(RequestError):
    """What is to be deleted still has orders that may be on an exchange's book; says how many."""

    status = 409
    code = "active_orders"
    title = "There are active orders"


class OtherExchangeAccount(RequestError):
    """Active orders are, or may be, on another account at the exchange than the one that the given credentials open."""

    status = 409
    code = "other_exchange_account"
    title = "Another account at the exchange"

    def __init__(self, account_name: str, connector_name: str, order_ids: Sequence[str]) -> None:
        named = ", ".join(order_ids[:_NAMED_ORDERS])
        more = f" and {len(order_ids) - _NAMED_ORDERS} more" if len(order_ids) > _NAMED_ORDERS else ""
        super().__init__(
            f"Account '{account_name}' has active orders on '{connector_name}' that are not known to be on the exchange's account"
            f" which these credentials open ({named}{more}). Nothing was changed. Cancel the orders with the credentials that"
            " they were placed with, end those that can't be settled with POST /trading/orders/{order_id}/resolve, or give the"
            " credentials to another account."
        )


class OrderNotInDoubt(RequestError):
    """An operator's word can't end the order: it is final, or the exchange shows it."""

    status = 409
    code = "order_not_in_doubt"
    title = "Order not in doubt"


class IdempotencyConflict(RequestError):
    """The idempotency key or client order id belongs to an order with other terms, or the id to one with another key."""

    status = 409
    code = "idempotency_conflict"
    title = "Idempotency conflict"


class ChangeConflict(RequestError):
    """Another change came first, and nothing was changed by this one; read what is there now, then change it."""

    status = 409
    code = "change_conflict"
    title = "Conflicting change"

    @staticmethod
    def of_version(what: str, versions: Collection[str], path: str) -> ChangeConflict:
        """``what``, which GET ``path`` shows, has none of the ``versions`` of If-Match."""
        given = ", ".join(f'"{version}"' for version in versions)
        return ChangeConflict(
            f"If-Match is {given[:_LONGEST_VERSIONS]}, and {what} another version by now; nothing was changed",
            hint=f"GET {path} answers with the version that holds in its ETag. Look at it again, and send that ETag as If-Match;"
            " without If-Match whatever is there is changed",
        )


class LimitExceeded(RequestError):
    """The order would break limits; ``violations`` names all of them, each with what is used and what would be."""

    code = "limit_exceeded"
    title = "Limit exceeded"

    def __init__(self, breaches: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(breaches_text(breaches))
        self.breaches = tuple(breaches)


class PriceOutsideCollar(LimitExceeded):
    """The order's price is too far from the reference price."""

    code = "price_outside_collar"
    title = "Price outside the collar"


class LimitsNotSet(RequestError):
    """A live account on which nobody has decided about limits, where the gateway demands that."""

    status = 409
    code = "limits_not_set"
    title = "Limits are not set"

    def __init__(self, account_name: str, connector_name: str) -> None:
        super().__init__(
            f"No limits are set for account '{account_name}' on '{connector_name}', and this gateway demands them."
            " Set some with PUT /safety/limits, or set unlimited with a reason"
        )


class PreviewOutdated(RequestError):
    """The order is not what its preview showed, or the market is not any more, or the preview is too old to tell."""

    status = 412
    code = "preview_outdated"
    title = "Preview outdated"

    def __init__(self, why: str) -> None:
        super().__init__(f"{why}. Nothing was sent; preview the order again")
