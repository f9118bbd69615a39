"""NautilusTrader trades on the sandbox's futures market, as a live node with a strategy.

The last version for Python 3.11 asks for spot's listen keys, which Binance removed in February 2026: it trades on futures only.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

from nautilus_trader.adapters.binance import BINANCE
from nautilus_trader.adapters.binance.common.enums import BinanceAccountType
from nautilus_trader.adapters.binance.common.symbol import BinanceSymbol
from nautilus_trader.adapters.binance.config import BinanceDataClientConfig, BinanceExecClientConfig
from nautilus_trader.adapters.binance.factories import BinanceLiveDataClientFactory, BinanceLiveExecClientFactory
from nautilus_trader.adapters.binance.futures.enums import BinanceFuturesMarginType
from nautilus_trader.config import InstrumentProviderConfig, LoggingConfig, StrategyConfig, TradingNodeConfig
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.data import BarType, QuoteTick, TradeTick
from nautilus_trader.model.enums import OrderSide, TimeInForce
from nautilus_trader.model.events import OrderAccepted, OrderCanceled, OrderFilled, PositionClosed, PositionOpened
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.trading.strategy import Strategy
from sandbox import API_KEY, FAR_BELOW, SECRET, report, sandbox

_INSTRUMENT = InstrumentId.from_str("BTCUSDT-PERP.BINANCE")
_SECONDS = 90


class Trip(Strategy):
    """Waits for the market, rests and cancels an order, opens a position and closes it."""

    def __init__(self, done: asyncio.Event) -> None:
        super().__init__(StrategyConfig(strategy_id="trip-001"))
        self._done = done
        self._has_begun = False
        self.seen: list[str] = []

    def on_start(self) -> None:
        self.instrument = self.cache.instrument(_INSTRUMENT)
        self.request_bars(BarType.from_str(f"{_INSTRUMENT}-1-MINUTE-LAST-EXTERNAL"), start=self.clock.utc_now())
        self.subscribe_quote_ticks(_INSTRUMENT)
        self.subscribe_trade_ticks(_INSTRUMENT)
        self.subscribe_order_book_deltas(_INSTRUMENT)

    def on_trade_tick(self, tick: TradeTick) -> None:
        self.note("trade tick")

    def on_order_book_deltas(self, deltas: object) -> None:
        self.note("book")

    def on_quote_tick(self, tick: QuoteTick) -> None:
        self.note("quote tick")
        if not self._has_begun and {"trade tick", "book"} <= set(self.seen):
            self._has_begun = True
            self.submit_order(
                self.order_factory.limit(
                    _INSTRUMENT,
                    OrderSide.BUY,
                    self.instrument.make_qty(Decimal("0.01")),
                    self.instrument.make_price(Decimal(FAR_BELOW)),
                    time_in_force=TimeInForce.GTC,
                )
            )

    def on_order_accepted(self, event: OrderAccepted) -> None:
        self.note("accepted")
        if "canceled" not in self.seen:
            self.cancel_order(self.cache.order(event.client_order_id))

    def on_order_canceled(self, event: OrderCanceled) -> None:
        self.note("canceled")
        self.submit_order(
            self.order_factory.market(_INSTRUMENT, OrderSide.BUY, self.instrument.make_qty(Decimal("0.01")))
        )

    def on_order_filled(self, event: OrderFilled) -> None:
        self.note("filled")

    def on_position_opened(self, event: PositionOpened) -> None:
        self.note("position opened")
        self.close_all_positions(_INSTRUMENT)

    def on_position_closed(self, event: PositionClosed) -> None:
        self.note("position closed")
        self._done.set()

    def note(self, what: str) -> None:
        """Report what happens the first time."""
        if what not in self.seen:
            self.seen.append(what)
            report(what)


async def main() -> None:
    with sandbox() as address:
        client = {
            "api_key": API_KEY,
            "api_secret": SECRET,
            "account_type": BinanceAccountType.USDT_FUTURES,
            "base_url_http": f"http://{address}",
            "instrument_provider": InstrumentProviderConfig(load_ids=frozenset({_INSTRUMENT})),
        }
        config = TradingNodeConfig(
            trader_id="SANDBOX-001",
            logging=LoggingConfig(log_level="WARNING"),
            data_clients={BINANCE: BinanceDataClientConfig(**client, base_url_ws=f"ws://{address}/fstream")},
            exec_clients={
                BINANCE: BinanceExecClientConfig(
                    **client,
                    base_url_ws=f"ws://{address}/fstream",
                    futures_leverages={BinanceSymbol("BTCUSDT"): 5},
                    futures_margin_types={BinanceSymbol("BTCUSDT"): BinanceFuturesMarginType.ISOLATED},
                )
            },
        )
        node = TradingNode(config=config)
        done = asyncio.Event()
        node.trader.add_strategy(Trip(done))
        node.add_data_client_factory(BINANCE, BinanceLiveDataClientFactory)
        node.add_exec_client_factory(BINANCE, BinanceLiveExecClientFactory)
        node.build()
        running = asyncio.create_task(node.run_async())
        try:
            await asyncio.wait_for(done.wait(), _SECONDS)
            balance = node.portfolio.account(_INSTRUMENT.venue).balance_total(USDT)
            assert 99_900 < balance.as_decimal() < 100_000, balance
            report("balances")
        finally:
            await node.stop_async()
            await asyncio.wait([running], timeout=10)


if __name__ == "__main__":
    asyncio.run(main())
