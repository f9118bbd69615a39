"""What the accounts hold: asked side by side, remembered for a moment, and never silently incomplete."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from app.domain.errors import ExchangeReadError, ExchangeReadTimeout
from app.domain.order import AccountKey
from app.domain.portfolio import Holdings
from app.services.accounts.accounts import MASTER_ACCOUNT
from app.services.gateway import Gateway
from app.storage.portfolio import slot_of
from app.vault import Vault
from tests.clock import FakeClock
from tests.connectors.stub import HANG, Reply, Request, StubExchange, error
from tests.gateways import SECRET_KEY, opened_gateway
from tests.services.binance_stub import ACCOUNT, CREDENTIALS, account, urls
from tests.services.odd_connector import register

TICKER = ("GET", "/api/v3/ticker/24hr")


async def binance(gateway: Gateway, *, refresh: bool = True) -> Holdings:
    """What the account on the stand-in holds."""
    [holdings] = (await gateway.portfolio.state(connector_names=["binance"], refresh=refresh)).holdings
    return holdings


def units(holdings: Holdings) -> dict[str, str]:
    return {token.token: format(token.units, "f") for token in holdings.tokens}


async def test_state_of_several_accounts_and_connectors(gateway: Gateway) -> None:
    """Every account is there with every connector; units are the exchange's, values their products with the prices."""
    state = await gateway.portfolio.state()

    places = [(each.account_name, each.connector_name) for each in state.holdings]
    assert places == [(MASTER_ACCOUNT, "binance"), (MASTER_ACCOUNT, "paper"), ("second", "paper")]
    on_binance, _, second = state.holdings
    assert units(on_binance) == {"BTC": "2", "USDT": "50"}
    assert on_binance.value == Decimal(250)
    assert units(second) == {"BTC": "0.5", "USDT": "1000"}
    bitcoin, dollars = second.tokens
    assert bitcoin.price is not None
    assert second.value == bitcoin.price * Decimal("0.5") + 1000
    assert dollars.price == 1
    assert [each.problem for each in state.holdings] == [None] * 3


async def test_filters_choose_and_change_nothing_for_the_next_caller(gateway: Gateway) -> None:
    """Whatever one caller asks for, the next one who asks for all gets all. Unknown names are dropped."""
    everything = await gateway.portfolio.state()

    chosen = await gateway.portfolio.state(connector_names=["binance", "nonsense"])
    assert [each.connector_name for each in chosen.holdings] == ["binance"]
    assert chosen.account_names == (MASTER_ACCOUNT, "second")
    chosen = await gateway.portfolio.state(account_names=["second", "nobody"])
    assert [each.account_name for each in chosen.holdings] == ["second"]
    assert chosen.account_names == ("second",)
    assert (await gateway.portfolio.state(account_names=["nobody"])).holdings == ()

    assert await gateway.portfolio.state() == everything


async def test_answers_serve_for_three_seconds_unless_refreshed(
    gateway: Gateway, stub: StubExchange, clock: FakeClock
) -> None:
    """An exchange is asked again when its answer is old, or on demand."""
    assert units(await binance(gateway)) == {"BTC": "2", "USDT": "50"}
    stub.script(*ACCOUNT, account(BTC="3"))

    clock.advance(2.9)
    assert units(await binance(gateway, refresh=False)) == {"BTC": "2", "USDT": "50"}
    assert units(await binance(gateway, refresh=True)) == {"BTC": "3"}
    stub.script(*ACCOUNT, account(BTC="4"))
    clock.advance(3)
    assert units(await binance(gateway, refresh=False)) == {"BTC": "4"}


async def test_callers_at_the_same_time_share_one_question(gateway: Gateway, stub: StubExchange) -> None:
    """Many who ask at once make one call to the exchange."""
    gateway.portfolio.forget(AccountKey(MASTER_ACCOUNT, "binance"))
    states = await asyncio.gather(*[binance(gateway, refresh=False) for _ in range(10)])

    assert len(stub.asked(*ACCOUNT)) == 1
    assert len({state.asked_at for state in states}) == 1


@pytest.mark.parametrize(
    ("answer", "problem"),
    [(error(503, -1000, "Maintenance"), "Maintenance"), (HANG, "did not answer")],
    ids=["error", "silence"],
)
async def test_an_exchange_that_fails_shows_what_it_said_last(
    gateway: Gateway, stub: StubExchange, clock: FakeClock, answer: Reply, problem: str
) -> None:
    """The last answer is shown with its time and the reason, and other connectors are as fresh as ever."""
    before = await binance(gateway)
    stub.script(*ACCOUNT, answer)
    clock.advance(60)

    on_binance, *others = (await gateway.portfolio.state()).holdings

    assert (on_binance.asked_at, units(on_binance)) == (before.asked_at, units(before))
    assert on_binance.problem is not None
    assert problem in on_binance.problem
    assert all((each.asked_at, each.problem) == (clock.now(), None) for each in others)


async def test_after_a_restart_the_last_snapshot_stands_in(
    gateway: Gateway, stub: StubExchange, clock: FakeClock, tmp_path: Path, sqlite_template: Path
) -> None:
    """A process that has heard nothing yet shows the newest snapshot with the reason; where there is none, it names the place."""
    before = await binance(gateway)
    stub.script(*ACCOUNT, error(503, -1000, "Maintenance"))
    clock.advance(60)
    async with opened_gateway(tmp_path, sqlite_template, clock, connector_urls=urls(stub)) as restarted:
        with pytest.raises(
            ExchangeReadError, match=r"^The balances of account 'master_account' on 'binance' are not known"
        ):
            await restarted.portfolio.state(connector_names=["binance"])
        state = await restarted.portfolio.state()
        assert {each.connector_name for each in state.holdings} == {"paper"}
        [missing] = state.missing
        assert (missing.account_name, missing.connector_name) == (MASTER_ACCOUNT, "binance")
        assert missing.problem.startswith("The balances of account 'master_account' on 'binance' are not known")
        assert {each.connector_name for each in await restarted.portfolio.known()} == {"paper"}

        restarted.journal.snapshots.put(slot_of(clock.now()), [before])
        holdings = await binance(restarted)

    assert (holdings.asked_at, holdings.tokens) == (before.asked_at, before.tokens)
    assert holdings.problem is not None


