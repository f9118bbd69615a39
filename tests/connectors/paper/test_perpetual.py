"""What is particular to the paper perpetual connector: position actions in both modes, positions, settings, funding."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from app.clock import SystemClock
from app.connectors.base import ConnectorContext
from app.connectors.paper.perpetual import PaperPerpetualConnector, new_perpetual_order_of
from app.connectors.registry import connector_class
from app.domain.enums import PositionAction, PositionMode, PositionSide, TradeType
from app.domain.errors import CredentialsRefused, ExchangeDown, InsufficientBalance, OrderRefused, UnsupportedPair
from app.domain.order import Order
from app.domain.reports import OrderReport
from app.settings import Settings
from tests.connectors.conformance import Bench, next_report
from tests.connectors.paper.perpetual_dialect import PaperPerpetualDialect

BUY, SELL = TradeType.BUY, TradeType.SELL
OPEN, CLOSE = PositionAction.OPEN, PositionAction.CLOSE
ONEWAY, HEDGE = PositionMode.ONEWAY, PositionMode.HEDGE
EIGHT_HOURS = 8 * 3_600


@pytest.fixture
async def dialect() -> AsyncIterator[PaperPerpetualDialect]:
    dialect = PaperPerpetualDialect()
    await dialect.start()
    yield dialect
    await dialect.stop()


@pytest.fixture
def bench(dialect: PaperPerpetualDialect) -> Bench:
    return Bench(dialect, dialect.connect())


async def market(bench: Bench, side: TradeType, amount: str, **terms: Any) -> OrderReport:
    return await bench.connector.submit_order(bench.order(trade_type=side, amount=D(amount), **terms))


def test_the_registry_knows_it() -> None:
    """Under its name, with what it can do."""
    kind = connector_class("paper_perpetual")
    assert kind is PaperPerpetualConnector
    assert kind.capabilities.is_perpetual
    assert kind.capabilities.reduce_only
    assert not kind.capabilities.quote_amount
    for verb in ("fetch_positions", "fetch_position_mode", "set_position_mode", "set_leverage"):
        assert kind.has_verb(verb)


async def test_a_venue_opens_beside_the_spot_one(empty_database_url: str, tmp_path: Path) -> None:
    """In a file of its own, or in tables of its own in PostgreSQL; what is set there is there again."""
    settings = Settings(data_dir=tmp_path / "data", database_url=empty_database_url)
    clock = SystemClock()
    for expected in (ONEWAY, HEDGE):
        venue = await PaperPerpetualConnector.open_venue(settings, clock)
        context = ConnectorContext(account_name="ann", credentials={}, clock=clock, venue=venue)
        connector = PaperPerpetualConnector(context)
        assert await connector.fetch_position_mode() is expected
        await connector.set_position_mode(HEDGE)
        await PaperPerpetualConnector.close_venue(venue)
    assert (tmp_path / "data" / "paper_perpetual.db").exists() == settings.is_sqlite


# -- orders -------------------------------------------------------------------------------------------------------------


def order(**terms: Any) -> Order:
    dialect = PaperPerpetualDialect()
    return Bench(dialect, PaperPerpetualStub()).order(**terms)  # type: ignore[arg-type]


class PaperPerpetualStub:
    """As much of a connector as naming it in a request needs."""

    name = "paper_perpetual"
    capabilities = PaperPerpetualConnector.capabilities
    context = type("Context", (), {"account_name": "alice"})


@pytest.mark.parametrize(
    ("mode", "side", "action", "position_side", "reduces"),
    [
        (ONEWAY, BUY, OPEN, PositionSide.BOTH, False),
        (ONEWAY, SELL, OPEN, PositionSide.BOTH, False),
        (ONEWAY, SELL, CLOSE, PositionSide.BOTH, True),
        (ONEWAY, BUY, CLOSE, PositionSide.BOTH, True),
        (HEDGE, BUY, OPEN, PositionSide.LONG, False),
        (HEDGE, SELL, OPEN, PositionSide.SHORT, False),
        (HEDGE, SELL, CLOSE, PositionSide.LONG, True),
        (HEDGE, BUY, CLOSE, PositionSide.SHORT, True),
    ],
)
def test_what_an_action_means_in_each_mode(
    mode: PositionMode, side: TradeType, action: PositionAction, position_side: PositionSide, reduces: bool
) -> None:
    """One-way: closing may only reduce. Hedge: side and action together name the position."""
    new = new_perpetual_order_of(order(trade_type=side, position_action=action), "alice", mode)
    assert (new.position_side, new.only_reduces) == (position_side, reduces)


def test_in_hedge_mode_opening_can_not_only_reduce() -> None:
    """Refused before anything is sent; in one-way mode the flag alone will do."""
    contradiction = order(reduce_only=True)
    with pytest.raises(OrderRefused) as refusal:
        new_perpetual_order_of(contradiction, "alice", HEDGE)
    assert refusal.value.exchange_code
    assert new_perpetual_order_of(contradiction, "alice", ONEWAY).only_reduces


async def test_closing_in_one_way_mode_never_opens(bench: Bench) -> None:
    """More than the position is refused, and so is closing nothing."""
    with pytest.raises(OrderRefused) as refusal:
        await market(bench, SELL, "0.1", position_action=CLOSE)
    assert refusal.value.exchange_code == "REDUCE_ONLY"
    await market(bench, BUY, "0.1")
    with pytest.raises(OrderRefused):
        await market(bench, SELL, "0.2", position_action=CLOSE)
    await market(bench, SELL, "0.1", position_action=CLOSE)
    assert await bench.connector.fetch_positions() == []


async def test_in_hedge_mode_both_positions_are_shown_and_closed(bench: Bench) -> None:
    """Each by its own orders."""
    await bench.connector.set_position_mode(HEDGE)
    await market(bench, BUY, "0.1")
    await market(bench, SELL, "0.3")
    assert {each.side: each.amount for each in await bench.connector.fetch_positions()} == {
        PositionSide.LONG: D("0.1"),
        PositionSide.SHORT: D("-0.3"),
    }
    await market(bench, SELL, "0.1", position_action=CLOSE)
    await market(bench, BUY, "0.3", position_action=CLOSE)
    assert await bench.connector.fetch_positions() == []


async def test_a_dust_position_passes_the_rules_and_the_exchange(bench: Bench) -> None:
    """The last five dollars can be closed, but not opened."""
    rule = (await bench.connector.load_trading_rules())["BTC-USDT"]
    assert (rule.sell_order_collateral_token, rule.notional_applies_to_reduce_only) == ("USDT", False)
    await market(bench, BUY, "0.10001")
    await market(bench, SELL, "0.1", position_action=CLOSE)
    request = bench.request(trade_type=SELL, price=D(65_000), amount=D("0.00001"), position_action=CLOSE)
    assert rule.checked(request).amount == D("0.00001")
    await market(bench, SELL, "0.00001", position_action=CLOSE)
    assert await bench.connector.fetch_positions() == []


async def test_a_liquidation_is_reported_with_its_marker(bench: Bench, dialect: PaperPerpetualDialect) -> None:
    """By the stream, as an order of the exchange's own; the orders that were to reduce the position expire with a reason."""
    await bench.connector.set_leverage("BTC-USDT", 100)
    await market(bench, BUY, "0.1")
    resting = bench.order(trade_type=SELL, price=D(70_000), reduce_only=True)
    async with bench.reading() as following:
        await bench.connector.submit_order(resting)
        await dialect.move_market(D(60_000))
        expired = await next_report(following, resting.order_id, "expired")
    assert (expired.reason_code, expired.filled_amount) == ("reduce_only", 0)
    (fill,) = [each for each in dialect.exchange.fills("alice") if each.price == 60_000]
    record = dialect.exchange.order("alice", exchange_order_id=fill.exchange_order_id)
    assert record is not None
    assert record.order.client_order_id.startswith("liquidation-")
    assert await bench.connector.fetch_positions() == []


