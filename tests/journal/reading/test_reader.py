"""Reading: pages that hold each row once, filters, active and unsettled orders, and the tail."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.enums import EventKind, OrderState, OrderStatus, TradeType
from app.domain.errors import InvalidCursor, JournalUnavailable
from app.domain.fill import UNTOLD
from app.domain.order import AccountKey, Order, OrderKey
from app.journal.filters import OrderFilter, TradeFilter
from app.journal.journal import Journal
from app.journal.reading.reader import Reader
from app.journal.records import Trade
from app.storage.database import Database
from app.storage.records import Page
from app.storage.schema import upgrade
from tests.clock import START
from tests.journal.orders import ACCEPTED, ACCOUNT, CONNECTOR, INTENDED, filled, happened, key, order

ALL = OrderFilter()


def pages(read: Callable[[str | None], Page[Any]]) -> list[Page[Any]]:
    """All pages, each found by the cursor of the one before."""
    found = [read(None)]
    while found[-1].has_more:
        found.append(read(found[-1].next_cursor))
    return found


def items(found: Sequence[Page[Any]]) -> list[Any]:
    """What all pages show."""
    return [item for page in found for item in page.items]


async def fill_up(journal: Journal, places: Sequence[tuple[str, str, str, TradeType, int]]) -> None:
    """One order with one fill at each of ``places``: account, connector, pair, side, seconds after the start."""

    async def add(number: int, place: tuple[str, str, str, TradeType, int]) -> None:
        account_name, connector_name, trading_pair, trade_type, seconds = place
        at = START + timedelta(seconds=seconds)
        opened = await journal.open_order(
            order(
                f"o{number}",
                at=at,
                account_name=account_name,
                connector_name=connector_name,
                trading_pair=trading_pair,
                trade_type=trade_type,
            ),
            INTENDED,
        )
        await journal.record(opened.order.key, lambda _order, _fills: (filled(f"f{number}", at=at),))

    await asyncio.gather(*[add(number, place) for number, place in enumerate(places)])


PLACES = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.sampled_from(["x", "y"]),
        st.sampled_from(["BTC-USDT", "ETH-USDT"]),
        st.sampled_from(TradeType),
        st.integers(0, 2),
    ),
    max_size=12,
)

SUBSETS = {
    "account_names": st.sampled_from([(), ("a",), ("a", "b"), ("c",)]),
    "connector_names": st.sampled_from([(), ("x",)]),
    "trading_pairs": st.sampled_from([(), ("BTC-USDT",), ("ETH-USDT", "BTC-USDT")]),
    "trade_types": st.sampled_from([(), (TradeType.SELL,)]),
    "start_at": st.sampled_from([None, START + timedelta(seconds=1)]),
    "end_at": st.sampled_from([None, START + timedelta(seconds=1)]),
}


def matches(place: tuple[str, str, str, TradeType, int], narrowed: dict[str, Any]) -> bool:
    """Whether a filter lets a place through, said in plain Python."""
    account_name, connector_name, trading_pair, trade_type, seconds = place
    at = START + timedelta(seconds=seconds)
    return (
        account_name in (narrowed["account_names"] or (account_name,))
        and connector_name in (narrowed["connector_names"] or (connector_name,))
        and trading_pair in (narrowed["trading_pairs"] or (trading_pair,))
        and trade_type in (narrowed["trade_types"] or (trade_type,))
        and (narrowed["start_at"] is None or at >= narrowed["start_at"])
        and (narrowed["end_at"] is None or at <= narrowed["end_at"])
    )


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=PLACES, narrowed=st.fixed_dictionaries(SUBSETS), limit=st.integers(1, 5))
async def test_paging_shows_each_row_once(
    empty_journals: Callable[[], Any],
    places: list[tuple[str, str, str, TradeType, int]],
    narrowed: dict[str, Any],
    limit: int,
) -> None:
    """Through any filter and any page size, even with equal times, paging shows each match once, newest first, and the true
    total on every page.
    """
    async with empty_journals() as journal:
        await fill_up(journal, places)
        expected = {f"o{number}" for number, place in enumerate(places) if matches(place, narrowed)}

        by_order = OrderFilter(**narrowed)
        searched = pages(lambda cursor: journal.search_orders(by_order, limit=limit, cursor=cursor))
        active = pages(lambda cursor: journal.active_orders(by_order, limit=limit, cursor=cursor))
        trades = pages(lambda cursor: journal.search_trades(TradeFilter(**narrowed), limit=limit, cursor=cursor))

        for found in (searched, active, trades):
            ids = [item.order_id for item in items(found)]
            assert len(ids) == len(set(ids))
            assert set(ids) == expected
            assert all(page.total_count == len(expected) for page in found)
            assert all(len(page.items) <= limit for page in found)
        orders: list[Order] = items(searched)
        assert [each.created_at for each in orders] == sorted((each.created_at for each in orders), reverse=True)
        shown: list[Trade] = items(trades)
        assert [each.fill.filled_at for each in shown] == sorted((each.fill.filled_at for each in shown), reverse=True)
        assert [each.order_id for each in items(active)] == sorted(expected)


async def test_rows_that_come_in_between_shift_nothing(journal: Journal) -> None:
    """An order placed between two pages neither repeats nor hides one."""
    for number in range(4):
        await journal.open_order(order(f"o{number}", at=START + timedelta(seconds=number)), INTENDED)
    first = journal.search_orders(ALL, limit=2, cursor=None)
    await journal.open_order(order("new", at=START + timedelta(seconds=9)), INTENDED)
    second = journal.search_orders(ALL, limit=2, cursor=first.next_cursor)

    assert [each.order_id for each in first.items] == ["o3", "o2"]
    assert [each.order_id for each in second.items] == ["o1", "o0"]
    assert second.next_cursor is None
    assert (first.total_count, second.total_count) == (4, 5)


async def test_orders_are_found_by_the_word_of_the_wire(journal: Journal) -> None:
    """The status filter takes the wire's words, and follows the order."""
    await journal.open_order(order("o1"), INTENDED)
    await journal.open_order(order("o2"), INTENDED)
    await journal.record(key("o2"), lambda _order, _fills: (ACCEPTED, filled("f1"), happened(EventKind.CANCELED)))

    def ids(status: str) -> list[str]:
        return [each.order_id for each in journal.search_orders(OrderFilter(status=status), limit=9, cursor=None).items]

    assert ids("SUBMITTED") == ["o1"]
    assert ids(OrderStatus.CANCELLED) == ["o2"]
    assert ids("OPEN") == []


