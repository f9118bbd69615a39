"""The connector classes of the family, made of its rows."""

from __future__ import annotations

from functools import cache

from app.connectors.capabilities import ANY_COUNTDOWN, Capabilities
from app.connectors.ccxt.connector import CcxtConnector
from app.connectors.ccxt.countdown import AccountCountdown
from app.connectors.ccxt.exchanges import ROWS
from app.connectors.ccxt.markets import PAGE
from app.connectors.ccxt.perpetual import CcxtPerpetual
from app.connectors.ccxt.row import Row
from app.domain.enums import PositionMode


@cache
def family_class(name: str) -> type[CcxtConnector]:
    """The connector class of the row ``name``."""
    return class_of(ROWS[name])


def class_of(row: Row) -> type[CcxtConnector]:
    """The connector class of ``row``."""
    parents: tuple[type, ...] = (CcxtPerpetual if row.is_perpetual else CcxtConnector,)
    if row.countdown is not None:
        parents = (AccountCountdown, *parents)
    capabilities = Capabilities(
        order_types=row.order_types,
        times_in_force=row.times_in_force,
        reduce_only=row.is_perpetual,
        quote_amount=row.market_buy_in == "quote",
        is_perpetual=row.is_perpetual,
        position_modes=(PositionMode.ONEWAY,) if row.is_perpetual else (),
        wire_id=row.wire_id,
        client_id_pattern=row.client_id_pattern,
        open_orders_by_pair=row.open_orders_by_pair,
        asks_together=row.asks_together,
        countdown="none" if row.countdown is None else "account",
        countdown_seconds=row.countdown or ANY_COUNTDOWN,
        absence_grace=None if row.settles == "by_operator" else row.listing_lag,
        candles_page=PAGE,
        settles=row.settles,
        stream="poll",
        market_buy_in=(row.market_buy_in,),
        proof=row.proof,
    )
    members = {
        "__doc__": f"One account on {row.title}.",
        "name": row.name,
        "row": row,
        "capabilities": capabilities,
        "credential_fields": row.fields,
    }
    return type(row.name, parents, members)
