"""What limits must know of an order before its intent is written: prices to compare it with, and what it may do to a position.

Limits are decided in the journal's transaction, where nobody can wait for an exchange. So prices are fetched before, if a limit
asks for them, and carried along; the transaction refuses to decide without them, and says which it needs (``Missing``). With
nothing set, nothing is fetched. A MARKET order under a collar becomes a limit order at the collar that takes what it can and never
rests, where the exchange has such orders; elsewhere the book tells how far the order would go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from decimal import Decimal
from functools import partial
from typing import TypeVar

from msgspec import Struct, structs

from app.clock import Clock
from app.connectors.base import Connector
from app.connectors.registry import environments
from app.domain.decimals import ZERO
from app.domain.enums import Environment, OrderType, PositionAction, TimeInForce, TradeType
from app.domain.errors import CountdownMissing, OrdergateError, ReferencePriceMissing
from app.domain.markets.order_book import middle_price, sweep_quote_volume, sweep_volume, taken_side
from app.domain.order import Order, OrderRequest
from app.domain.safety.admission import Admission, Missing
from app.domain.safety.collar import Band, Reference, band, edge, is_fresh
from app.domain.safety.limits import Collar, Limits, ReferenceKind
from app.domain.safety.scope import Place
from app.journal.journal import Journal
from app.services.markets.market_data import MarketData
from app.services.markets.rates import Rates
from app.services.markets.rules import Rules
from app.services.orders.countdowns import Countdowns
from app.settings import Settings

T = TypeVar("T")

#: How often the limits may change, or prices grow old, between fetching and deciding.
_ATTEMPTS = 3
#: Levels of a book that tell how far a MARKET order goes.
_DEPTH = 1000


class Admitted(Struct, frozen=True, kw_only=True):
    """An order's terms as they are sent under the limits, and what the limits must know. ``reserved_price`` is what they take for
    the price of a MARKET order.
    """

    request: OrderRequest
    admission: Admission
    reserved_price: Decimal | None = None


class Admissions:
    """Finds out what limits must know."""

    def __init__(
        self,
        *,
        journal: Journal,
        market_data: MarketData,
        rates: Rates,
        rules: Rules,
        countdowns: Countdowns,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._countdowns = countdowns
        self._market_data = market_data
        self._rules = rules
        self._needs_limits = settings.require_limits
        self._rate_oracle = rates
        self._environments = environments(settings)
        self._clock = clock

    async def write(
        self,
        request: OrderRequest,
        connector: Connector,
        key_id: str | None,
        write: Callable[[Admitted], Awaitable[T]],
    ) -> T:
        """Do ``write`` with what limits must know of ``request``, and again with the prices that it finds missing, or once the
        exchange has started the countdown of a dead-man's switch.

        Raises ``ReferencePriceMissing`` or ``CountdownMissing`` if they can't be had, and what ``write`` raises.
        """
        missing: Missing | None = None
        failure: OrdergateError | None = None
        for _ in range(_ATTEMPTS):
            admitted = await self._admitted(request, connector, key_id, missing)
            try:
                return await write(admitted)
            except Missing as error:
                missing, failure = error, ReferencePriceMissing(str(error))
            except CountdownMissing as error:
                failure = error
                await self._countdowns.cover(request.account, request.trading_pair)
        assert failure is not None, "each attempt but the last has failed"
        raise failure

    async def write_again(self, order: Order, connector: Connector, write: Callable[[Admission], Awaitable[T]]) -> T:
        """The same for another attempt of ``order``, whose terms stay as they are."""

        async def again(admitted: Admitted) -> T:
            return await write(admitted.admission)

        return await self.write(_request_of(order), connector, order.key_id, again)

    def is_live(self, connector_name: str) -> bool:
        """Whether orders on the connector are for real money."""
        return self._environments.get(connector_name, Environment.LIVE) is Environment.LIVE

    # -- what is known --------------------------------------------------------------------------------------------------

    async def _admitted(
        self, request: OrderRequest, connector: Connector, key_id: str | None, missing: Missing | None
    ) -> Admitted:
        admission = market_of(request, connector)
        if self._needs_limits and self.is_live(connector.name):
            admission = structs.replace(admission, needs_limits=True)
        place = Place(request.account_name, request.connector_name, request.trading_pair, key_id)
        sets = self._journal.known_safety.covering(place)
        if not sets and missing is None:
            return Admitted(request=request, admission=admission)
        collars = [each.limits.price_collar for each in sets if each.limits.price_collar is not None]
        kinds = {collar.reference for collar in collars} | (set() if missing is None else missing.references)
        tick = (await self._rules.rule(request.connector_name, request.trading_pair)).min_price_increment
        admission = structs.replace(
            admission,
            tick=tick,
            references=await self._references(request, kinds),
            rates=await self.rates(() if missing is None else missing.currencies),
            leverage=await self._leverage(request, connector, any(each.limits.max_leverage for each in sets)),
        )
        if request.order_type is not OrderType.MARKET:
            return Admitted(request=request, admission=admission)
        limited = _at_the_collar(request, connector, collars, admission, self._clock)
        if limited is not None:
            return Admitted(request=limited, admission=admission)
        needs_price = bool(collars) or any(_counts_by_price(each.limits, request) for each in sets)
        if not needs_price and (missing is None or not missing.price):
            return Admitted(request=request, admission=admission)
        worst = await self._worst_price(request)
        return Admitted(request=request, admission=structs.replace(admission, worst_price=worst), reserved_price=worst)

    async def _references(
        self, request: OrderRequest, kinds: Iterable[ReferenceKind]
    ) -> Mapping[ReferenceKind, Reference]:
        found: dict[ReferenceKind, Reference] = {}
        for kind in kinds:
            reference = await _or_none(partial(self._reference, kind, request.connector_name, request.trading_pair))
            if reference is not None:
                found[kind] = reference
        return found

    async def _reference(self, kind: ReferenceKind, connector_name: str, trading_pair: str) -> Reference | None:
        if kind == "mid":
            book = await self._market_data.order_book(connector_name, trading_pair, 1)
            middle = middle_price(book)
            return None if middle is None else Reference(price=middle, at=book.reported_at)
        if kind == "last":
            ticker = await self._market_data.ticker(connector_name, trading_pair)
            return Reference(price=ticker.price, at=ticker.reported_at)
        asked_at = self._clock.now()
        info = await self._market_data.funding_info(connector_name, trading_pair)
        price = info.mark_price if kind == "mark" else info.index_price
        return None if price is None else Reference(price=price, at=asked_at)

    async def rates(self, currencies: Iterable[str]) -> Mapping[str, Decimal]:
        """What a unit of each of ``currencies`` is worth in dollars, by the operator's source of rates. What has no rate is left
        out.
        """
        pairs = {f"{currency}-USD{end}": currency for currency in currencies for end in ("T", "C", "")}
        if not pairs:
            return {}
        config = await self._rate_oracle.config()
        rates = await _or_none(partial(self._rate_oracle.oracle_rates, config, list(pairs)))
        found: dict[str, Decimal] = {}
        for pair, currency in pairs.items():
            rate = None if rates is None else rates.get(pair)
            if rate is not None and rate > ZERO:
                found.setdefault(currency, rate)
        return found

    async def _leverage(self, request: OrderRequest, connector: Connector, is_limited: bool) -> Decimal | None:
        """The leverage of the pair's position, where a limit asks for it; None on spot, and where there is no position."""
        if not is_limited or not connector.capabilities.is_perpetual:
            return None
        positions = await connector.fetch_positions()
        known = [each.leverage for each in positions if each.trading_pair == request.trading_pair and each.leverage]
        return max(known, default=None)

    async def _worst_price(self, request: OrderRequest) -> Decimal | None:
        """Where a MARKET order would end in the book as it is; None if the book does not hold so much."""
        book = await _or_none(
            partial(self._market_data.order_book, request.connector_name, request.trading_pair, _DEPTH)
        )
        if book is None:
            return None
        levels = taken_side(book, is_buy=request.trade_type is TradeType.BUY)
        if request.amount is not None:
            sweep = sweep_volume(levels, request.amount)
        else:
            sweep = sweep_quote_volume(levels, request.quote_amount or ZERO)
        return sweep.last_price if sweep.is_complete else None