async def test_orders_by_what_is_known_of_them(journal: Journal) -> None:
    """Unsettled are pending and unknown, open is open, active are these three; done ones are in none."""
    ends = {
        "pending": (),
        "unknown": (happened(EventKind.UNCONFIRMED),),
        "open": (ACCEPTED,),
        "filled": (filled("f1", "1", full=True),),
        "rejected": (happened(EventKind.REJECTED),),
    }
    for order_id, events in ends.items():
        await journal.open_order(order(order_id), INTENDED)
        await journal.record(key(order_id), lambda _order, _fills, events=events: events)  # type: ignore[misc]
    await journal.open_order(order("elsewhere", account_name="b", connector_name="y"), INTENDED)

    assert [each.order_id for each in journal.unsettled_orders()] == ["pending", "unknown", "elsewhere"]
    active = journal.active_orders_of(AccountKey(ACCOUNT, CONNECTOR))
    assert [each.order.order_id for each in active] == ["pending", "unknown", "open"]
    assert [each.order.order_id for each in journal.active_orders_of(AccountKey("b", "y"))] == ["elsewhere"]
    assert journal.active_orders_of(AccountKey("b", CONNECTOR)) == []
    assert [each.state for each in journal.active_orders(ALL, limit=9, cursor=None).items] == [
        OrderState.PENDING,
        OrderState.OPEN,
        OrderState.PENDING,
        OrderState.UNKNOWN,
    ]


async def test_stored_orders_carry_their_fills(journal: Journal) -> None:
    """Orders that are compared with an exchange's answer come with the fills that are known of them, whatever their state."""
    for order_id in ("part", "full", "bare"):
        await journal.open_order(order(order_id), INTENDED)
    await journal.record(key("part"), lambda _order, _fills: (filled("f1", "0.25"), filled("f2", "0.25")))
    await journal.record(key("full"), lambda _order, _fills: (filled("f3", "1", full=True),))

    account = AccountKey(ACCOUNT, CONNECTOR)
    assert {each.key.order_id: each.fill_ids for each in journal.active_orders_of(account)} == {
        "part": {"f1", "f2"},
        "bare": frozenset(),
    }
    (full,) = journal.stored_orders(account, {"full", "nothing"})
    assert (full.order, full.fill_ids) == (journal.find_order(key("full")), {"f3"})
    assert journal.stored_orders(AccountKey("b", CONNECTOR), {"full"}) == []


