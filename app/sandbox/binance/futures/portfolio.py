"""An account's balances and positions as ``account``, ``balance`` and ``positionRisk`` show them. Pure functions.

Margin is isolated: the wallet is all of an account's money, and its cross part is the wallet without the margins of positions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.domain.decimals import EXACT, ZERO
from app.domain.enums import PositionMode, PositionSide
from app.paper.orders import PaperBalance
from app.paper.pairs import Pair
from app.paper.perpetual.exchange import MarginAccount
from app.paper.perpetual.margin import MAINTENANCE
from app.paper.perpetual.orders import PositionView
from app.paper.perpetual.positions import initial_margin
from app.sandbox.binance.futures.venue import FuturesVenue
from app.sandbox.binance.numbers import wire
from app.sandbox.binance.symbols import symbol_of
from app.sandbox.keys import account_number
from app.sandbox.times import milliseconds

_SIDES = {
    PositionMode.ONEWAY: (PositionSide.BOTH,),
    PositionMode.HEDGE: (PositionSide.BOTH, PositionSide.LONG, PositionSide.SHORT),
}

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """One account at one moment."""

    balances: Sequence[PaperBalance]
    views: Mapping[tuple[str, PositionSide], PositionView]
    margin_account: MarginAccount
    marks: Mapping[str, Decimal]
    at: datetime

    @property
    def order_margin(self) -> Decimal:
        """The margin of open orders."""
        return _total(
            initial_margin(order.limit * order.remaining, self.margin_account.leverages[order.trading_pair])
            for order in self.margin_account.orders
            if not order.reduce_only
        )

    @property
    def position_margin(self) -> Decimal:
        """The margin of positions."""
        return _total(view.position.margin for view in self.views.values())

    @property
    def maintenance(self) -> Decimal:
        return _total(_maintenance(view) for view in self.views.values())

    @property
    def profit(self) -> Decimal:
        """The unrealized result at the mark."""
        return _total(view.unrealized_pnl for view in self.views.values())


def read_portfolio(venue: FuturesVenue, account: str) -> Portfolio:
    """The account now. Used on the exchange's thread."""
    exchange = venue.exchange
    balances, views = exchange.balances(account), exchange.positions(account)
    return Portfolio(
        balances=balances,
        views={(view.position.trading_pair, view.position.side): view for view in views},
        margin_account=exchange.margin_account(account),
        marks={name: exchange.funding_terms(name).mark_price for name in exchange.pairs},
        at=venue.clock.now(),
    )


def balance_row(balance: PaperBalance, portfolio: Portfolio) -> Row:
    """A row of ``balance``."""
    return {
        "accountAlias": f"{account_number(balance.account):x}",
        "asset": balance.asset,
        "balance": wire(balance.total),
        "crossWalletBalance": wire(EXACT.subtract(balance.total, portfolio.position_margin)),
        "crossUnPnl": wire(ZERO),
        "availableBalance": wire(balance.available),
        "maxWithdrawAmount": wire(balance.available),
        "marginAvailable": True,
        "updateTime": milliseconds(portfolio.at),
    }


def asset_row(balance: PaperBalance, portfolio: Portfolio) -> Row:
    """One of the ``assets`` of ``account``."""
    return {
        "asset": balance.asset,
        "walletBalance": wire(balance.total),
        "unrealizedProfit": wire(portfolio.profit),
        "marginBalance": wire(EXACT.add(balance.total, portfolio.profit)),
        "maintMargin": wire(portfolio.maintenance),
        "initialMargin": wire(EXACT.add(portfolio.position_margin, portfolio.order_margin)),
        "positionInitialMargin": wire(portfolio.position_margin),
        "openOrderInitialMargin": wire(portfolio.order_margin),
        "crossWalletBalance": wire(EXACT.subtract(balance.total, portfolio.position_margin)),
        "crossUnPnl": wire(ZERO),
        "availableBalance": wire(balance.available),
        "maxWithdrawAmount": wire(balance.available),
        "marginAvailable": True,
        "updateTime": milliseconds(portfolio.at),
    }


def account_row(assets: Sequence[Row], positions: Sequence[Row]) -> Row:
    """``account``: the sums over all assets (there is one), and the assets and positions."""
    zero = wire(ZERO)
    first: Row = assets[0] if assets else {}
    return {
        "totalInitialMargin": first.get("initialMargin", zero),
        "totalMaintMargin": first.get("maintMargin", zero),
        "totalWalletBalance": first.get("walletBalance", zero),
        "totalUnrealizedProfit": first.get("unrealizedProfit", zero),
        "totalMarginBalance": first.get("marginBalance", zero),
        "totalPositionInitialMargin": first.get("positionInitialMargin", zero),
        "totalOpenOrderInitialMargin": first.get("openOrderInitialMargin", zero),
        "totalCrossWalletBalance": first.get("crossWalletBalance", zero),
        "totalCrossUnPnl": zero,
        "availableBalance": first.get("availableBalance", zero),
        "maxWithdrawAmount": first.get("maxWithdrawAmount", zero),
        "assets": list(assets),
        "positions": list(positions),
    }


