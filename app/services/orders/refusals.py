"""Refusals that name their order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy

from app.domain.errors import Refused
from app.domain.order import Order


def refusal_of(order: Order, refusal: Refused) -> Refused:
    """``refusal`` with the id of ``order``. It is a copy, because orders that waited for the same question share one exception."""
    own = copy(refusal)
    own.order_id = order.order_id
    return own


@contextmanager
def naming(order: Order) -> Iterator[None]:
    """Within it a refusal gets the id of ``order``."""
    try:
        yield
    except Refused as refusal:
        raise refusal_of(order, refusal) from refusal