# -- positions, settings, funding ---------------------------------------------------------------------------------------


async def test_a_position_in_full(bench: Bench, dialect: PaperPerpetualDialect) -> None:
    """Entry, mark, result, margin, leverage and the price of its liquidation."""
    await bench.connector.set_leverage("BTC-USDT", 10)
    report = await market(bench, SELL, "0.1")
    await dialect.move_market(D(64_000))
    (position,) = await bench.connector.fetch_positions()
    cost = sum(fill.price * fill.amount for fill in report.fills)
    assert (position.trading_pair, position.side, position.amount) == ("BTC-USDT", PositionSide.BOTH, D("-0.1"))
    assert (position.entry_price, position.mark_price, position.leverage) == (cost / D("0.1"), D(64_000), D(10))
    assert (position.unrealized_pnl, position.margin) == (cost - 6_400, cost / 10)
    assert position.liquidation_price is not None
    assert position.liquidation_price > 70_000


async def test_settings_are_the_exchanges(bench: Bench, dialect: PaperPerpetualDialect) -> None:
    """Another connector of the account sees them; what the exchange refuses is OrderRefused with its code."""
    assert await bench.connector.fetch_position_mode() is ONEWAY
    await bench.connector.set_position_mode(HEDGE)
    other = dialect.connect()
    assert await other.fetch_position_mode() is HEDGE
    await market(bench, BUY, "0.1")
    with pytest.raises(OrderRefused) as refusal:
        await bench.connector.set_position_mode(ONEWAY)
    assert refusal.value.exchange_code == "POSITION_MODE"
    for pair, leverage, code in (("BTC-USDT", 126, "LEVERAGE"), ("NO-PAIR", 5, "UNKNOWN_PAIR")):
        with pytest.raises(OrderRefused) as refusal:
            await bench.connector.set_leverage(pair, leverage)
        assert refusal.value.exchange_code == code