async def test_a_trade_names_its_order(journal: Journal) -> None:
    """A trade carries what identifies its order, and a name made of both ids."""
    await journal.open_order(order(trade_type=TradeType.SELL), INTENDED)
    await journal.record(key(), lambda _order, _fills: (filled("77", "0.5"),))

    (trade,) = journal.search_trades(TradeFilter(), limit=1, cursor=None).items
    assert (trade.trade_id, trade.account_name, trade.trade_type) == ("o1_77", ACCOUNT, TradeType.SELL)
    assert trade.fill.amount == Decimal("0.5")


async def test_a_fee_that_was_not_told_stays_unknown(journal: Journal) -> None:
    """In the trade, in the event and in the order, also once it is read anew; none of them says zero."""
    await journal.open_order(order(), INTENDED)
    await journal.record(key(), lambda _order, _fills: (filled("77", "0.5", fee=None, fee_currency=None),))

    (trade,) = journal.search_trades(TradeFilter(), limit=1, cursor=None).items
    assert (trade.fill.fee, trade.fill.fee_currency) == (None, None)
    found = journal.find_order(key())
    assert found is not None
    assert found.fees == {UNTOLD: None}
    assert journal.tail(0, limit=9)[-1].event.fill == trade.fill


async def test_a_foreign_cursor_is_refused(journal: Journal) -> None:
    """Each page refuses a cursor that it did not give, and repeats it."""
    with pytest.raises(InvalidCursor, match="'x': pass back the next_cursor of a previous page"):
        journal.search_orders(ALL, limit=1, cursor="x")
    with pytest.raises(InvalidCursor, match="'x'"):
        journal.active_orders(ALL, limit=1, cursor="x")
    with pytest.raises(InvalidCursor, match="'x'"):
        journal.search_trades(TradeFilter(), limit=1, cursor="x")


async def test_the_tail_is_cut(journal: Journal) -> None:
    """The tail gives entries after a number, at most so many."""
    await fill_up(journal, list(itertools.product("ab", "xy", ["P-Q", "R-Q"], [TradeType.BUY], [0])))
    everything = journal.tail(0, limit=99)

    assert [entry.seq for entry in everything] == list(range(1, 17))
    assert journal.tail(14, limit=1) == everything[14:15]
    assert journal.tail(16, limit=9) == []


ASKED: list[Callable[[Reader], object]] = [
    Reader.head,
    lambda reader: reader.find_order(OrderKey(account_name="a", connector_name="x", order_id="1")),
    lambda reader: reader.find_by_idempotency_key("a", "x", "key"),
]


@pytest.mark.parametrize("ask", ASKED)
def test_a_database_that_is_away_is_unavailable(tmp_path: Any, ask: Callable[[Reader], object]) -> None:
    """Trouble of the database is one error to readers, without the statement's text."""
    for url in (f"sqlite:///{tmp_path / 'none' / 'j.db'}", f"postgresql://127.0.0.1:1/x?host={tmp_path}"):
        reader = Reader(Database(url))
        with pytest.raises(JournalUnavailable) as caught:
            ask(reader)
        assert "SELECT" not in caught.value.detail


@pytest.mark.parametrize("ask", ASKED)
def test_a_damaged_file_is_unavailable(tmp_path: Any, ask: Callable[[Reader], object]) -> None:
    """Not a failure of the question, whichever way it is asked: somebody has to put the file right."""
    path = tmp_path / "j.db"
    upgrade(f"sqlite:///{path}")
    reader = Reader(Database(f"sqlite:///{path}"))
    ask(reader)
    reader.database.dispose()
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * (path.stat().st_size - 100))
    with pytest.raises(JournalUnavailable):
        ask(reader)


def test_a_database_in_memory_is_refused() -> None:
    """Memory that every connection has for itself is no journal."""
    with pytest.raises(ValueError, match="file"):
        Database("sqlite://")