async def test_silence_with_nothing_known_is_a_timeout(
    stub: StubExchange, clock: FakeClock, tmp_path: Path, sqlite_template: Path, gateway: Gateway
) -> None:
    """An exchange of which nothing is known and that does not answer is told from one that answers with an error."""
    stub.script(*ACCOUNT, HANG)
    short = {"connector_urls": urls(stub), "exchange_timeout": timedelta(seconds=0.3)}
    async with opened_gateway(tmp_path, sqlite_template, clock, **short) as restarted:
        with pytest.raises(ExchangeReadTimeout):
            await restarted.portfolio.state(connector_names=["binance"])


async def test_unknown_prices_are_none(gateway: Gateway, stub: StubExchange) -> None:
    """A token that is not traded against dollars has no price, and counts for nothing; a token named after the dollar is one."""
    stub.script(*ACCOUNT, account(ODDCOIN="5", LDUSDT="3", BTC="1"))

    tokens = {token.token: token for token in (await binance(gateway)).tokens}

    assert tokens["ODDCOIN"].price is None
    assert tokens["ODDCOIN"].value == 0
    assert tokens["LDUSDT"].price == 1
    assert tokens["BTC"].price == 100


async def test_prices_that_fail_are_the_last_ones_or_none(
    gateway: Gateway, stub: StubExchange, clock: FakeClock
) -> None:
    """A ticker that can't be had does not fail the portfolio."""
    await binance(gateway)
    stub.script(*TICKER, error(500, -1000))
    stub.script(*ACCOUNT, account(BTC="1", ETH="1"))
    clock.advance(60)

    tokens = {token.token: token.price for token in (await binance(gateway)).tokens}

    assert tokens == {"BTC": 100, "ETH": None}


async def test_prices_serve_for_five_seconds(gateway: Gateway, stub: StubExchange, clock: FakeClock) -> None:
    """Prices are asked for again when they are old, once for all accounts."""
    await asyncio.gather(*[binance(gateway) for _ in range(5)])
    assert len(stub.asked(*TICKER)) == 1

    def dearer(request: Request) -> Reply:
        return Reply(
            body=(
                b'{"symbol":"%s","lastPrice":"120","volume":"1","quoteVolume":"1","closeTime":1795000000000}'
                % request.parameters["symbol"].encode()
            )
        )

    stub.script(*TICKER, dearer)
    clock.advance(4.9)
    assert (await binance(gateway)).value == 250
    clock.advance(0.1)
    assert (await binance(gateway)).value == 290


async def test_replaced_credentials_show_their_own_balances(gateway: Gateway, stub: StubExchange) -> None:
    """What an earlier key saw is not shown under the new one."""
    await binance(gateway)
    stub.script(*ACCOUNT, account(BTC="7"))

    await gateway.accounts.add_credential(AccountKey(MASTER_ACCOUNT, "binance"), CREDENTIALS)

    assert units(await binance(gateway, refresh=False)) == {"BTC": "7"}
    await gateway.accounts.delete_credential(AccountKey(MASTER_ACCOUNT, "binance"), force=False)
    assert (await gateway.portfolio.state(connector_names=["binance"])).holdings == ()


async def test_an_answer_to_replaced_credentials_is_not_kept(gateway: Gateway, stub: StubExchange) -> None:
    """Where credentials change while the exchange is being asked, the next caller asks with the new ones."""

    def replaced_meanwhile(_: Request) -> Reply:
        gateway.portfolio.forget(AccountKey(MASTER_ACCOUNT, "binance"))
        return account(BTC="1")

    stub.script(*ACCOUNT, replaced_meanwhile, account(BTC="2"))
    await binance(gateway)

    assert units(await binance(gateway, refresh=False)) == {"BTC": "2"}


async def test_connectors_that_break(gateway: Gateway, monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
    """Without trading rules coins have no price and dollars do; what breaks or never answers is named; what is gone is left out."""
    register(monkeypatch)
    for name, balances in (("coins", "BTC:1,USDT:2"), ("dollars", "USDT:3")):
        gateway.accounts.add_account(name)
        await gateway.accounts.add_credential(AccountKey(name, "paper"), {"starting_balances": balances})
        await gateway.accounts.add_credential(AccountKey(name, "odd"), {"mode": "well"})

    state = await gateway.portfolio.state(["coins", "dollars"], ["odd"])
    assert [[token.price for token in each.tokens] for each in state.holdings] == [[None, 1], [1]]

    vault = Vault(SECRET_KEY)
    for name, mode in (("coins", "crash"), ("dollars", "hang"), ("second", "gone")):
        stored = gateway.journal.accounts.find_credential(name, "odd")
        sealed = vault.seal(name, "odd", {"mode": mode})
        assert gateway.journal.accounts.put_credential(name, "odd", sealed, old=stored and stored.sealed)
        gateway.sessions.forget(AccountKey(name, "odd"))
    problems = {
        each.account_name: each.problem
        for each in (await gateway.portfolio.state(connector_names=["odd"], refresh=True)).holdings
    }
    assert problems == {
        "coins": "it failed in an unexpected way (the log has the reason)",
        "dollars": "no answer within 4 seconds",
    }
