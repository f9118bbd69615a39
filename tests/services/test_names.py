"""Whether named things exist, where an exchange does not tell its pairs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.errors import RulesNotLoaded, UnsupportedPair
from app.domain.markets.trading_rule import TradingRule
from app.journal.journal import Journal
from app.services.markets.rules import Rules
from app.services.names import Names
from app.settings import Settings
from app.storage import schema
from tests.clock import FakeClock


class Untold(Rules):
    """The rules of exchanges that are down."""

    def __init__(self) -> None:
        pass

    async def of(self, connector_name: str, max_age: timedelta | None = None) -> Mapping[str, TradingRule]:
        """None can be had."""
        raise RulesNotLoaded(connector_name)


@pytest.mark.parametrize("rules", [None, Untold()], ids=["nobody to ask", "down"])
async def test_a_pair_is_known_by_its_form_where_no_exchange_tells(tmp_path: Path, rules: Rules | None) -> None:
    """A halt must not fail because the exchange is down; what is not written as a pair can't be meant."""
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'names.db'}", data_dir=tmp_path)
    schema.upgrade(settings.database_url)
    journal = Journal(settings, FakeClock())
    try:
        names = Names(journal.accounts, journal.callers, rules)
        await names.check(connectors=["binance"], pairs=["BTC-USDT", "NEW-COIN"])
        for pair in ("btcusdt", "btc-usdt", "BTC-USDT-X", "-USDT", "BTC-"):
            with pytest.raises(UnsupportedPair, match="BASE-QUOTE"):
                await names.check(connectors=["binance"], pairs=[pair])
    finally:
        journal.database.dispose()
