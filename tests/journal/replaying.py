"""An order from its events alone: what ``Reader.find_order`` must equal at any moment."""

from __future__ import annotations

from sqlalchemy import select

from app.domain.order import Order, OrderKey
from app.journal.reading.reader import Reader
from app.journal.rows import decode_event, decode_start
from app.storage.tables import EVENTS, ORDERS


def replay(reader: Reader, key: OrderKey) -> Order | None:
    """The order that its events make, applied one after another to the order as it began; None without events."""
    number = (
        select(ORDERS.c.id)
        .where(ORDERS.c.account_name == key.account_name)
        .where(ORDERS.c.connector_name == key.connector_name)
        .where(ORDERS.c.order_id == key.order_id)
        .scalar_subquery()
    )
    query = select(EVENTS.c.payload).where(EVENTS.c.order_number == number).order_by(EVENTS.c.seq)
    payloads = [row.payload for row in reader.database.rows(query)]
    if not payloads:
        return None
    order = decode_start(payloads[0])
    for payload in payloads[1:]:
        order = order.apply(decode_event(payload))
    return order
