"""Open positions: asked of every perpetual side by side, never silently incomplete."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from decimal import Decimal as D
from pathlib import Path

import pytest

from app.domain.enums import TradeType
from app.domain.errors import ExchangeReadError, InvalidCursor
from app.domain.order import AccountKey
from app.domain.reports import Position
from app.services.accounts.accounts import MASTER_ACCOUNT
from app.services.gateway import Gateway
from tests.clock import FakeClock
from tests.gateways import opened_gateway
from tests.services.odd_perpetual import OddPerpetual, register
from tests.services.perpetuals import PERPETUAL, give, market


@pytest.fixture
async def gateway(
    tmp_path: Path, sqlite_template: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gateway]:
    """A gateway with two accounts on the paper perpetuals."""
    register(monkeypatch)
    async with opened_gateway(tmp_path, sqlite_template, clock) as gateway:
        give(gateway, MASTER_ACCOUNT, PERPETUAL)
        give(gateway, "second", PERPETUAL)
        yield gateway


async def test_positions_of_all_accounts_in_order(gateway: Gateway) -> None:
    """By account, connector, pair and side; spot connectors are not asked, and accounts without positions add nothing."""
    give(gateway, "third", PERPETUAL)
    await market(gateway, "0.1", account_name="second")
    await market(gateway, "1", trading_pair="ETH-USDT", side=TradeType.SELL)
    await market(gateway, "0.2")
    found = await gateway.positions.page((), (), limit=100, cursor=None)
    assert [(each.account_name, each.position.trading_pair, each.position.amount) for each in found.page.items] == [
        (MASTER_ACCOUNT, "BTC-USDT", D("0.2")),
        (MASTER_ACCOUNT, "ETH-USDT", D(-1)),
        ("second", "BTC-USDT", D("0.1")),
    ]
    assert (found.page.total_count, found.page.has_more, found.errors) == (3, False, ())


async def test_names_narrow(gateway: Gateway) -> None:
    """Accounts and connectors; names of nobody find nothing, and that is no failure."""
    await market(gateway, "0.1")
    await market(gateway, "0.2", account_name="second")
    (only,) = (await gateway.positions.page(("second",), (PERPETUAL,), limit=100, cursor=None)).page.items
    assert only.position.amount == D("0.2")
    for accounts, connectors in ((("nobody",), ()), ((), ("paper",)), ((), ("nothing",))):
        empty = await gateway.positions.page(accounts, connectors, limit=100, cursor=None)
        assert (empty.page.items, empty.page.total_count, empty.errors) == ((), 0, ())


async def test_pages_show_each_position_once(gateway: Gateway) -> None:
    """Of any size, and each tells how many there are in all."""
    for account_name in (MASTER_ACCOUNT, "second"):
        for trading_pair in ("BTC-USDT", "ETH-USDT"):
            await market(gateway, "0.1", account_name=account_name, trading_pair=trading_pair)
    seen, cursor = [], None
    while True:
        page = (await gateway.positions.page((), (), limit=3, cursor=cursor)).page
        assert page.total_count == 4
        seen += [each.key for each in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == sorted(seen)
    assert len(set(seen)) == 4
    with pytest.raises(InvalidCursor, match="'nonsense': pass back the next_cursor of a previous page"):
        await gateway.positions.page((), (), limit=3, cursor="nonsense")


@pytest.mark.parametrize(
    ("mode", "code", "text"),
    [
        ("crash", "exchange_read_error", "failed in an unexpected way"),
        ("key", "credentials_refused", "Invalid API-key"),
        ("down", "exchange_down", "maintenance"),
    ],
)
async def test_an_exchange_that_fails_is_named_beside_the_others(
    gateway: Gateway, mode: str, code: str, text: str
) -> None:
    """Its positions are not known, which is said; those of the others are shown."""
    give(gateway, "third", "odd_perpetual", mode=mode)
    await market(gateway, "0.1")
    found = await gateway.positions.page((), (), limit=100, cursor=None)
    assert len(found.page.items) == 1
    (unanswered,) = found.errors
    assert (unanswered.account_name, unanswered.connector_name) == ("third", "odd_perpetual")
    assert unanswered.problem.code == code
    assert text in unanswered.problem.detail


async def test_an_exchange_that_hangs_costs_the_time_limit_once(
    tmp_path: Path, sqlite_template: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are asked at the same time: two that hang take no longer than one, and the third is shown."""
    register(monkeypatch)
    hangs: list[str] = []
    fetch = OddPerpetual.fetch_positions

    async def noted(connector: OddPerpetual) -> Sequence[Position]:
        hangs.append("begins")
        try:
            return await fetch(connector)
        finally:
            hangs.append("ends")

    monkeypatch.setattr(OddPerpetual, "fetch_positions", noted)
    async with opened_gateway(tmp_path, sqlite_template, clock, exchange_timeout=timedelta(seconds=3)) as gateway:
        give(gateway, MASTER_ACCOUNT, PERPETUAL)
        for name in ("first_slow", "second_slow"):
            give(gateway, name, "odd_perpetual", mode="hang")
            # The time limit is for the question, and a busy machine must not use it up for the opening of stores.
            await gateway.sessions.connector(AccountKey(name, "odd_perpetual"))
        await gateway.sessions.connector(AccountKey(MASTER_ACCOUNT, PERPETUAL))
        found = await gateway.positions.page((), (), limit=100, cursor=None)
        assert [each.problem.code for each in found.errors] == ["exchange_read_timeout"] * 2
    assert hangs == ["begins", "begins", "ends", "ends"]


async def test_where_nobody_answers_the_question_fails(gateway: Gateway) -> None:
    """It isn't an empty page."""
    give(gateway, "third", "odd_perpetual", mode="down")
    with pytest.raises(ExchangeReadError, match="third/odd_perpetual: The exchange is down for maintenance"):
        await gateway.positions.page(("third",), (), limit=100, cursor=None)


async def test_credentials_for_a_perpetual_that_this_version_does_not_have_are_told(gateway: Gateway) -> None:
    """An account that may hold positions elsewhere is not passed over; one on a spot exchange is."""
    give(gateway, "third", "bitmart_perpetual")
    give(gateway, "third", "dexalot")
    found = await gateway.positions.page((), (), limit=100, cursor=None)
    assert [each.problem.code for each in found.errors] == ["unsupported_connector"]
