"""The strategy of ``trade_freqtrade``: one order that rests and is canceled, one that fills, and an exit at market."""

from __future__ import annotations

from typing import Any, ClassVar

from freqtrade.strategy import IStrategy


class Trip(IStrategy):
    """Enters at every candle, the first time far below the market, and exits at once."""

    INTERFACE_VERSION = 3
    timeframe = "1m"
    can_short = False
    minimal_roi: ClassVar = {"0": 100}
    stoploss = -0.9
    process_only_new_candles = False
    order_types: ClassVar = {"entry": "limit", "exit": "market", "stoploss": "market", "stoploss_on_exchange": False}

    _has_rested = False

    def populate_indicators(self, dataframe: Any, metadata: Any) -> Any:
        return dataframe

    def populate_entry_trend(self, dataframe: Any, metadata: Any) -> Any:
        dataframe["enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: Any, metadata: Any) -> Any:
        return dataframe

    def custom_entry_price(self, pair: str, trade: Any, current_time: Any, proposed_rate: float, **_: Any) -> float:
        """Below the market until an order was canceled, and then above it."""
        return proposed_rate * (1.001 if self._has_rested else 0.99)

    def check_entry_timeout(self, pair: str, trade: Any, order: Any, current_time: Any, **_: Any) -> bool:
        """Cancel an order that rests."""
        self._has_rested = True
        return True

    def custom_exit(self, pair: str, trade: Any, **_: Any) -> str:
        return "done"
