"""Refusals: the order surely is not at the exchange. The only errors of a connector that settle an order's fate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from types import MappingProxyType
from typing import Self

from app.domain.errors.base import OrdergateError


class Refused(OrdergateError):
    """The order surely is not at the exchange: its rules prove it, or nothing was sent.

    A refusal that is ``retryable`` passes by itself: where its caller repeats the request, the order may be sent again.
    """

    status = 400
    code = "refused"
    title = "Refused"

    def about(self, order_id: str) -> Self:
        """The refusal with an order's id. It is a copy, because orders that waited for the same question share one exception."""
        own = copy(self)
        own.order_id = order_id
        return own


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

    def __init__(self, detail: str, *, exchange_code: str | None = None) -> None:
        super().__init__(detail, exchange_code=exchange_code)
        self.hint = (
            "Give a price that meets no order of the other side: below the best ask to buy, above the best bid to sell. Or use"
            " order_type LIMIT, which may trade at once"
        )


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
    """Too many requests; the header ``Retry-After`` says when to come back."""

    status = 503
    code = "rate_limited"
    title = "Rate limited"
    retryable = True


class ClockRefused(Refused):
    """The exchange refused the timestamp of the call. Its clock was read anew, and the call is sent once more by itself."""

    status = 503
    code = "clock_refused"
    title = "The exchange refused the timestamp"
    retryable = True


class ExchangeDown(Refused):
    """The exchange could not be reached before anything was sent, or said that it cannot take the order now."""

    status = 503
    code = "exchange_down"
    title = "Exchange not available"
    retryable = True


class Halted(Refused):
    """Trading is halted where the order belongs. Nothing was sent; the same request may be tried again after the resume."""

    status = 409
    code = "halted"
    title = "Trading is halted"
    retryable = True


class DeadManDue(Refused):
    """The account's dead-man's switch is about to fire, or has fired and is still cancelling what was there. Nothing was sent; the
    same request may be tried again once the switch is renewed and `quiet`.
    """

    status = 409
    code = "dead_man_due"
    title = "The dead-man's switch has not been renewed"
    retryable = True

    def __init__(self, detail: str) -> None:
        super().__init__(
            detail, hint="GET /safety/dead-man tells what is left; PUT /safety/dead-man renews or arms the switch"
        )


class CountdownMissing(Refused):
    """The exchange holds the account's dead-man's switch, and the pair's countdown could not be started there. Nothing was sent;
    the same request may be tried again.
    """

    status = 503
    code = "countdown_missing"
    title = "The exchange did not start its countdown"
    retryable = True


def _kinds(root: type[Refused]) -> Iterator[type[Refused]]:
    for kind in root.__subclasses__():
        yield kind
        yield from _kinds(kind)


#: Every kind of refusal by its code, which is stored with the order that it refused.
REFUSALS: Mapping[str, type[Refused]] = MappingProxyType({kind.code: kind for kind in _kinds(Refused)})
