"""The paper exchange for perpetuals as its users meet it: a second exchange beside spot, on tables and with accounts of its own.

All that ``PaperExchange`` says holds here too. Orders are ``NewPerpetualOrder``s; what comes back are the perpetual kinds of orders
and fills. Contracts are linear, of one base unit, and settled in USDT.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, localcontext
from types import MappingProxyType
from typing import TypeVar

from app.clock import Clock
from app.domain.decimals import EXACT
from app.domain.enums import PositionMode
from app.paper.engine import Engine
from app.paper.exchange import PAGE, PaperExchange
from app.paper.fees import Fees
from app.paper.market import PricePath, SyntheticMarket, moment_of, tick_of
from app.paper.pairs import PAIRS, Pair
from app.paper.perpetual.engine import PerpetualEngine
from app.paper.perpetual.margin import liquidation_price
from app.paper.perpetual.market import FUNDING_INTERVAL, PerpetualMarket
from app.paper.perpetual.orders import FundingTerms, PaperFunding, PositionView
from app.paper.perpetual.positions import PaperPosition
from app.paper.perpetual.tables import PERPETUAL
from app.paper.perpetual.transaction import PerpetualTransaction
from app.paper.store import BUSY_TIMEOUT_SECONDS, PaperStore
from app.paper.transaction import Transaction

Answer = TypeVar("Answer")

#: The asset that everything here is settled in.
SETTLEMENT = "USDT"

#: The spot pairs against USDT, with the same rules.
PERPETUAL_PAIRS: Mapping[str, Pair] = MappingProxyType(
    {name: pair for name, pair in PAIRS.items() if pair.quote == SETTLEMENT}
)

#: What a new account opens with.
DEFAULT_MARGIN: Mapping[str, Decimal] = MappingProxyType({SETTLEMENT: Decimal(100_000)})

#: Two and five hundredths of a percent, the basic rates of large futures exchanges.
DEFAULT_FEES = Fees(maker=Decimal("0.0002"), taker=Decimal("0.0005"))


class PaperPerpetualExchange(PaperExchange):
    """One exchange on one store."""

    _market: PerpetualMarket

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        seed: int,
        path: PricePath | None = None,
        pairs: Mapping[str, Pair] = PERPETUAL_PAIRS,
        fees: Fees = DEFAULT_FEES,
        default_balances: Mapping[str, Decimal] = DEFAULT_MARGIN,
        busy_timeout: int = BUSY_TIMEOUT_SECONDS,
    ) -> None:
        super().__init__(
            url,
            clock=clock,
            seed=seed,
            path=path,
            pairs=pairs,
            fees=fees,
            default_balances=default_balances,
            busy_timeout=busy_timeout,
        )
        #: What an account can hold: coins are not deposited here.
        self.assets = frozenset(pair.quote for pair in pairs.values())

    def positions(self, account: str) -> tuple[PositionView, ...]:
        """The account's open positions at the present mark prices, by pair."""

        def read(engine: PerpetualEngine, _: PerpetualTransaction, now: datetime) -> tuple[PositionView, ...]:
            self._ensure(engine, account)
            with localcontext(EXACT):
                return tuple(_view(engine, position) for position in engine.state.positions(account))

        return self._act(read)

    def position_mode(self, account: str) -> PositionMode:
        """The account's position mode; one-way until it is changed."""

        def read(engine: PerpetualEngine, _: PerpetualTransaction, now: datetime) -> PositionMode:
            self._ensure(engine, account)
            return engine.state.mode(account)

        return self._act(read)

    def set_position_mode(self, account: str, mode: PositionMode) -> None:
        """Change it; refuses POSITION_MODE while the account has open orders or positions."""

        def change(engine: PerpetualEngine, _: PerpetualTransaction, now: datetime) -> None:
            self._ensure(engine, account)
            engine.set_mode(account, mode)

        self._act(change)

    def leverage(self, account: str, trading_pair: str) -> int:
        """The account's leverage on a pair; refuses UNKNOWN_PAIR."""

        def read(engine: PerpetualEngine, _: PerpetualTransaction, now: datetime) -> int:
            return engine.state.leverage(account, engine.pair(trading_pair).trading_pair)

        return self._act(read)

    def set_leverage(self, account: str, trading_pair: str, leverage: int) -> None:
        """Change it, and the margin of what is open; refuses UNKNOWN_PAIR, LEVERAGE or INSUFFICIENT_BALANCE."""

        def change(engine: PerpetualEngine, _: PerpetualTransaction, now: datetime) -> None:
            self._ensure(engine, account)
            engine.set_leverage(account, trading_pair, leverage, now)

        self._act(change)

    def funding_payments(
        self,
        account: str,
        *,
        trading_pair: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = PAGE,
    ) -> tuple[PaperFunding, ...]:
        """What the account paid and received from ``since`` to ``until``, oldest first, the first ``limit`` of it."""

        def read(_: PerpetualEngine, transaction: PerpetualTransaction, now: datetime) -> tuple[PaperFunding, ...]:
            return transaction.fundings(account, trading_pair=trading_pair, since=since, until=until, limit=limit)

        return self._act(read, saved=True)

    def funding_terms(self, trading_pair: str) -> FundingTerms:
        """The rate at which the present interval ends, when that is, and the prices."""
        pair, tick = self._pair(trading_pair), tick_of(self._clock.now())
        with localcontext(EXACT):
            return FundingTerms(
                trading_pair=trading_pair,
                rate=self._market.funding_rate(pair, tick + 1),
                next_at=moment_of((tick // FUNDING_INTERVAL + 1) * FUNDING_INTERVAL),
                mark_price=self._market.mid(pair, tick),
                index_price=self._market.index(pair, tick),
            )

    def _act(
        self, action: Callable[[PerpetualEngine, PerpetualTransaction, datetime], Answer], *, saved: bool = False
    ) -> Answer:
        """``action`` in one transaction; what the market did is ``saved`` before it where it reads from the store."""

        def act(engine: Engine, transaction: Transaction, now: datetime) -> Answer:
            assert isinstance(engine, PerpetualEngine)
            assert isinstance(transaction, PerpetualTransaction)
            return action(engine, transaction, now)

        return self._read(act) if saved else self._run(act)

    def _new_market(self, seed: int, path: PricePath | None) -> SyntheticMarket:
        return PerpetualMarket(seed, path)

    def _new_engine(self) -> Engine:
        return PerpetualEngine(self.pairs, self._market, self.fees)

    def _open_store(self, url: str, busy_timeout: int) -> PaperStore:
        return PaperStore(url, busy_timeout=busy_timeout, tables=PERPETUAL, transaction=PerpetualTransaction)


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