def all_slots(pairs: Iterable[Pair], portfolio: Portfolio) -> list[tuple[Pair, PositionSide]]:
    """Every position that the account can have, as version 2 lists them."""
    return [(pair, side) for pair in pairs for side in _SIDES[portfolio.margin_account.mode]]


def open_slots(pairs: Iterable[Pair], portfolio: Portfolio) -> list[tuple[Pair, PositionSide]]:
    """The positions that it has, or has orders for, as version 3 lists them."""
    ordered = {(order.trading_pair, order.position_side) for order in portfolio.margin_account.orders}
    taken = ordered | set(portfolio.views)
    return [(pair, side) for pair in pairs for side in PositionSide if (pair.trading_pair, side) in taken]


def risk_row(pair: Pair, side: PositionSide, portfolio: Portfolio) -> Row:
    """The members of a position, open or empty, in both versions of ``positionRisk``."""
    view = portfolio.views.get((pair.trading_pair, side))
    mark = portfolio.marks[pair.trading_pair]
    amount = ZERO if view is None else view.position.amount
    entry = ZERO if view is None else view.position.entry_price
    margin = ZERO if view is None else view.position.margin
    profit = ZERO if view is None else view.unrealized_pnl
    return {
        "symbol": symbol_of(pair.trading_pair),
        "positionSide": side.value,
        "positionAmt": wire(amount),
        "entryPrice": wire(entry),
        "breakEvenPrice": wire(entry),
        "markPrice": wire(mark),
        "unRealizedProfit": wire(profit),
        "liquidationPrice": wire(None if view is None else view.liquidation_price),
        "isolatedMargin": wire(ZERO if view is None else EXACT.add(margin, profit)),
        "isolatedWallet": wire(margin),
        "notional": wire(EXACT.multiply(amount, mark)),
        "updateTime": 0 if view is None else milliseconds(view.position.updated_at),
    }


def old_risk_row(pair: Pair, side: PositionSide, portfolio: Portfolio) -> Row:
    """A row of version 2, the last that has the leverage."""
    return {
        **risk_row(pair, side, portfolio),
        "leverage": str(portfolio.margin_account.leverages[pair.trading_pair]),
        "maxNotionalValue": wire(pair.max_notional),
        "marginType": "isolated",
        "isAutoAddMargin": "false",
    }


def new_risk_row(pair: Pair, side: PositionSide, portfolio: Portfolio) -> Row:
    """A row of version 3."""
    return {
        **risk_row(pair, side, portfolio),
        **_margins(pair, side, portfolio),
        "marginAsset": pair.quote,
        "adl": 0,
        "bidNotional": wire(ZERO),
        "askNotional": wire(ZERO),
    }


def position_row(pair: Pair, side: PositionSide, portfolio: Portfolio) -> Row:
    """One of the ``positions`` of ``account``."""
    risk = risk_row(pair, side, portfolio)
    return {
        **{name: risk[name] for name in ("symbol", "positionSide", "positionAmt", "entryPrice", "breakEvenPrice")},
        **_margins(pair, side, portfolio),
        "unrealizedProfit": risk["unRealizedProfit"],
        "isolatedMargin": risk["isolatedMargin"],
        "isolatedWallet": risk["isolatedWallet"],
        "notional": risk["notional"],
        "updateTime": risk["updateTime"],
        "isolated": True,
        "leverage": str(portfolio.margin_account.leverages[pair.trading_pair]),
        "maxNotional": wire(pair.max_notional),
        "bidNotional": wire(ZERO),
        "askNotional": wire(ZERO),
    }


def _margins(pair: Pair, side: PositionSide, portfolio: Portfolio) -> Row:
    view = portfolio.views.get((pair.trading_pair, side))
    margin = ZERO if view is None else view.position.margin
    ordered = _total(
        initial_margin(order.limit * order.remaining, portfolio.margin_account.leverages[order.trading_pair])
        for order in portfolio.margin_account.orders
        if (order.trading_pair, order.position_side) == (pair.trading_pair, side) and not order.reduce_only
    )
    return {
        "initialMargin": wire(EXACT.add(margin, ordered)),
        "positionInitialMargin": wire(margin),
        "openOrderInitialMargin": wire(ordered),
        "maintMargin": wire(ZERO if view is None else _maintenance(view)),
    }


def _maintenance(view: PositionView) -> Decimal:
    return EXACT.multiply(EXACT.multiply(view.position.size, view.mark_price), MAINTENANCE)


def _total(amounts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total
