"""Errors of a question to an exchange. They concern no order."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.errors.base import OrdergateError


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


class ExchangeAccountChanged(ExchangeReadFailed):
    """The credentials open another account at the exchange than the one for which they were stored."""

    code = "exchange_account_changed"
    title = "Another account at the exchange"
    retryable = False

    def __init__(self, account_name: str, connector_name: str) -> None:
        super().__init__(
            f"The credentials of account '{account_name}' for '{connector_name}' open another account at the exchange than the"
            " one for which they were stored; nothing is recorded or concluded from its answers"
        )


class UnsupportedFeature(OrdergateError):
    """The connector can't do this at all."""

    status = 501
    code = "unsupported_feature"
    title = "Not supported"


class UnsupportedConnector(UnsupportedFeature):
    """The name and credential fields of the connector are known, but this gateway can't trade on it."""

    code = "unsupported_connector"
    title = "Connector not supported"

    def __init__(self, connector_name: str, able: Sequence[str], reason: str) -> None:
        super().__init__(
            f"Connector '{connector_name}' is known, but this gateway can't trade on it: {reason}",
            hint=f"GET /connectors/ lists those that can trade: {', '.join(able)}",
        )
