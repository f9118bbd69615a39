"""Trading rules come from the venue at each use; only the first load of a connector is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

import pytest

from app.domain.errors import ExchangeDown, RulesNotLoaded, UnsupportedPair
from app.domain.trading_rule import TradingRule
from app.services.markets import rules as module
from app.services.markets.rules import Rules
from app.services.sessions import Sessions
from tests.services.world import World


class Venue:
    """A keyless connector, and the sessions that have it. Its rules are what the test says."""

    def __init__(self, rules: Mapping[str, TradingRule]) -> None:
        self.rules = rules
        self.loads = 0
        self.fault: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def keyless(self, connector_name: str) -> Venue:
        return self

    async def load_trading_rules(self) -> Mapping[str, TradingRule]:
        self.loads += 1
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return self.rules


@pytest.fixture
async def venue(world: World) -> Venue:
    return Venue(await world.rules.of("paper"))


@pytest.fixture
def rules(venue: Venue) -> Rules:
    return Rules(cast(Sessions, venue))


async def test_a_rule_by_pair(world: World) -> None:
    """A pair that is not traded is refused with those that are."""
    assert (await world.rules.rule("paper", "BTC-USDT")).trading_pair == "BTC-USDT"
    with pytest.raises(UnsupportedPair, match=r"NO-PAIR.*BTC-USDT"):
        await world.rules.rule("paper", "NO-PAIR")


async def test_nothing_is_cached_beside_the_venue(rules: Rules, venue: Venue) -> None:
    """What the venue has renewed counts at once."""
    before = await rules.of("odd")
    venue.rules = {"A-B": before["BTC-USDT"]}
    assert await rules.of("odd") is venue.rules


async def test_callers_share_the_first_load(rules: Rules, venue: Venue) -> None:
    """However many wait for it; afterwards each is answered by the venue."""
    venue.gate.clear()
    waiting = [asyncio.create_task(rules.of("odd")) for _ in range(5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert venue.loads == 1
    venue.gate.set()
    assert await asyncio.gather(*waiting) == [venue.rules] * 5


async def test_a_caller_waits_for_the_first_load_only_so_long(
    rules: Rules, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The load goes on without the caller, and the next one finds what it brought."""
    monkeypatch.setattr(module, "_FIRST_LOAD", 0.01)
    venue.gate.clear()
    with pytest.raises(RulesNotLoaded):
        await rules.of("odd")
    venue.gate.set()
    assert await rules.of("odd") is venue.rules


async def test_a_load_that_failed_is_a_problem_until_one_succeeds(rules: Rules, venue: Venue) -> None:
    """Readiness tells the reason; each caller tries again."""
    for fault, text in ((ExchangeDown("Closed for repairs."), "Closed for repairs."), (KeyError("k"), "KeyError")):
        venue.fault = fault
        with pytest.raises(RulesNotLoaded):
            await rules.of("odd")
        assert rules.problems == {"odd": f"trading rules not loaded: {text}"}
    venue.fault = None
    await rules.of("odd")
    assert rules.problems == {}


async def test_an_exchange_without_pairs_has_no_rules_yet(rules: Rules, venue: Venue) -> None:
    """An empty answer refuses no pair for good."""
    venue.rules = {}
    with pytest.raises(RulesNotLoaded):
        await rules.of("odd")


async def test_closing_ends_a_load(rules: Rules, venue: Venue) -> None:
    """Whoever waits for it is told that there are no rules."""
    venue.gate.clear()
    waiting = asyncio.create_task(rules.of("odd"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await rules.close()
    with pytest.raises(RulesNotLoaded):
        await waiting
