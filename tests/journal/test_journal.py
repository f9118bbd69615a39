"""Writing through the journal: opening orders, recording events and balances, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec import structs

from app.domain.enums import EventKind, OrderState, OrderStatus
from app.domain.errors import JournalUnavailable, OrderNotFound, PoolerFound, SchemaOutdated
from app.domain.events import OrderEvent
from app.domain.order import Order
from app.domain.reports import Balance, BalanceReport
from app.journal.journal import Journal
from app.journal.sqlite_store import SqliteStore
from app.settings import Settings
from tests.clock import START, FakeClock
from tests.journal.orders import (
    ACCEPTED,
    ACCOUNT,
    ADOPTED,
    CONNECTOR,
    INTENDED,
    adopted,
    fill,
    filled,
    happened,
    key,
    order,
)
from tests.journal.replaying import replay
from tests.storage.test_pooling import pooled


def always(*events: OrderEvent) -> Callable[[Order, frozenset[str]], Sequence[OrderEvent]]:
    """A decision that does not look."""
    return lambda _order, _fills: events


async def test_an_opened_order_is_found_as_it_was(journal: Journal) -> None:
    """What open_order was given is what every reader gets, to the last digit and microsecond."""
    at = datetime(2026, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
    given = order(at=at, amount=Decimal("0.000000000000000001"), price=None, idempotency_key="k", reduce_only=True)

    opened = await journal.open_order(given, INTENDED)

    assert opened.is_new
    assert opened.order == given
    assert journal.find_order(key()) == given
    assert journal.find_by_idempotency_key(ACCOUNT, CONNECTOR, "k") == given
    assert journal.find_orders("o1") == [given]
    assert replay(journal, key()) == given
    assert journal.head() == 1


async def test_an_order_is_opened_once_under_its_id(journal: Journal) -> None:
    """A second order of the same id is not written; the first one is returned as it stands now."""
    await journal.open_order(order(), INTENDED)
    recorded = await journal.record(key(), always(ACCEPTED))

    again = await journal.open_order(order(amount=Decimal(5)), INTENDED)

    assert not again.is_new
    assert again.order == recorded.order
    assert journal.head() == 2


async def test_an_order_is_opened_once_under_its_idempotency_key(journal: Journal) -> None:
    """A second order of the same idempotency key is not written, whatever its id."""
    first = await journal.open_order(order("o1", idempotency_key="k"), INTENDED)
    again = await journal.open_order(order("o2", idempotency_key="k"), INTENDED)

    assert (again.order, again.is_new) == (first.order, False)
    assert journal.find_order(key("o2")) is None


async def test_one_key_opened_by_many_at_once_makes_one_order(journal: Journal) -> None:
    """Of many openings that are written in one group, one is new and all get the same order."""
    openings = [journal.open_order(order(f"o{n}", idempotency_key="k"), INTENDED) for n in range(50)]

    opened = await asyncio.gather(*openings)

    assert sum(each.is_new for each in opened) == 1
    assert len({each.order.order_id for each in opened}) == 1
    assert journal.head() == 1


async def test_ids_and_keys_are_unique_per_account_and_connector(journal: Journal) -> None:
    """The same id and key on another account or connector is another order."""
    for account_name, connector_name in (("a", "x"), ("a", "y"), ("b", "x")):
        given = order(account_name=account_name, connector_name=connector_name, idempotency_key="k")
        assert (await journal.open_order(given, INTENDED)).is_new

    assert len(journal.find_orders("o1")) == 3
    assert [each.connector_name for each in journal.find_orders("o1", account_name="a")] == ["x", "y"]
    assert len(journal.find_orders("o1", account_name="a", connector_name="y")) == 1


async def test_an_adopted_order_begins_open(journal: Journal) -> None:
    """An order found at the exchange begins its life open."""
    await journal.open_order(adopted(), ADOPTED)

    found = journal.find_order(key())
    assert found is not None
    assert found.state is OrderState.OPEN
    assert replay(journal, key()) == found


async def test_an_order_must_begin_with_its_state(journal: Journal) -> None:
    """An event that does not begin a life, or not this one, is a fault of the caller."""
    with pytest.raises(ValueError, match="does not begin"):
        await journal.open_order(order(), ACCEPTED)
    with pytest.raises(ValueError, match="does not begin"):
        await journal.open_order(order(), ADOPTED)


async def test_events_are_applied_and_listed(journal: Journal) -> None:
    """Recorded events change the order, get consecutive numbers, and carry the order's figures after them."""
    await journal.open_order(order(), INTENDED)

    recorded = await journal.record(key(), always(ACCEPTED, filled("f1", "0.25"), filled("f2", "0.75", full=True)))

    assert recorded.order.state is OrderState.FILLED
    assert recorded.order.filled_amount == 1
    assert recorded.order.fees == {"BNB": Decimal("0.002")}
    assert [entry.seq for entry in recorded.entries] == [2, 3, 4]
    assert [entry.status for entry in recorded.entries] == [
        OrderStatus.OPEN,
        OrderStatus.PARTIALLY_FILLED,
        OrderStatus.FILLED,
    ]
    assert [entry.filled_amount for entry in recorded.entries] == [0, Decimal("0.25"), 1]
    assert journal.find_order(key()) == recorded.order == replay(journal, key())
    assert journal.history(key())[1:] == list(recorded.entries)
    assert [trade.fill for trade in journal.known_fills(key())] == [fill("f1", "0.25"), fill("f2", "0.75")]


