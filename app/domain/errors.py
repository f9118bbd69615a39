"""Everything that can go wrong on purpose, as one tree ordered by what the caller should do next.

    OrdergateError
    ├── RequestError                nothing was sent, the caller must change something
    │   ├── UnreadableBody              400  the body is not JSON in UTF-8
    │   ├── SchemaViolation             422  the body or a parameter breaks the schema; carries the list of faults
    │   ├── InvalidClientOrderId        422  the exchange takes no order under this client order id
    │   ├── NotAuthenticated            401  no credentials, or wrong ones
    │   ├── UnknownAccount              404
    │   ├── UnknownConnector            404
    │   ├── ConnectorNotConfigured      404  the account has no credentials for the connector
    │   ├── OrderNotFound               404
    │   ├── MarketDataNotFound          404  the exchange answered, and has nothing of what was asked for
    │   ├── AmbiguousOrder              409  the id names orders of several accounts or connectors
    │   ├── UnsupportedPair             400
    │   ├── UnsupportedOrder            400  an order type or option that the connector does not have
    │   ├── PriceRequired               400
    │   ├── RuleViolation               400  a trading rule is broken
    │   ├── InvalidCursor               400
    │   ├── InvalidArgument             400  any other value that the schema cannot judge
    │   ├── InvalidCredentials          400  credentials that are incomplete, or that the exchange does not take
    │   ├── ActiveOrders                409  what is to be deleted still has active orders
    │   └── IdempotencyConflict         409  the key or id is taken by an order with other terms
    ├── Refused                     the exchange's rules prove that the order was not accepted, or nothing was sent
    │   ├── OrderRefused                400  the exchange refused it
    │   │   ├── InsufficientBalance     400
    │   │   ├── WouldTake               400  a LIMIT_MAKER order would have traded at once
    │   │   └── DuplicateOrderId        400  the exchange has an open order with this id
    │   ├── ChangeRefused               400  the exchange refused to change a setting, such as the leverage
    │   ├── CredentialsRefused          502  the exchange refused our keys
    │   ├── RateLimited                 503  too many requests; says when to come back
    │   └── ExchangeDown                503  the exchange could not be reached, or said that it cannot take the order now
    ├── NotNow                      nothing was sent, the same request may succeed later
    │   ├── RequestInProgress           409  the first request with this key is still running
    │   ├── RulesNotLoaded              503
    │   ├── ShuttingDown                503
    │   └── JournalUnavailable          503  the database did not take the intent, so nothing was sent
    ├── ExchangeReadFailed          a question to the exchange failed; no order is affected
    │   ├── ExchangeReadTimeout         504
    │   └── ExchangeReadError           502
    └── UnsupportedFeature              501  the connector cannot do this at all
        └── UnsupportedConnector            501  the name is known, but this gateway has no connector for it

``status`` is a hint for an HTTP edge, which needs no table of its own. What is *not* in the tree, any exception that nobody
classified, is an unknown outcome once an order call has begun, and a plain fault (500) elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar


class OrdergateError(Exception):
    """The root. ``detail`` is a sentence for the caller and never holds a secret."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"
    retryable: bool = False

    def __init__(self, detail: str, *, order_id: str | None = None, retry_after: timedelta | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.order_id = order_id
        self.retry_after = retry_after


class RequestError(OrdergateError):
    """Nothing was sent and the same request can't succeed: the caller must change something."""

    status = 400
    code = "invalid_request"
    title = "Invalid request"


class UnreadableBody(RequestError):
    """The body is not a JSON document in UTF-8."""

    code = "unreadable_body"
    title = "The body can't be read"


class SchemaViolation(RequestError):
    """The body or a parameter breaks the schema. ``faults`` is the list form ``{type, loc, msg, input}``."""

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
        self.client_order_id, self.connector_name, self.pattern = client_order_id, connector_name, pattern


class NotAuthenticated(RequestError):
    """No credentials, or wrong ones."""

    status = 401
    code = "not_authenticated"
    title = "Not authenticated"


class UnknownAccount(RequestError):
    """There is no such account."""

    status = 404
    code = "unknown_account"
    title = "Account not found"

    def __init__(self, account_name: str) -> None:
        super().__init__(f"Account '{account_name}' not found")


class UnknownConnector(RequestError):
    """There is no connector of that name."""

    status = 404
    code = "unknown_connector"
    title = "Connector not found"


class ConnectorNotConfigured(RequestError):
    """The account holds no credentials for the connector."""

    status = 404
    code = "connector_not_configured"
    title = "Connector not configured"

    def __init__(self, connector_name: str, account_name: str) -> None:
        super().__init__(f"Connector '{connector_name}' not found for account '{account_name}'")


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
    """The connector does not trade the pair."""

    code = "unsupported_pair"
    title = "Trading pair not supported"

    def __init__(self, trading_pair: str, connector_name: str, available: Sequence[str]) -> None:
        shown = list(available[:10])
        more = f" (and {len(available) - 10} more)" if len(available) > 10 else ""
        super().__init__(
            f"Trading pair '{trading_pair}' not supported on {connector_name}. Available pairs: {shown}{more}"
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


class IdempotencyConflict(RequestError):
    """The idempotency key or client order id belongs to an order with other terms."""

    status = 409
    code = "idempotency_conflict"
    title = "Idempotency conflict"


class Refused(OrdergateError):
    """The order surely is not at the exchange: its rules prove it, or nothing was sent."""

    status = 400
    code = "refused"
    title = "Refused"


class OrderRefused(Refused):
    """The exchange refused the order, or the cancel. ``exchange_code`` is its own code, where it has one."""

    code = "order_refused"
    title = "The exchange refused the order"

    def __init__(self, detail: str, *, exchange_code: str | None = None) -> None:
        super().__init__(detail)
        self.exchange_code = exchange_code


class InsufficientBalance(OrderRefused):
    """The account does not hold enough."""

    code = "insufficient_balance"
    title = "Insufficient balance"


class WouldTake(OrderRefused):
    """A LIMIT_MAKER order would have traded at once."""

    code = "would_take"
    title = "The order would trade at once"


class DuplicateOrderId(OrderRefused):
    """The exchange has an open order with this id already."""

    code = "duplicate_order_id"
    title = "Duplicate order id"


class ChangeRefused(Refused):
    """The exchange refused to change a setting of the account: the leverage or the position mode. It is as it was."""

    code = "change_refused"
    title = "The exchange refused the change"


class CredentialsRefused(Refused):
    """The exchange refused our keys, their permissions or our address."""

    status = 502
    code = "credentials_refused"
    title = "The exchange refused the credentials"


class RateLimited(Refused):
    """Too many requests; ``retry_after`` says when to come back."""

    status = 503
    code = "rate_limited"
    title = "Rate limited"
    retryable = True


class ExchangeDown(Refused):
    """The exchange could not be reached before anything was sent, or said that it cannot take the order now."""

    status = 503
    code = "exchange_down"
    title = "Exchange not available"
    retryable = True


class NotNow(OrdergateError):
    """Nothing was sent; the same request may succeed later."""

    status = 503
    code = "not_now"
    title = "Not now"
    retryable = True


class RequestInProgress(NotNow):
    """The first request with this key is still running."""

    status = 409
    code = "request_in_progress"
    title = "Request in progress"


class RulesNotLoaded(NotNow):
    """The connector has not loaded its trading rules yet."""

    code = "rules_not_loaded"
    title = "Trading rules not loaded"

    def __init__(self, connector_name: str) -> None:
        super().__init__(
            f"Trading rules not yet loaded for {connector_name}. Please try again in a moment.",
            retry_after=timedelta(seconds=1),
        )


class ShuttingDown(NotNow):
    """The server is stopping and takes no new orders."""

    code = "shutting_down"
    title = "Shutting down"


class JournalUnavailable(NotNow):
    """The database did not take the intent, so nothing was sent."""

    code = "journal_unavailable"
    title = "Journal not available"


class ExchangeReadFailed(OrdergateError):
    """A question to the exchange failed; no order is affected."""

    status = 502
    code = "exchange_read_failed"
    title = "The exchange did not answer"
    retryable = True


class ExchangeReadTimeout(ExchangeReadFailed):
    """A question to the exchange was not answered in time."""

    status = 504
    code = "exchange_read_timeout"


class ExchangeReadError(ExchangeReadFailed):
    """A question to the exchange was answered with an error."""

    code = "exchange_read_error"


class UnsupportedFeature(OrdergateError):
    """The connector can't do this at all."""

    status = 501
    code = "unsupported_feature"
    title = "Not supported"


class UnsupportedConnector(UnsupportedFeature):
    """The name and credential fields of the connector are known, but this gateway can't trade on it."""

    code = "unsupported_connector"
    title = "Connector not supported"

    def __init__(self, connector_name: str) -> None:
        super().__init__(f"Connector '{connector_name}' is known, but this gateway can't trade on it yet")
