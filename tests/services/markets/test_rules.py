"""Trading rules come from the venue at each use; only the first load of a connector is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import cast

import pytest

from app.domain.errors import (
    ExchangeDown,
    ExchangeReadError,
    RateLimited,
    RulesNotLoaded,
    RuleViolation,
    UnsupportedPair,
)
from app.domain.markets.trading_rule import TradingRule
from app.services.markets import rules as module
from app.services.markets.rules import Rules
from app.services.sessions import Sessions
from tests.services.world import World, request


class Venue:
    """A keyless connector, and the sessions that have it. Its rules are what the test says."""

    def __init__(self, rules: Mapping[str, TradingRule]) -> None:
        self.rules = rules
        self.loads = 0
        self.max_ages: list[timedelta | None] = []
        self.fault: Exception | None = None
        #: What the exchange says now, to those who want to know its rules of now, or why it says nothing.
        self.renewed: Mapping[str, TradingRule] | None = None
        self.renewal_fault: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def keyless(self, connector_name: str) -> Venue:
        return self

    async def load_trading_rules(self, max_age: timedelta | None = None) -> Mapping[str, TradingRule]:
        self.loads += 1
        self.max_ages.append(max_age)
        if max_age is not None:
            if self.renewal_fault is not None:
                raise self.renewal_fault
            return self.rules if self.renewed is None else self.renewed
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
    for fault, text in (
        (ExchangeDown("Closed for repairs."), "Closed for repairs."),
        (KeyError("k"), "it failed in an unexpected way (the log has the reason)"),
    ):
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


PAIRS_AGE, NUMBERS_AGE = timedelta(seconds=10), timedelta(seconds=60)


async def test_a_pair_that_is_new_is_looked_at_again(rules: Rules, venue: Venue) -> None:
    """A pair is unknown only if the exchange has just said so."""
    known = (await rules.of("odd"))["BTC-USDT"]
    venue.renewed = {**venue.rules, "NEW-USDT": replace(known, trading_pair="NEW-USDT")}
    assert (await rules.rule("odd", "NEW-USDT")).trading_pair == "NEW-USDT"
    assert venue.max_ages[-1] == PAIRS_AGE


async def test_a_pair_that_is_closed_is_looked_at_again(rules: Rules, venue: Venue) -> None:
    """An order for a pair that opened a moment ago goes through; for one that is closed it is refused by fresh knowledge."""
    known = (await rules.of("odd"))["BTC-USDT"]
    venue.rules = {"BTC-USDT": replace(known, is_trading=False)}
    asked = request(connector_name="odd")
    with pytest.raises(RuleViolation, match="not open for trading"):
        await rules.checked(asked)
    assert PAIRS_AGE in venue.max_ages
    venue.renewed = {"BTC-USDT": known}
    assert (await rules.checked(asked)).price == asked.price


async def test_a_pair_is_not_denied_where_the_exchange_can_not_be_asked(rules: Rules, venue: Venue) -> None:
    """What is not known is no refusal: the caller is told to try again, and nothing was sent."""
    known = (await rules.of("odd"))["BTC-USDT"]
    venue.rules = {"BTC-USDT": replace(known, is_trading=False)}
    await rules.of("odd")
    venue.renewal_fault = ExchangeReadError("no answer")
    for trading_pair in ("BTC-USDT", "NEW-USDT"):
        with pytest.raises(RulesNotLoaded):
            await rules.rule("odd", trading_pair)
    venue.renewal_fault = RateLimited("wait", retry_after=timedelta(seconds=7))
    with pytest.raises(RateLimited):
        await rules.rule("odd", "NEW-USDT")


async def test_an_order_that_breaks_an_old_rule_is_measured_by_a_younger_one(rules: Rules, venue: Venue) -> None:
    """The exchange lowered its minimum: the order goes through. Where it did not, the refusal names the rule."""
    known = (await rules.of("odd"))["BTC-USDT"]
    venue.rules = {"BTC-USDT": replace(known, min_order_size=Decimal(5), min_base_amount_increment=Decimal(1))}
    small = request(connector_name="odd", amount=Decimal("0.01"))
    with pytest.raises(RuleViolation, match="minimum order size 5"):
        await rules.checked(small)
    venue.renewed = {"BTC-USDT": known}
    assert (await rules.checked(small)).amount == Decimal("0.01")
    assert venue.max_ages[-1] == NUMBERS_AGE
    venue.renewal_fault = ExchangeReadError("no answer")
    with pytest.raises(RuleViolation, match="minimum order size 5"):
        await rules.checked(small)


async def test_an_order_that_keeps_the_rules_costs_no_question(rules: Rules, venue: Venue) -> None:
    """Only what would be refused is looked at again."""
    await rules.checked(request(connector_name="odd"))
    assert set(venue.max_ages) == {None}


async def test_closing_ends_a_load(rules: Rules, venue: Venue) -> None:
    """Whoever waits for it is told that there are no rules."""
    venue.gate.clear()
    waiting = asyncio.create_task(rules.of("odd"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await rules.close()
    with pytest.raises(RulesNotLoaded):
        await waiting