async def test_decide_sees_the_order_and_its_fills_as_they_are(
    journal: Journal, build_journal: Callable[[], Journal]
) -> None:
    """The decision gets the present order and the fill ids known of it, from memory and from the database alike."""
    await journal.open_order(order(), INTENDED)
    await journal.record(key(), always(ACCEPTED, filled("f1")))
    seen: list[tuple[Order, frozenset[str]]] = []

    def look(now: Order, fills: frozenset[str]) -> Sequence[OrderEvent]:
        seen.append((now, fills))
        return ()

    nothing = await journal.record(key(), look)
    other = build_journal()
    await other.open()
    await other.record(key(), look)
    await other.close()

    assert nothing.entries == ()
    assert nothing.order == journal.find_order(key())
    assert seen == [(nothing.order, frozenset({"f1"}))] * 2


async def test_a_known_fill_is_dropped(journal: Journal) -> None:
    """A fill of an order is counted once, however often it is reported."""
    await journal.open_order(order("o1"), INTENDED)

    await journal.record(key("o1"), always(filled("f1"), filled("f1")))
    again = await journal.record(key("o1"), always(filled("f1"), ACCEPTED))

    assert again.order.filled_amount == Decimal("0.25")
    assert [entry.event and entry.event.kind for entry in again.entries] == [EventKind.ACCEPTED]


@pytest.mark.parametrize("pair", ["BTC-USDT", "ETH-USDT"])
async def test_a_fill_id_is_known_per_order(journal: Journal, pair: str) -> None:
    """The same fill id of another order is another fill: exchanges count them per pair, and a self-trade has two sides."""
    await journal.open_order(order("o1"), INTENDED)
    await journal.open_order(order("o2", trading_pair=pair), INTENDED)

    for order_id in ("o1", "o2"):
        recorded = await journal.record(key(order_id), always(filled("f1")))
        assert recorded.order.filled_amount == Decimal("0.25")


async def test_fills_of_one_group_are_counted_once(journal: Journal) -> None:
    """Two units of one group that bring the same fill count it once."""
    await journal.open_order(order(), INTENDED)

    await asyncio.gather(*[journal.record(key(), always(filled(f"f{n % 4}", "0.1"))) for n in range(40)])

    found = journal.find_order(key())
    assert found is not None
    assert found.filled_amount == Decimal("0.4")
    assert replay(journal, key()) == found


