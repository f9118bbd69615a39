"""The paper exchange's perpetuals for the conformance suite: as spot, on the perpetual exchange."""

from __future__ import annotations

from decimal import Decimal as D

from app.connectors.base import Connector, ConnectorContext
from app.connectors.paper.perpetual import PaperPerpetualConnector, perpetual_rule_of
from app.connectors.paper.venue import PaperVenue
from app.paper.perpetual.exchange import PERPETUAL_PAIRS, PaperPerpetualExchange
from tests.connectors.paper.dialect import FINE, FaultyExchange, PaperDialect


class FaultyPerpetualExchange(FaultyExchange, PaperPerpetualExchange):
    """The perpetual exchange, with a count of calls and a fault for the next order."""


class PaperPerpetualDialect(PaperDialect):
    connector_class = PaperPerpetualConnector

    async def start(self) -> None:
        await super().start()
        await self.venue.close()
        self.exchange = FaultyPerpetualExchange(
            f"sqlite:///{self.settings.data_dir / 'paper_perpetual.db'}",
            clock=self.clock,
            seed=1,
            path=self.path,
            pairs={**PERPETUAL_PAIRS, FINE.trading_pair: FINE},
            default_balances={"USDT": D(100_000)},
        )
        self.venue = PaperVenue(self.exchange, self.settings.exchange_timeout, rule_of=perpetual_rule_of)

    def connect(self) -> Connector:
        context = ConnectorContext(account_name=self.account, credentials={}, clock=self.clock, venue=self.venue)
        return PaperPerpetualConnector(context)
