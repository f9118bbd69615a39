"""Previewing: what placing an order would come to at this moment. It runs what placing runs (``preparing``), up to the intent,
which is weighed in the journal's transaction instead of written. Nothing is written and nothing is sent but questions.

What only the exchange knows is asked for: the book, the fees, what the account holds. A fact that can't be had is left out and
named in ``unknown``; no fact is guessed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from msgspec import Struct, structs

from app.clock import Clock
from app.connectors.base import Connector
from app.domain.decimals import EXACT, ZERO, normal, plain
from app.domain.enums import OrderType, PositionAction, TradeType
from app.domain.errors import (
    ExchangeReadFailed,
    InsufficientBalance,
    OrdergateError,
    Refused,
    UnsupportedFeature,
    WouldTake,
)
from app.domain.markets.estimate import Fee, Taking, fee_of, notional_of, take
from app.domain.order import Order, OrderRequest
from app.domain.reports import OrderBook
from app.domain.safety.admission import Admission, Measured
from app.domain.safety.collar import Band, band, is_fresh
from app.journal.records import Weighed
from app.journal.units.guard import Guard
from app.metrics import Metrics
from app.services.markets.market_data import MarketData
from app.services.orders.checks import check_replay, check_unchanged
from app.services.orders.preparing import Preparing
from app.services.orders.preview_tokens import Issued, PreviewTokens, around
from app.services.orders.recorder import Recorder
from app.services.sessions import Sessions
from app.settings import Settings

T = TypeVar("T")

#: Levels of a book: as many as are cheap to ask for, and then as many as exchanges have.
_SHALLOW, _DEEP = 100, 1000


class Funds(Struct, frozen=True, kw_only=True):
    """What an order takes of the account: ``needed`` of ``asset``, on perpetuals its initial margin at ``leverage``."""

    asset: str
    needed: Decimal
    available: Decimal | None
    leverage: Decimal | None = None


class Holding(Struct, frozen=True, kw_only=True):
    """What the account has of the base asset, or as a position (negative is short), before the order and after it is filled."""

    before: Decimal
    after: Decimal


class Preview(Struct, frozen=True, kw_only=True):
    """What placing ``order`` would come to. ``refusals`` are all that placing would give, ``replays`` the earlier order that it
    would answer with. ``token`` binds placing to this, where nothing speaks against it.
    """

    request: OrderRequest
    sendable: OrderRequest | None = None
    order: Order | None = None
    as_of_seq: int | None = None
    refusals: tuple[OrdergateError, ...] = ()
    replays: Order | None = None
    book_at: datetime | None = None
    taking: Taking | None = None
    notional: Decimal | None = None
    fee: Fee | None = None
    funds: Funds | None = None
    holding: Holding | None = None
    #: What the exchange would probably refuse the order for.
    foreseen: tuple[OrdergateError, ...] = ()
    limits: tuple[Measured, ...] = ()
    needs_approval: bool = False
    collar: Band | None = None
    allowed: Band | None = None
    token: Issued | None = None
    is_checked_by_exchange: bool = False
    unknown: tuple[str, ...] = ()


class Previews:
    """The verb preview."""

    def __init__(
        self,
        *,
        preparing: Preparing,
        recorder: Recorder,
        sessions: Sessions,
        market_data: MarketData,
        tokens: PreviewTokens,
        metrics: Metrics,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._preparing = preparing
        self._recorder = recorder
        self._sessions = sessions
        self._market_data = market_data
        self._tokens = tokens
        self._metrics = metrics
        self._timeout = settings.exchange_timeout
        self._clock = clock

    async def preview(
        self, request: OrderRequest, guard: Guard, *, asks_exchange: bool, objections: Sequence[OrdergateError] = ()
    ) -> Preview:
        """What placing ``request`` would come to, with ``objections`` that are known already. With ``asks_exchange`` the exchange
        checks the order, too.

        Raises what is wrong with the account or the connector, as placing does, and ``UnsupportedFeature`` where the exchange
        checks no orders.
        """
        connector = await self._sessions.connector(request.account)
        if asks_exchange and not connector.has_verb("check_order"):
            raise UnsupportedFeature(f"Connector '{connector.name}' does not check orders: leave exchange_check out")
        found = await self._found(request, connector, guard)
        found = structs.replace(found, refusals=(*objections, *found.refusals))
        order = found.order
        if order is not None:
            found = await self._estimated(found, order, connector)
            if asks_exchange:
                found = await _checked(found, order, connector)
            found = _with_foreseen(found)
            found = self._with_token(found)
        self._metrics.count_outcome(connector.name, "preview", "refused" if found.refusals else "accepted")
        return found

    # -- what placing does ----------------------------------------------------------------------------------------------

    async def _found(self, request: OrderRequest, connector: Connector, guard: Guard) -> Preview:
        """The terms, what speaks against them, and the limits."""
        refusals: list[OrdergateError] = []
        try:
            earlier = await self._preparing.earlier(request)
            if earlier is not None:
                check_replay(request, earlier, now=self._clock.now(), deadline=earlier.attempted_at + self._timeout)
                if not earlier.is_retryable:
                    return Preview(request=request, replays=earlier)
            sendable = await self._preparing.checked(request, connector)
            if earlier is not None:
                check_unchanged(sendable, earlier)
        except OrdergateError as error:
            return Preview(request=request, refusals=(error,))
        try:
            connector.check_available()
        except OrdergateError as error:
            refusals.append(error)

        async def weigh(
            order: Order, *, credentials_version: int | None, guard: Guard, admission: Admission
        ) -> tuple[Weighed, Admission]:
            weighed = await self._recorder.weigh(
                order, credentials_version=credentials_version, guard=guard, admission=admission
            )
            return weighed, admission

        try:
            _, (weighed, admission) = await self._preparing.write(connector, sendable, guard, request.terms(), weigh)
        except OrdergateError as error:
            return Preview(request=request, refusals=(*refusals, error))
        if not weighed.is_new:
            # It was placed at this moment.
            return Preview(request=request, replays=weighed.order)
        collar = _collar(weighed, admission, self._clock)
        return Preview(
            request=request,
            sendable=sendable,
            order=weighed.order,
            as_of_seq=weighed.as_of_seq,
            refusals=(*refusals, *weighed.objections),
            limits=weighed.measured,
            needs_approval=weighed.needs_approval,
            collar=collar,
        )

    # -- what the exchange knows ----------------------------------------------------------------------------------------

    async def _estimated(self, found: Preview, order: Order, connector: Connector) -> Preview:
        """``found`` with what the exchange's book, fees and balances make of it."""
        unknown: list[str] = []
        book, rates, balances, leverage, before = await asyncio.gather(
            _known("order_book", unknown, lambda: self._book(order)),
            _known("fee", unknown, lambda: connector.fetch_fee_rates(order.trading_pair, order.trade_type)),
            _known("balances", unknown, connector.fetch_balances),
            _known("leverage", unknown, lambda: _leverage(order, connector)),
            _known("positions", unknown, lambda: _position(order, connector)),
        )
        is_perpetual = connector.capabilities.is_perpetual
        taking = None if book is None else take(order, book)
        notional = notional_of(order, taking)
        funds = None
        if balances is not None:
            base = order.trading_pair.partition("-")[0]
            available = {each.asset: each.available for each in balances}
            funds = _funds(order, notional, leverage, available, is_perpetual=is_perpetual)
            if not is_perpetual:
                before = sum((each.total for each in balances if each.asset == base), ZERO)
        allowed = found.collar
        if allowed is None and taking is not None and taking.best_price is not None:
            allowed = around(taking.best_price)
        return structs.replace(
            found,
            book_at=None if book is None else book.reported_at,
            taking=taking,
            notional=notional,
            fee=None if rates is None or taking is None else fee_of(order, taking, rates, is_perpetual=is_perpetual),
            funds=funds,
            holding=None if before is None else _holding(order, taking, before),
            foreseen=_foreseen(order, taking, funds),
            allowed=allowed,
            unknown=tuple(unknown),
        )

    def _with_token(self, found: Preview) -> Preview:
        """``found`` with a token, where nothing speaks against it and there is a band to hold it to."""
        if found.refusals or found.allowed is None or found.sendable is None:
            return found
        return structs.replace(found, token=self._tokens.issue(found.request, found.sendable, found.allowed))

    async def _book(self, order: Order) -> OrderBook:
        book = await self._market_data.order_book(order.connector_name, order.trading_pair, _SHALLOW)
        side = book.asks if order.trade_type is TradeType.BUY else book.bids
        if len(side) >= _SHALLOW and not take(order, book).is_complete:
            return await self._market_data.order_book(order.connector_name, order.trading_pair, _DEEP)
        return book


