"""The matches of an incoming order: price-time priority over users' orders and the synthetic depth.

Pure: ``plan`` changes nothing, so that funds, fill-or-kill and post-only are checked before anything happens. At one price the
synthetic depth, which is as old as its tick, comes after users' orders from before the tick and before those placed in it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from app.domain.decimals import ZERO
from app.domain.enums import TradeType
from app.paper.market import Level
from app.paper.orders import NewOrder, PaperOrder

#: (price, made negative on the bid side; 0 older user orders, 1 the synthetic depth, 2 younger user orders; order id).
_Rank = tuple[Decimal, int, int]


@dataclass(frozen=True, slots=True)
class Match:
    """One counterparty: a user's resting order, or the synthetic depth where ``maker`` is None."""

    maker: PaperOrder | None
    price: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Plan:
    """What an incoming order gets: ``complete`` if all of it is filled, ``met_own`` if it met an order of its account."""

    matches: tuple[Match, ...]
    complete: bool
    met_own: bool
    amount: Decimal
    cost: Decimal


def plan(new: NewOrder, makers: Iterable[PaperOrder], levels: Iterable[Level], *, step: Decimal, tick: int) -> Plan:
    """Walk the opposite side of the book for ``new`` as far as its price and size go.

    ``makers`` and ``levels`` are the opposite side's, best price first. A quote amount is spent level by level in whole ``step``s,
    until the rest buys less than one step.
    """
    is_buy = new.trade_type is TradeType.BUY
    matches: list[Match] = []
    amount = cost = ZERO
    complete = met_own = False
    for match in offers(makers, levels, is_buy, tick):
        if new.price is not None and (match.price > new.price if is_buy else match.price < new.price):
            break
        if match.maker is not None and match.maker.account == new.account:
            met_own = True
            break
        wanted = _wanted(new, amount, cost, match.price, step)
        if wanted > ZERO:
            got = min(wanted, match.amount)
            matches.append(Match(match.maker, match.price, got))
            amount, cost = amount + got, cost + got * match.price
        if wanted <= match.amount:
            complete = True
            break
    return Plan(tuple(matches), complete and amount > ZERO, met_own, amount, cost)


def _wanted(new: NewOrder, amount: Decimal, cost: Decimal, price: Decimal, step: Decimal) -> Decimal:
    """The amount that the order still takes at ``price``."""
    if new.amount is not None:
        return new.amount - amount
    assert new.quote_amount is not None
    return (new.quote_amount - cost) // (price * step) * step


def offers(makers: Iterable[PaperOrder], levels: Iterable[Level], is_asks: bool, tick: int) -> Iterator[Match]:
    """Everything on one side of the book, in the order of matching."""
    sign = 1 if is_asks else -1
    users = (
        ((sign * maker.limit, 0 if maker.placed_tick < tick else 2, maker.exchange_order_id), maker) for maker in makers
    )
    depth = (((sign * level.price, 1, 0), level) for level in levels)
    merged: Iterator[tuple[_Rank, PaperOrder | Level]] = heapq.merge(users, depth, key=lambda ranked: ranked[0])
    for _, offer in merged:
        if isinstance(offer, Level):
            yield Match(None, offer.price, offer.amount)
        else:
            yield Match(offer, offer.limit, offer.remaining)
