"""What only reduces a position: it may pass a halt that is ``reduce_only``, and the limits that exist to stop growth."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from app.domain.decimals import ZERO
from app.domain.enums import TradeType
from app.domain.order import Order
from app.domain.safety.admission import Admission
from app.domain.safety.books import Book, reservation_of


def only_reduces(
    order: Order, book: Book, admission: Admission, held: Callable[[], Decimal], *, is_counted: bool = False
) -> bool:
    """Whether ``order`` surely makes no position larger: the exchange sees to it, or all orders of its side together are no
    larger than the position. ``held`` tells what the account has of the base asset, which on spot can be sold without a position.
    An order that ``is_counted`` is among the book's orders already.
    """
    if admission.reduces_only:
        return True
    reserved = reservation_of(order)
    if reserved is None or not reserved.amount:
        return False
    more = ZERO if is_counted else reserved.amount
    if order.trade_type is TradeType.BUY:
        return admission.can_short and book.buys + more <= -book.standing.net
    selling = book.sells + more
    return selling <= book.standing.net or (not admission.can_short and selling <= held())