async def _known(name: str, unknown: list[str], ask: Callable[[], Awaitable[T]]) -> T | None:
    """The answer; None, and a line in ``unknown``, where the exchange has none now or never has one."""
    try:
        return await ask()
    except OrdergateError as error:
        unknown.append(f"{name}: {error.detail}")
        return None


async def _leverage(order: Order, connector: Connector) -> Decimal | None:
    return await connector.fetch_leverage(order.trading_pair) if connector.capabilities.is_perpetual else None


async def _position(order: Order, connector: Connector) -> Decimal | None:
    """The pair's position on a perpetual; of two that are hedged, what is left of them together."""
    if not connector.capabilities.is_perpetual:
        return None
    positions = await connector.fetch_positions()
    return sum((each.amount for each in positions if each.trading_pair == order.trading_pair), ZERO)


async def _checked(found: Preview, order: Order, connector: Connector) -> Preview:
    """``found`` with the exchange's own judgement."""
    try:
        await connector.check_order(order)
    except Refused as refusal:
        return structs.replace(found, refusals=(*found.refusals, refusal), is_checked_by_exchange=True)
    except ExchangeReadFailed as error:
        return structs.replace(found, unknown=(*found.unknown, f"exchange_check: {error.detail}"))
    return structs.replace(found, is_checked_by_exchange=True)


