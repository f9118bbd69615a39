"""The rate oracle and the pool: one choice for all processes, exact cross rates, and no invented price among real ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from decimal import Decimal
from threading import Barrier
from types import MappingProxyType
from typing import Any, ClassVar

import pytest

from app.connectors import registry
from app.connectors.capabilities import CredentialField
from app.connectors.paper.spot import PaperConnector
from app.domain.errors import ChangeConflict, ExchangeReadError, InvalidArgument, UnknownConnector, UnsupportedFeature
from app.services.markets.market_data import MarketData
from app.services.markets.rates import RateConfig, Rates
from app.services.markets.readings import Readings
from app.storage.database import Database
from app.storage.preferences import Preferences
from tests.services.world import ACCOUNT, TIMEOUT, World

PAIR = "BTC-USDT"


class OtherConnector(PaperConnector):
    """The paper exchange's market under another name, so that there are two with tickers."""

    name = "other"
    credential_fields: ClassVar[Mapping[str, CredentialField]] = {}


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is an exchange beside the paper one, which nobody uses at first."""
    connectors = MappingProxyType({**registry.CONNECTORS, "other": f"{__name__}:OtherConnector"})
    monkeypatch.setattr(registry, "CONNECTORS", connectors)


@pytest.fixture
async def market(each_world: World) -> AsyncIterator[MarketData]:
    each_world.sessions._venues["other"] = each_world.sessions._venues["paper"]
    market = MarketData(each_world.sessions, Readings(each_world.clock, TIMEOUT), each_world.clock)
    yield market
    await market.close()
    # Both names lead to one exchange, which is closed once.
    del each_world.sessions._venues["other"]


@pytest.fixture
def rates(market: MarketData, each_world: World) -> Rates:
    return rates_of(market, each_world)


def rates_of(market: MarketData, world: World) -> Rates:
    """The service as a process builds it."""
    return Rates(market, world.journal.accounts, Preferences(world.journal.database))


def use_other(world: World) -> None:
    """The account has credentials for the other exchange too."""
    world.journal.accounts.put_credential(ACCOUNT, "other", b"sealed")


# -- the choice -------------------------------------------------------------------------------------------------------------


async def test_the_source_without_a_choice(rates: Rates, each_world: World) -> None:
    """The paper exchange, until a real one is in use."""
    assert await rates.config() == replace(RateConfig(source="paper"), version=(await rates.config()).version)
    use_other(each_world)
    assert (await rates.config()).source == "other"


async def test_a_choice_holds_for_every_process(rates: Rates, market: MarketData, each_world: World) -> None:
    """It is kept in the database, and what is not given stays."""
    config, changes = await rates.configure(source="other")
    assert (config.source, changes) == ("other", ["Rate oracle source updated to other"])
    await rates.configure(quote="EUR", symbol="€")
    config, changes = await rates_of(market, each_world).configure(symbol="E")
    assert (config.source, config.quote, config.symbol) == ("other", "EUR", "E")
    assert changes == ["Global token updated to EUR (E)"]
    assert await rates.config() == config
    assert (await rates.configure())[1] == []


class Meeting(Preferences):
    """Preferences of one of two processes that both read before either writes."""

    def __init__(self, database: Database, barrier: Barrier) -> None:
        super().__init__(database)
        self._barrier = barrier

    def get(self, key: str) -> Mapping[str, Any]:
        found = super().get(key)
        self._barrier.wait(10)
        return found


@pytest.mark.parametrize("is_first_choice", [True, False])
async def test_of_two_changes_at_once_none_is_lost(
    rates: Rates, market: MarketData, each_world: World, is_first_choice: bool
) -> None:
    """The one that came second is refused, and holds when it is made again; both are in the choice then."""
    if not is_first_choice:
        await rates.configure(source="paper", quote="USDC")
    barrier = Barrier(2)
    processes = [
        Rates(market, each_world.journal.accounts, Meeting(each_world.journal.database, barrier)) for _ in range(2)
    ]
    changes: list[dict[str, str]] = [{"source": "other"}, {"quote": "EUR", "symbol": "€"}]
    outcomes = await asyncio.gather(
        *(process.configure(**change) for process, change in zip(processes, changes, strict=True)),
        return_exceptions=True,
    )
    refused = [change for change, outcome in zip(changes, outcomes, strict=True) if isinstance(outcome, ChangeConflict)]
    assert len(refused) == 1
    await rates.configure(**refused[0])
    config = await rates.config()
    assert (config.source, config.quote, config.symbol) == ("other", "EUR", "€")


async def test_a_change_of_a_choice_that_is_no_longer_there(rates: Rates) -> None:
    """Who names the version that was read undoes nobody's change; a choice that came back is the same choice."""
    before = (await rates.config()).version
    config, _ = await rates.configure(quote="EUR", versions=[before])
    with pytest.raises(ChangeConflict, match="another version by now"):
        await rates.configure(source="other", versions=[before])
    assert await rates.config() == config
    with pytest.raises(ChangeConflict):
        await rates.configure(versions=[before])
    changed, _ = await rates.configure(quote="USD", versions=[before, config.version])
    assert changed.version not in (before, config.version)
    assert (await rates.configure(quote="EUR", versions=[changed.version]))[0] == config


