"""The paper exchange's perpetuals as a connector: leverage, positions, funding and liquidation with play money.

The rest is the spot connector's. An order says in the terms of the account's position mode whether it opens or closes; the mode is
read from the exchange for each order and not cached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar, TypeVar

from app.clock import Clock
from app.connectors.base import ConnectorContext
from app.connectors.capabilities import Capabilities, CredentialField
from app.connectors.paper.credentials import STARTING_BALANCES
from app.connectors.paper.reports import new_order_of, rule_of
from app.connectors.paper.spot import PaperConnector
from app.connectors.paper.venue import refusals, store_url
from app.domain.decimals import normal
from app.domain.enums import OrderType, PositionAction, PositionMode, TimeInForce
from app.domain.errors import OrderRefused
from app.domain.markets.trading_rule import TradingRule
from app.domain.order import Order
from app.domain.reports import FundingInfo, FundingPayment, Position
from app.paper.exchange import PAGE
from app.paper.pairs import Pair
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.paper.perpetual.orders import NewPerpetualOrder, PaperFunding, PositionView, position_side
from app.settings import Settings

Answer = TypeVar("Answer")


def perpetual_rule_of(pair: Pair) -> TradingRule:
    return replace(rule_of(pair), sell_order_collateral_token=pair.quote, notional_applies_to_reduce_only=False)


class PaperPerpetualConnector(PaperConnector):
    """One margin account on the paper exchange, under the gateway's name for it."""

    name = "paper_perpetual"
    capabilities: ClassVar[Capabilities] = Capabilities(
        order_types=(OrderType.LIMIT, OrderType.MARKET, OrderType.LIMIT_MAKER),
        times_in_force=(TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK),
        reduce_only=True,
        is_perpetual=True,
        position_modes=(PositionMode.ONEWAY, PositionMode.HEDGE),
        # As on spot: a submit begins before its deadline or never.
        absence_grace=timedelta(seconds=2),
        candles_page=PaperConnector.capabilities.candles_page,
    )
    credential_fields: ClassVar[Mapping[str, CredentialField]] = {
        STARTING_BALANCES: CredentialField(
            type="str",
            required=False,
            help="Play money to open the account with, such as USDT:1000; a hundred thousand dollars by default",
        ),
    }

    _rule_of = staticmethod(perpetual_rule_of)

    def __init__(self, context: ConnectorContext) -> None:
        super().__init__(context)
        exchange = self._exchange
        assert isinstance(exchange, PaperPerpetualExchange), "perpetuals live on the venue that open_venue made"
        self._perpetuals = exchange

    @classmethod
    def _open_exchange(cls, settings: Settings, clock: Clock) -> PaperPerpetualExchange:
        url = store_url(settings, "paper_perpetual.db")
        return PaperPerpetualExchange(url, clock=clock, seed=settings.paper_seed)

    async def fetch_positions(self) -> Sequence[Position]:
        views = await self._query(lambda: self._perpetuals.positions(self._account))
        return [position_of(view) for view in views]

    async def fetch_position_mode(self) -> PositionMode:
        return await self._query(lambda: self._perpetuals.position_mode(self._account))

    async def set_position_mode(self, mode: PositionMode) -> None:
        await self._change(lambda: self._perpetuals.set_position_mode(self._account, mode))

    async def set_leverage(self, trading_pair: str, leverage: int) -> None:
        await self._change(lambda: self._perpetuals.set_leverage(self._account, trading_pair, leverage))

    async def fetch_leverage(self, trading_pair: str) -> Decimal:
        self._check_pair(trading_pair)
        account = await self._query(lambda: self._perpetuals.margin_account(self._account))
        return Decimal(account.leverages[trading_pair])

    async def fetch_funding_payments(self, since: datetime) -> Sequence[FundingPayment]:
        found: dict[str, PaperFunding] = {}
        while True:
            page = await self._query(lambda: self._perpetuals.funding_payments(self._account, since=since))  # noqa: B023
            found.update((each.funding_id, each) for each in page)
            if len(page) < PAGE:
                return [funding_of(each) for each in found.values()]
            # Again from the last moment on: a page may have ended in the middle of it.
            since = page[-1].paid_at

    async def fetch_funding_info(self, trading_pair: str) -> FundingInfo:
        self._check_pair(trading_pair)
        terms = await self._ask(lambda: self._perpetuals.funding_terms(trading_pair))
        return FundingInfo(
            trading_pair=trading_pair,
            funding_rate=terms.rate,
            next_funding_at=terms.next_at,
            mark_price=terms.mark_price,
            index_price=terms.index_price,
        )

    async def _change(self, change: Callable[[], Answer]) -> Answer:
        """Change a setting. Raises ``OrderRefused`` with the exchange's reason, ``ExchangeDown`` or ``TimeoutError``."""
        with refusals():
            return await self._venue.call(change)

    def _new_order(self, order: Order) -> NewPerpetualOrder:
        return new_perpetual_order_of(order, self._account, self._perpetuals.position_mode(self._account))


def new_perpetual_order_of(order: Order, account: str, mode: PositionMode) -> NewPerpetualOrder:
    """``order`` in the terms of ``mode``. Raises ``OrderRefused`` for an order that contradicts itself in it."""
    closes = order.position_action is PositionAction.CLOSE
    if mode is PositionMode.HEDGE and order.reduce_only and not closes:
        raise OrderRefused(
            "in hedge mode an order that opens a position can't be reduce_only", exchange_code="POSITION_SIDE"
        )
    new = new_order_of(order, account)
    return NewPerpetualOrder(
        position_side=position_side(mode, order.trade_type, closes=closes),
        reduce_only=closes or order.reduce_only,
        **{field.name: getattr(new, field.name) for field in fields(new)},
    )


def position_of(view: PositionView) -> Position:
    position = view.position
    return Position(
        trading_pair=position.trading_pair,
        side=position.side,
        amount=position.amount,
        entry_price=normal(position.entry_price),
        unrealized_pnl=normal(view.unrealized_pnl),
        leverage=Decimal(view.leverage),
        mark_price=view.mark_price,
        liquidation_price=view.liquidation_price,
        margin=normal(position.margin),
    )


def funding_of(funding: PaperFunding) -> FundingPayment:
    return FundingPayment(
        exchange_funding_id=funding.funding_id,
        trading_pair=funding.trading_pair,
        payment=normal(funding.payment),
        currency=funding.trading_pair.partition("-")[2],
        paid_at=funding.paid_at,
        rate=normal(funding.rate),
        position_size=funding.amount,
        position_side=funding.side,
    )
