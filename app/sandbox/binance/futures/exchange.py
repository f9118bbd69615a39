"""The paper exchange for perpetuals as the futures market needs it: with the history of funding, and everything at one moment.

It adds questions and no rule: what an order, a position or a payment is, ``app.paper`` alone decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext

from app.domain.decimals import EXACT
from app.domain.enums import PositionMode
from app.paper.exchange import PaperSnapshot
from app.paper.market import moment_of, tick_of
from app.paper.perpetual.engine import PerpetualEngine
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.paper.perpetual.market import FUNDING_INTERVAL
from app.paper.perpetual.orders import PerpetualOrder
from app.paper.perpetual.positions import PaperPosition
from app.paper.perpetual.transaction import PerpetualTransaction


@dataclass(frozen=True, slots=True, kw_only=True)
class PastFunding:
    """The rate and the mark price at one funding."""

    at: datetime
    rate: Decimal
    mark_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an account has set, and its open orders: leverage by pair."""

    mode: PositionMode
    leverages: dict[str, int]
    orders: tuple[PerpetualOrder, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesSnapshot:
    """Everything at one moment: open positions of all accounts beside what every exchange has."""

    snapshot: PaperSnapshot
    positions: tuple[PaperPosition, ...]


class FuturesExchange(PaperPerpetualExchange):
    """One exchange on one store."""

    def past_fundings(
        self, trading_pair: str, *, since: datetime | None, until: datetime | None, limit: int
    ) -> list[PastFunding]:
        """The fundings from ``since``, or the last ones, to ``until`` or now, oldest first, at most ``limit``."""
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

    def settings(self, account: str) -> Settings:
        """The account's mode, leverages and open orders."""

        def read(engine: PerpetualEngine, _: PerpetualTransaction, now: datetime) -> Settings:
            return Settings(
                mode=engine.state.mode(account),
                leverages={name: engine.state.leverage(account, name) for name in self.pairs},
                orders=tuple(engine.state.orders_of(account)),
            )

        return self._act(read)

    def whole(self) -> FuturesSnapshot:
        """All orders, fills, balances and open positions, the house's too."""

        def read(engine: PerpetualEngine, transaction: PerpetualTransaction, now: datetime) -> FuturesSnapshot:
            orders, fills = transaction.everything()
            snapshot = PaperSnapshot(orders=orders, fills=fills, balances=engine.state.ledger.all(), at=now)
            return FuturesSnapshot(snapshot=snapshot, positions=tuple(engine.state.positions()))

        return self._act(read, saved=True)
