"""The paper exchange for perpetuals: a second exchange beside spot, with its own tables and accounts.

The contract of ``PaperExchange`` holds here too. Orders are ``NewPerpetualOrder``; the orders and fills returned are
``PerpetualOrder`` and ``PerpetualFill``. Contracts are linear, of one base unit, and settled in USDT.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from types import MappingProxyType
from typing import TypeVar

from app.domain.decimals import EXACT, ZERO
from app.domain.enums import PositionMode, PositionSide
from app.paper.engine import Engine
from app.paper.exchange import PAGE, PaperExchange
from app.paper.fees import Fees
from app.paper.market import PricePath, SyntheticMarket, moment_of, tick_of
from app.paper.orders import PaperSnapshot
from app.paper.pairs import PAIRS, Pair
from app.paper.perpetual.candles import PriceCandle, PriceKind, price_candles
from app.paper.perpetual.engine import PerpetualEngine
from app.paper.perpetual.margin import liquidation_price
from app.paper.perpetual.market import FUNDING_INTERVAL, PerpetualMarket
from app.paper.perpetual.orders import FundingTerms, PaperFunding, PastFunding, PerpetualOrder, PositionView
from app.paper.perpetual.positions import PaperPosition
from app.paper.perpetual.tables import PERPETUAL
from app.paper.perpetual.transaction import PerpetualTransaction
from app.paper.store import PaperStore
from app.paper.transaction import Transaction

Answer = TypeVar("Answer")

#: The settlement asset of every pair.
SETTLEMENT = "USDT"

#: The spot pairs against USDT, with the same rules.
PERPETUAL_PAIRS: Mapping[str, Pair] = MappingProxyType(
    {name: pair for name, pair in PAIRS.items() if pair.quote == SETTLEMENT}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginAccount:
    """An account's position mode, its leverage by pair, and its open orders, which take margin."""

    mode: PositionMode
    leverages: Mapping[str, int]
    orders: tuple[PerpetualOrder, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpetualSnapshot(PaperSnapshot):
    """A snapshot with the open positions of all accounts."""

    positions: tuple[PaperPosition, ...]


class PaperPerpetualExchange(PaperExchange):
    """One exchange on one store. The default fees are the basic rates of large futures exchanges."""

    default_pairs = PERPETUAL_PAIRS
    default_fees = Fees(maker=Decimal("0.0002"), taker=Decimal("0.0005"))
    opening_balances = MappingProxyType({SETTLEMENT: Decimal(100_000)})

    _market: PerpetualMarket

    @property
    def assets(self) -> frozenset[str]:
        """The quote assets: coins can't be deposited here."""
        return frozenset(pair.quote for pair in self.pairs.values())

    def positions(self, account: str) -> tuple[PositionView, ...]:
        """The account's open positions at the current mark prices, sorted by pair."""

        def read(engine: PerpetualEngine, _: PerpetualTransaction, now: datetime) -> tuple[PositionView, ...]:
            self._ensure_account(engine, account)
            with localcontext(EXACT):
                return tuple(_view(engine, position) for position in engine.state.positions(account))

        return self._act(read)

    def position_mode(self, account: str) -> PositionMode:
        """The account's position mode; one-way until it is changed."""

        def read(engine: PerpetualEngine, _: PerpetualTransaction, now: datetime) -> PositionMode:
            self._ensure_account(engine, account)
            return engine.state.mode(account)

        return self._act(read)

    def set_position_mode(self, account: str, mode: PositionMode) -> None:
        """Change the mode; refuses POSITION_MODE while the account has open orders or positions."""

        def change(engine: PerpetualEngine, _: PerpetualTransaction, now: datetime) -> None:
            self._ensure_account(engine, account)
            engine.set_mode(account, mode)

        self._act(change)

    def set_leverage(self, account: str, trading_pair: str, leverage: int) -> None:
        """Change the leverage and the margin of what is open; refuses UNKNOWN_PAIR, LEVERAGE or INSUFFICIENT_BALANCE."""

        def change(engine: PerpetualEngine, _: PerpetualTransaction, now: datetime) -> None:
            self._ensure_account(engine, account)
            engine.set_leverage(account, trading_pair, leverage, now)

        self._act(change)

    def margin_account(self, account: str) -> MarginAccount:
        """The account's settings and open orders."""

        def read(engine: PerpetualEngine, _: PerpetualTransaction, now: datetime) -> MarginAccount:
            return MarginAccount(
                mode=engine.state.mode(account),
                leverages={name: engine.state.leverage(account, name) for name in self.pairs},
                orders=tuple(engine.state.orders_of(account)),
            )

        return self._act(read)

    def funding_payments(
        self,
        account: str,
        *,
        trading_pair: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = PAGE,
    ) -> tuple[PaperFunding, ...]:
        """The account's first ``limit`` funding payments from ``since`` to ``until``, oldest first."""

        def read(_: PerpetualEngine, transaction: PerpetualTransaction, now: datetime) -> tuple[PaperFunding, ...]:
            return transaction.fundings(account, trading_pair=trading_pair, since=since, until=until, limit=limit)

        return self._act(read, saved=True)

    def snapshot(self) -> PerpetualSnapshot:
        """Everything at one moment."""

        def read(engine: PerpetualEngine, transaction: PerpetualTransaction, now: datetime) -> PerpetualSnapshot:
            orders, fills = transaction.everything()
            return PerpetualSnapshot(
                orders=orders,
                fills=fills,
                balances=engine.state.ledger.all(),
                positions=tuple(engine.state.positions()),
                at=now,
            )

        return self._act(read, saved=True)

    def funding_terms(self, trading_pair: str) -> FundingTerms:
        """The rate and time of the next funding, and the current prices."""
        pair, tick = self._pair(trading_pair), tick_of(self._clock.now())
        with localcontext(EXACT):
            return FundingTerms(
                trading_pair=trading_pair,
                rate=self._market.funding_rate(pair, tick + 1),
                next_at=moment_of((tick // FUNDING_INTERVAL + 1) * FUNDING_INTERVAL),
                mark_price=self._market.mid(pair, tick),
                index_price=self._market.index(pair, tick),
            )

    def past_fundings(
        self, trading_pair: str, *, since: datetime | None, until: datetime | None, limit: int
    ) -> list[PastFunding]:
        """The pair's fundings up to ``until`` or now, oldest first: the first ``limit`` from ``since``, or else the last ones."""
        pair, last = self._pair(trading_pair), tick_of(min(until or self._clock.now(), self._clock.now()))
        newest = last // FUNDING_INTERVAL
        oldest = newest - limit + 1 if since is None else -(-tick_of(since) // FUNDING_INTERVAL)
        ticks = [number * FUNDING_INTERVAL for number in range(oldest, newest + 1)][:limit]
        with localcontext(EXACT):
            return [
                PastFunding(
                    at=moment_of(tick),
                    rate=self._market.funding_rate(pair, tick),
                    mark_price=self._market.mid(pair, tick),
                )
                for tick in ticks
            ]

    def price_candles(
        self,
        trading_pair: str,
        kind: PriceKind,
        interval: str,
        *,
        limit: int,
        start_at: datetime | None = None,
        end_at: datetime | None = None,
    ) -> Sequence[PriceCandle]:
        """Candles of the mark or index price or of the premium, oldest first, chosen as ``candles``."""
        pair, now = self._pair(trading_pair), self._clock.now()
        with localcontext(EXACT):
            return price_candles(
                self._market, pair, kind, interval, now=now, limit=limit, start_at=start_at, end_at=end_at
            )

    def open_interest(self, trading_pair: str) -> Decimal:
        """The pair's open contracts: what all longs or all shorts have, whichever is more. The market has the other side."""
        self._pair(trading_pair)

        def read(engine: PerpetualEngine, _: PerpetualTransaction, now: datetime) -> Decimal:
            amounts = [position.amount for position in engine.state.positions(trading_pair=trading_pair)]
            with localcontext(EXACT):
                return max(
                    sum((each for each in amounts if each > ZERO), ZERO),
                    -sum((each for each in amounts if each < ZERO), ZERO),
                )

        return self._act(read)

    def change_margin(self, account: str, trading_pair: str, side: PositionSide, change: Decimal) -> None:
        """Add to the margin of an open position, or take from it if negative; refuses UNKNOWN_PAIR, MARGIN (there is no position,
        or it would be liquidated at once or have less than its initial margin) or INSUFFICIENT_BALANCE.
        """

        def act(engine: PerpetualEngine, _: PerpetualTransaction, now: datetime) -> None:
            self._ensure_account(engine, account)
            engine.change_margin(account, trading_pair, side, change, now)

        self._act(act)

    def _act(
        self, action: Callable[[PerpetualEngine, PerpetualTransaction, datetime], Answer], *, saved: bool = False
    ) -> Answer:
        """Run ``action`` in one transaction, after writing the market's changes if ``saved``, for queries of the store."""

        def act(engine: Engine, transaction: Transaction, now: datetime) -> Answer:
            assert isinstance(engine, PerpetualEngine)
            assert isinstance(transaction, PerpetualTransaction)
            return action(engine, transaction, now)

        return self._read(act) if saved else self._run(act)

    def _new_market(self, seed: int, path: PricePath | None) -> SyntheticMarket:
        return PerpetualMarket(seed, path)

    def _new_engine(self) -> Engine:
        return PerpetualEngine(self.pairs, self._market, self.fees)

    def _open_store(self, url: str, *, is_durable: bool) -> PaperStore:
        return PaperStore(url, tables=PERPETUAL, transaction=PerpetualTransaction, is_durable=is_durable)


def _view(engine: PerpetualEngine, position: PaperPosition) -> PositionView:
    pair = engine.pair(position.trading_pair)
    mark = engine.market.mid(pair, engine.state.tick)
    return PositionView(
        position=position,
        leverage=engine.state.leverage(position.account, position.trading_pair),
        mark_price=mark,
        unrealized_pnl=position.pnl(mark),
        liquidation_price=liquidation_price(position, pair.tick),
    )
