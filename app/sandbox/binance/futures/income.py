"""An account's ``income``: funding payments, realized results and fees. Used on the exchange's thread."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.domain.decimals import ZERO
from app.domain.enums import PositionSide
from app.paper.market import tick_of
from app.paper.orders import PaperFill
from app.paper.perpetual.exchange import SETTLEMENT
from app.paper.perpetual.orders import PaperFunding, PerpetualFill
from app.sandbox.binance.futures.venue import FuturesVenue, perpetual_fill
from app.sandbox.binance.numbers import wire
from app.sandbox.binance.symbols import Symbols, symbol_of
from app.sandbox.times import milliseconds

FUNDING, PROFIT, FEE = "FUNDING_FEE", "REALIZED_PNL", "COMMISSION"

#: All types that can be asked for; this market has the first three only.
INCOME_TYPES = (FUNDING, PROFIT, FEE, "TRANSFER", "WELCOME_BONUS", "INSURANCE_CLEAR", "COIN_SWAP_DEPOSIT")

#: A funding payment's number is made of its second, its pair and its side; this is the maximum number of pairs.
_MAX_PAIRS = 1_000
_SIDES = tuple(PositionSide)

Row = dict[str, Any]


def income(
    venue: FuturesVenue,
    account: str,
    *,
    trading_pair: str | None,
    kind: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> list[Row]:
    """The first ``limit`` rows from ``since`` to ``until``, oldest first, of one pair and one ``kind`` if they are given."""
    rows: list[Row] = []
    if kind in (None, FUNDING):
        fundings = venue.exchange.funding_payments(
            account, trading_pair=trading_pair, since=since, until=until, limit=limit
        )
        rows += [_funding(each, venue.symbols) for each in fundings]
    if kind in (None, PROFIT, FEE):
        # Some fills make no row of a kind, so reading only ``limit`` fills would be too few.
        rows += _of_fills(_fills(venue, account, trading_pair, since, until), kind, venue.symbols)
    return sorted(rows, key=_moment)[:limit]


def _fills(
    venue: FuturesVenue, account: str, trading_pair: str | None, since: datetime | None, until: datetime | None
) -> Iterable[PaperFill]:
    """All fills of the time range, read page by page."""
    after = 0
    while found := venue.exchange.fills(account, trading_pair=trading_pair, since=since, until=until, after_id=after):
        yield from found
        after = found[-1].fill_id


def _of_fills(fills: Iterable[PaperFill], kind: str | None, symbols: Symbols) -> Iterable[Row]:
    for each in fills:
        fill = perpetual_fill(each)
        if kind in (None, PROFIT) and fill.realized_pnl != ZERO:
            yield _of_fill(fill, PROFIT, fill.realized_pnl, symbols)
        if kind in (None, FEE) and fill.fee != ZERO:
            yield _of_fill(fill, FEE, -fill.fee, symbols)


def _of_fill(fill: PerpetualFill, kind: str, amount: Decimal, symbols: Symbols) -> Row:
    number = symbols.wire_id(fill.trading_pair, fill.fill_id)
    return {
        "symbol": symbol_of(fill.trading_pair),
        "incomeType": kind,
        "income": wire(amount),
        "asset": fill.fee_currency,
        "time": milliseconds(fill.filled_at),
        "info": str(number),
        "tranId": fill.fill_id,
        "tradeId": str(number),
    }


def _funding(funding: PaperFunding, symbols: Symbols) -> Row:
    place = symbols.wire_id(funding.trading_pair, 0)
    number = (tick_of(funding.paid_at) * _MAX_PAIRS + place) * len(_SIDES) + _SIDES.index(funding.side)
    return {
        "symbol": symbol_of(funding.trading_pair),
        "incomeType": FUNDING,
        "income": wire(funding.payment),
        "asset": SETTLEMENT,
        "time": milliseconds(funding.paid_at),
        "info": FUNDING,
        "tranId": number,
        "tradeId": "",
    }


def _moment(row: Row) -> int:
    at: int = row["time"]
    return at