async def test_an_impossible_event_is_noted_and_not_applied(journal: Journal) -> None:
    """Where the lifecycle has no cell, the journal keeps a note with the reason and the order stays as it is."""
    await journal.open_order(order(), INTENDED)
    before = (await journal.record(key(), always(ACCEPTED))).order

    later = START + timedelta(seconds=9)
    recorded = await journal.record(key(), always(happened(EventKind.NEVER_ARRIVED, later, evidence="no such order")))

    assert recorded.order == structs.replace(before, updated_at=later)
    note = recorded.entries[0].event
    assert note is not None
    assert (note.kind, note.evidence) == (
        EventKind.ANOMALY,
        "an order that is open cannot be never_arrived: no such order",
    )
    assert replay(journal, key()) == recorded.order


async def test_a_refusal_s_words_are_kept_whatever_they_are(journal: Journal) -> None:
    """A NUL, which PostgreSQL's texts can't hold, is shown by the replacement sign; the journal itself keeps it."""
    await journal.open_order(order(), INTENDED)
    refused = happened(EventKind.REJECTED, reason_code="c\x00d", reason="no\x00thing")

    await journal.record(key(), always(refused))

    found = journal.find_order(key())
    assert found is not None
    assert (found.state, found.error_code, found.error_message) == (OrderState.REJECTED, "c\ufffdd", "no\ufffdthing")
    assert journal.history(key())[-1].event == refused


async def test_a_decision_that_raises_fails_alone(journal: Journal) -> None:
    """The exception of one unit reaches its caller, and the others of its group are written."""
    await journal.open_order(order("o1"), INTENDED)
    await journal.open_order(order("o2"), INTENDED)

    def fail(_order: Order, _fills: frozenset[str]) -> Sequence[OrderEvent]:
        raise ZeroDivisionError

    bad, good = await asyncio.gather(
        journal.record(key("o1"), fail), journal.record(key("o2"), always(ACCEPTED)), return_exceptions=True
    )

    assert isinstance(bad, ZeroDivisionError)
    assert not isinstance(good, BaseException)
    assert good.order.state is OrderState.OPEN
    assert journal.head() == 3


async def test_an_unknown_order_is_not_found(journal: Journal) -> None:
    """Nothing can be recorded about an order that was never opened."""
    with pytest.raises(OrderNotFound) as caught:
        await journal.record(key("o9"), always(ACCEPTED))
    assert caught.value.order_id == "o9"
    assert journal.find_order(key("o9")) is None
    assert replay(journal, key("o9")) is None
    assert journal.history(key("o9")) == []


