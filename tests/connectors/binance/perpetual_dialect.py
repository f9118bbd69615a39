"""The ``binance_perpetual`` connector for the conformance suite: over the sandbox's futures market, with the SDK in the loop."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from app.connectors.base import Connector, ConnectorContext
from app.connectors.binance.perpetual import BinancePerpetualConnector
from app.paper.exchange import PaperExchange
from app.paper.perpetual.exchange import PERPETUAL_PAIRS, PaperPerpetualExchange
from app.sandbox.server import Sandbox
from app.settings import Settings
from tests.connectors.binance.dialect import ACCOUNT, API_KEY, SECRET, BinanceDialect
from tests.connectors.paper.dialect import FINE


class BinancePerpetualDialect(BinanceDialect):
    """As spot, on the other market of the same sandbox; the account's leverage is 1."""

    connector_class = BinancePerpetualConnector

    async def start(self) -> None:
        self._directory = TemporaryDirectory()
        data = Path(self._directory.name)
        self._spot = PaperExchange(f"sqlite:///{data / 'sandbox.db'}", clock=self.clock, seed=1, path=self.path)
        self.exchange = PaperPerpetualExchange(
            f"sqlite:///{data / 'futures.db'}",
            clock=self.clock,
            seed=1,
            path=self.path,
            pairs={**PERPETUAL_PAIRS, FINE.trading_pair: FINE},
        )
        self.sandbox = Sandbox(self._spot, self.clock, futures=self.exchange)
        self.sandbox.keys.add(ACCOUNT, API_KEY, secret=SECRET)
        await self.sandbox.start()
        self.settings = Settings(
            database_url="sqlite://",
            exchange_timeout=timedelta(seconds=5),
            connector_urls={
                "ORDERGATE_BINANCE_PERPETUAL_REST_URL": self.sandbox.futures_rest_url,
                "ORDERGATE_BINANCE_PERPETUAL_STREAM_URL": self.sandbox.futures_stream_url,
            },
        )
        self.venue = await BinancePerpetualConnector.open_venue(self.settings, self.clock)

    async def stop(self) -> None:
        await super().stop()
        self._spot.close()

    def connect(self) -> Connector:
        context = ConnectorContext(
            account_name=ACCOUNT,
            credentials={"binance_perpetual_api_key": API_KEY, "binance_perpetual_api_secret": SECRET},
            clock=self.clock,
            venue=self.venue,
        )
        return BinancePerpetualConnector(context)