async def test_a_source_that_there_is_not(rates: Rates) -> None:
    """It is refused in the words that callers know, with nothing changed."""
    with pytest.raises(InvalidArgument, match=r"Invalid rate oracle source: dexalot\. Available sources: "):
        await rates.configure(source="dexalot", quote="EUR")
    assert (await rates.config()).quote == "USDT"


# -- rates ------------------------------------------------------------------------------------------------------------------


async def test_oracle_rates(rates: Rates, market: MarketData) -> None:
    """Direct, reverse and bridged rates by the source's last prices; None where there is no way."""
    tickers = await market.tickers("paper")
    config = await rates.config()
    found = await rates.oracle_rates(config, [PAIR, "ETH-USDT", "ADA-BTC", "BTC-EUR", "BTC-BTC"])
    assert found[PAIR] == tickers[PAIR].price
    assert found["BTC-EUR"] is None
    assert found["BTC-BTC"] == 1
    bridged = tickers["ADA-USDT"].price / tickers[PAIR].price
    assert found["ADA-BTC"] is not None
    assert abs(found["ADA-BTC"] - bridged) < Decimal("1e-20")
    assert (await rates.oracle_prices(config))[PAIR] == tickers[PAIR].price


async def test_names_that_are_no_pair(rates: Rates) -> None:
    """The caller is told the form."""
    for ask in (rates.pool_rates(["BTCUSDT"]), rates.oracle_rates(RateConfig(source="paper"), ["BTCUSDT"])):
        with pytest.raises(InvalidArgument, match="Expected format: BASE-QUOTE"):
            await ask


async def test_real_prices_and_invented_ones_do_not_mix(rates: Rates, market: MarketData, each_world: World) -> None:
    """With a real exchange in use the paper one is not in the merged pool, but can be asked for by name."""
    each_world.path.prices[PAIR] = Decimal(60_000)
    paper = await market.tickers("paper")
    each_world.path.prices[PAIR] = Decimal(50_000)
    use_other(each_world)
    pool = await rates.pool()
    assert set(pool.tickers) == {"other", "paper"}
    merged = await rates.pool_prices()
    assert merged == {name: ticker.price for name, ticker in (await market.tickers("other")).items()}
    assert merged[PAIR] < 55_000 < paper[PAIR].price
    await rates.configure(source="paper")
    assert await rates.pool_prices() == merged
    assert (await rates.pool_rates([PAIR], "paper"))[PAIR] == paper[PAIR].price


async def test_a_source_that_fails_among_others(
    rates: Rates, each_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named with the reason and takes the others down only if they fail too."""
    use_other(each_world)

    async def fail(self: OtherConnector) -> None:
        raise ConnectionResetError("gone")

    monkeypatch.setattr(OtherConnector, "fetch_tickers", fail)
    pool = await rates.pool()
    assert set(pool.tickers) == {"paper"}
    assert pool.errors == {"other": "other did not answer: the connection or the system failed"}
    assert pool.updated_at("other") is None
    assert pool.updated_at("paper") == each_world.clock.now()
    with pytest.raises(ExchangeReadError, match="other: other did not answer"):
        await rates.pool(["other"])


async def test_connectors_without_tickers(rates: Rates) -> None:
    """An unknown name is 404, one that can't serve is named, and if none can the caller is told which could."""
    with pytest.raises(UnknownConnector):
        await rates.pool(["paper", "nope"])
    pool = await rates.pool(["paper", "dexalot"])
    assert pool.errors == {"dexalot": "dexalot does not support tickers"}
    with pytest.raises(InvalidArgument, match=r"None of the connectors has tickers: \['dexalot'\]"):
        await rates.pool(["dexalot"])
    with pytest.raises(UnsupportedFeature):
        await rates.pool_rates([PAIR], "dexalot")