async def test_balances_are_recorded_when_they_change(journal: Journal, clock: FakeClock) -> None:
    """Only balances that differ from the last recorded ones become an entry, in the same sequence as orders."""

    def report(**totals: str) -> BalanceReport:
        return BalanceReport(
            balances=tuple(Balance(asset=asset, total=Decimal(n), available=Decimal(n)) for asset, n in totals.items())
        )

    await journal.record_balances(ACCOUNT, CONNECTOR, report(BTC="1", USDT="5"))
    clock.advance(1)
    await journal.record_balances(ACCOUNT, CONNECTOR, report(BTC="1.0", USDT="5"))
    await journal.record_balances(ACCOUNT, CONNECTOR, report(BTC="1", USDT="7"))
    await journal.record_balances("other", CONNECTOR, report(BTC="1"))
    await asyncio.gather(*[journal.record_balances(ACCOUNT, CONNECTOR, report(ETH=str(n // 2))) for n in range(4)])

    entries = journal.tail(0, limit=10)
    assert [(entry.seq, entry.account_name, entry.balances) for entry in entries] == [
        (1, ACCOUNT, report(BTC="1", USDT="5")),
        (2, ACCOUNT, report(USDT="7")),
        (3, "other", report(BTC="1")),
        (4, ACCOUNT, report(ETH="0")),
        (5, ACCOUNT, report(ETH="1")),
    ]
    assert entries[1].at == START + timedelta(seconds=1)
    assert entries[0].event is None
    assert entries[0].order_id is None


async def test_what_is_available_may_be_unknown(journal: Journal) -> None:
    """Unknown is not a number, neither in the entry nor when the next report is compared with it."""

    def report(available: str | None) -> BalanceReport:
        known = None if available is None else Decimal(available)
        return BalanceReport(balances=(Balance(asset="USDT", total=Decimal(5), available=known),))

    for available in ("5", None, None, "4"):
        await journal.record_balances(ACCOUNT, CONNECTOR, report(available))
    assert [entry.balances for entry in journal.tail(0, limit=10)] == [report("5"), report(None), report("4")]


async def test_a_caller_that_stops_waiting_does_not_stop_the_write(journal: Journal) -> None:
    """What was handed in is written even if nobody waits for it any more."""
    task = asyncio.create_task(journal.open_order(order(), INTENDED))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    await journal.open_order(order("o2"), INTENDED)

    assert journal.find_order(key()) is not None


async def test_closing_writes_what_was_handed_in(build_journal: Callable[[], Journal]) -> None:
    """Close waits for all that is queued; afterwards nothing is taken."""
    journal = build_journal()
    await journal.open()
    tasks = [asyncio.create_task(journal.open_order(order(f"o{n}"), INTENDED)) for n in range(20)]
    await asyncio.sleep(0)

    await journal.close()
    await journal.close()

    assert all(opened.is_new for opened in await asyncio.gather(*tasks))
    with pytest.raises(JournalUnavailable, match="closed"):
        await journal.open_order(order("late"), INTENDED)


async def test_a_journal_must_be_opened(build_journal: Callable[[], Journal]) -> None:
    """Building does no I/O; writing before opening is refused; closing what was not opened is harmless."""
    journal = build_journal()
    with pytest.raises(JournalUnavailable, match="not open"):
        await journal.open_order(order(), INTENDED)
    await journal.close()


async def test_an_outdated_schema_is_refused(empty_database_url: str, clock: FakeClock) -> None:
    """Opening a database without the migrations says so."""
    journal = Journal(Settings(database_url=empty_database_url), clock)
    with pytest.raises(SchemaOutdated, match="migrations"):
        await journal.open()
    await journal.close()


async def test_a_failed_write_is_a_problem_until_one_succeeds(
    sqlite_url: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk lets transactions begin; the journal says all the same that it can't be used, for as long as it is full, and
    finds out by itself that there is room again.
    """
    journal = Journal(Settings(database_url=sqlite_url), clock)
    assert await journal.problem() == "the journal is not open"
    await journal.open()
    assert await journal.problem() is None

    def full(_store: SqliteStore) -> None:
        raise JournalUnavailable("database or disk is full")

    with monkeypatch.context() as disk:
        disk.setattr(SqliteStore, "commit", full)
        with pytest.raises(JournalUnavailable):
            await journal.open_order(order("o1"), INTENDED)
        for _ in range(3):
            clock.advance(60)
            assert await journal.problem() == "database or disk is full"
    assert await journal.problem() is None
    assert journal.head() == 0
    await journal.open_order(order("o1"), INTENDED)
    assert await journal.problem() is None
    await journal.close()


@pytest.mark.postgres
async def test_a_journal_behind_a_transaction_pooler_does_not_open(postgres_url: str, clock: FakeClock) -> None:
    """It is found before anything is written; the journal works over a pooler that keeps sessions."""
    async with pooled(postgres_url, by_transaction=True) as url:
        journal = Journal(Settings(database_url=url.render_as_string(hide_password=False)), clock)
        with pytest.raises(PoolerFound):
            await journal.open()
        await journal.close()
    async with pooled(postgres_url, by_transaction=False) as url:
        journal = Journal(Settings(database_url=url.render_as_string(hide_password=False)), clock)
        await journal.open()
        await journal.open_order(order(), INTENDED)
        await journal.close()