async def test_leverage_is_what_margin_is_counted_by(bench: Bench) -> None:
    """Thirty times the money at fifty times leverage, and not without it."""
    with pytest.raises(InsufficientBalance):
        await market(bench, BUY, "40")
    await bench.connector.set_leverage("BTC-USDT", 50)
    assert (await market(bench, BUY, "40")).filled_amount > 0


async def test_funding_payments_come_in_pages_and_all(
    bench: Bench, dialect: PaperPerpetualDialect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each once, with a stable id, from the moment that is asked for."""
    since = dialect.clock.now()
    await market(bench, BUY, "0.1")
    await market(bench, BUY, "1", trading_pair="ETH-USDT")
    dialect.clock.advance(3 * EIGHT_HOURS)
    found = await bench.connector.fetch_funding_payments(since)
    assert len({each.exchange_funding_id for each in found}) == len(found) == 6
    assert {each.currency for each in found} == {"USDT"}
    assert all(each.payment < 0 and each.rate == D("0.0001") for each in found)
    monkeypatch.setattr("app.connectors.paper.perpetual.PAGE", 3)
    monkeypatch.setattr(dialect.exchange, "funding_payments", _paged(dialect.exchange.funding_payments, 3))
    assert await bench.connector.fetch_funding_payments(since) == found
    assert await bench.connector.fetch_funding_payments(found[-1].paid_at) == found[-2:]


def _paged(question: Any, limit: int) -> Any:
    return lambda *names, **terms: question(*names, **terms, limit=limit)


async def test_funding_info(bench: Bench, dialect: PaperPerpetualDialect) -> None:
    """The terms of the present interval; an unknown pair is said to be one."""
    info = await bench.connector.fetch_funding_info("BTC-USDT")
    assert (info.mark_price, info.index_price, info.funding_rate) == (D(65_000), D(65_000), D("0.0001"))
    assert info.next_funding_at is not None
    assert info.next_funding_at > dialect.clock.now()
    with pytest.raises(UnsupportedPair):
        await bench.connector.fetch_funding_info("NO-PAIR")


async def test_a_closed_venue_changes_nothing(bench: Bench, dialect: PaperPerpetualDialect) -> None:
    """Nothing was sent, so it is a refusal."""
    await dialect.venue.close()
    with pytest.raises(ExchangeDown):
        await bench.connector.set_leverage("BTC-USDT", 5)


async def test_an_account_opens_with_dollars_only(dialect: PaperPerpetualDialect) -> None:
    """Its one credential takes an amount of the settlement asset; coins are refused."""

    def connect(account: str, text: str) -> PaperPerpetualConnector:
        context = dialect.connect().context
        return PaperPerpetualConnector(replace(context, account_name=account, credentials={"starting_balances": text}))

    (balance,) = await connect("bob", "USDT:1234.5").check_credentials()
    assert (balance.asset, balance.total, balance.available) == ("USDT", D("1234.5"), D("1234.5"))
    with pytest.raises(CredentialsRefused, match="with one of USDT"):
        connect("cy", "BTC:1")