def market_of(order: OrderRequest | Order, connector: Connector) -> Admission:
    """What the exchange does with the order's position. Where it has reduce-only orders, closing ones are such."""
    capabilities = connector.capabilities
    closes = order.reduce_only or order.position_action is PositionAction.CLOSE
    return Admission(
        can_short=capabilities.is_perpetual,
        reduces_only=closes and capabilities.is_perpetual and capabilities.reduce_only,
    )


def _at_the_collar(
    request: OrderRequest, connector: Connector, collars: Iterable[Collar], admission: Admission, clock: Clock
) -> OrderRequest | None:
    """A MARKET order as a limit order at the narrowest collar; None if no collar bounds it, or the exchange has no such orders."""
    if TimeInForce.IOC not in connector.capabilities.times_in_force or request.amount is None:
        return None
    allowed = Band()
    for collar in collars:
        reference = admission.references.get(collar.reference)
        if reference is None or not is_fresh(reference, collar, clock.now()):
            raise ReferencePriceMissing(f"{collar.reference} price of {request.trading_pair}")
        allowed = allowed.within(
            band(collar, reference, request.trade_type, tick=admission.tick, reduces=admission.reduces_only)
        )
    price = edge(allowed, request.trade_type, admission.tick)
    if price is None:
        return None
    return structs.replace(request, order_type=OrderType.LIMIT, price=price, time_in_force=TimeInForce.IOC)


def _request_of(order: Order) -> OrderRequest:
    return OrderRequest(
        account_name=order.account_name,
        connector_name=order.connector_name,
        trading_pair=order.trading_pair,
        trade_type=order.trade_type,
        order_type=order.order_type,
        amount=order.amount,
        price=order.price,
        quote_amount=order.quote_amount,
        position_action=order.position_action,
        time_in_force=order.time_in_force,
        reduce_only=order.reduce_only,
    )


def _counts_by_price(limits: Limits, request: OrderRequest) -> bool:
    """Whether ``limits`` can't count a MARKET order without a price."""
    counts_amounts = limits.max_position is not None or limits.max_order_amount is not None
    return limits.counts_values or (counts_amounts and request.amount is None)


async def _or_none(ask: Callable[[], Awaitable[T]]) -> T | None:
    """The answer, or None where the exchange has none now: what needs it is then refused."""
    try:
        return await ask()
    except OrdergateError:
        return None