def _with_foreseen(found: Preview) -> Preview:
    """``found`` with what was foreseen, unless the exchange has said it in its own words."""
    said = {each.code for each in found.refusals}
    more = [each for each in found.foreseen if each.code not in said]
    return structs.replace(found, refusals=(*found.refusals, *more))


def _foreseen(order: Order, taking: Taking | None, funds: Funds | None) -> tuple[OrdergateError, ...]:
    """What the exchange would say, by its book and balances as they are."""
    found: list[OrdergateError] = []
    if order.order_type is OrderType.LIMIT_MAKER and taking is not None and taking.would_cross:
        found.append(WouldTake("The order would trade at once"))
    if funds is not None and funds.available is not None and funds.needed > funds.available and not _closes(order):
        needed, available = plain(funds.needed), plain(funds.available)
        found.append(InsufficientBalance(f"{needed} {funds.asset} would be needed, {available} are available"))
    return tuple(found)


def _collar(weighed: Weighed, admission: Admission, clock: Clock) -> Band | None:
    """The prices that all collars allow; None without a collar, or without its reference."""
    allowed, now = Band(), clock.now()
    for each in weighed.limit_sets:
        collar = each.limits.price_collar
        if collar is None:
            continue
        reference = admission.references.get(collar.reference)
        if reference is None or not is_fresh(reference, collar, now):
            return None
        allowed = allowed.within(
            band(collar, reference, weighed.order.trade_type, tick=admission.tick, reduces=admission.reduces_only)
        )
    return None if allowed == Band() else allowed


def _closes(order: Order) -> bool:
    return order.reduce_only or order.position_action is PositionAction.CLOSE


def _funds(
    order: Order,
    notional: Decimal | None,
    leverage: Decimal | None,
    available: Mapping[str, Decimal | None],
    *,
    is_perpetual: bool,
) -> Funds | None:
    """What the order takes; None where that depends on what is not known."""
    base, _, quote = order.trading_pair.partition("-")
    if is_perpetual:
        if notional is None or leverage is None:
            return None
        margin = ZERO if _closes(order) else normal(EXACT.divide(notional, leverage))
        return Funds(asset=quote, needed=margin, available=available.get(quote, ZERO), leverage=leverage)
    if order.trade_type is TradeType.BUY:
        return None if notional is None else Funds(asset=quote, needed=notional, available=available.get(quote, ZERO))
    if order.amount is None:
        return None
    return Funds(asset=base, needed=order.amount, available=available.get(base, ZERO))


def _holding(order: Order, taking: Taking | None, before: Decimal) -> Holding | None:
    """Before the order and after all of it is filled."""
    amount = order.amount
    if amount is None:
        if taking is None or not taking.is_complete:
            return None
        amount = taking.amount
    after = before + amount if order.trade_type is TradeType.BUY else before - amount
    if _closes(order) and before * after < ZERO:
        after = ZERO
    return Holding(before=before, after=after)
