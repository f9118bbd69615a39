"""Guards: decided in the transaction, by what every process has changed before it, and without a query while nothing has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import delete, insert

from app.domain.caller import Actor
from app.domain.enums import EventKind
from app.domain.errors import InvalidArgument, OrdergateError
from app.domain.events import OrderEvent
from app.journal import statements
from app.journal.journal import Journal
from app.journal.reading.verifying import verify
from app.journal.units.guard import Guard, View
from app.storage.safety import changing
from app.storage.tables import SETTINGS
from tests.journal.orders import ACCEPTED, INTENDED, happened, key, order
from tests.journal.reading.test_verifying import tamper
from tests.journal.test_journal import always

ACTOR = Actor(name="bot", key_id="k1", address="192.0.2.7", request_id="r-1")
#: Any small table serves as one that guards read.
FIND = statements._select((SETTINGS.c.value,), (SETTINGS.c.key,))


class Refusing:
    """Refuses what comes while there is a row named ``halt``, and counts how often it looked."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __call__(self, view: View) -> Sequence[OrdergateError]:
        self.seen.append(view.seq)
        return [InvalidArgument(f"{name} {view.order.order_id}") for (name,) in view.find(FIND, ("halt",))]


def change(journal: Journal, *, is_set: bool) -> int:
    """Set or lift the halt. Returns the number of the last event before."""
    with changing(journal.database) as (connection, head):
        if is_set:
            connection.execute(insert(SETTINGS).values(key="halt", value="halted"))
        else:
            connection.execute(delete(SETTINGS))
    return head


async def test_what_was_changed_before_refuses_what_comes_after(journal: Journal) -> None:
    """A change is seen by the next intent, and its lifting too. What was refused is not there, nor is its number used."""
    refusing = Refusing()
    guard = Guard(actor=ACTOR, checks=(refusing,))
    await journal.open_order(order("o1"), INTENDED, guard=guard)
    assert await asyncio.to_thread(change, journal, is_set=True) == 1
    with pytest.raises(InvalidArgument, match="halted o2"):
        await journal.open_order(order("o2"), INTENDED, guard=guard)
    assert journal.head() == 1
    await asyncio.to_thread(change, journal, is_set=False)
    await journal.open_order(order("o2"), INTENDED, guard=guard)
    assert refusing.seen == [1, 2, 2]


async def test_a_guard_is_not_asked_about_an_order_that_is_there(journal: Journal) -> None:
    """A repeated request gets its order, whatever has been changed since: nothing is sent for it."""
    refusing = Refusing()
    guard = Guard(checks=(refusing,))
    await journal.open_order(order(), INTENDED, guard=guard)
    await asyncio.to_thread(change, journal, is_set=True)
    assert not (await journal.open_order(order(), INTENDED, guard=guard)).is_new
    assert (await journal.record(key(), always(), guard=guard)).entries == ()
    assert refusing.seen == [1]
    with pytest.raises(InvalidArgument):
        await journal.record(key(), always(happened(EventKind.CANCEL_REQUESTED)), guard=guard)
    assert journal.head() == 1
    await journal.record(key(), always(ACCEPTED))


async def test_another_process_sees_the_change(journal: Journal, build_journal: Callable[[], Journal]) -> None:
    """Of two processes, each sees at once what the other has changed, though both have looked before."""
    other = build_journal()
    await other.open()
    guard = Guard(checks=(Refusing(),))
    try:
        for number, each in enumerate((journal, other)):
            await each.open_order(order(f"a{number}"), INTENDED, guard=guard)
        await asyncio.to_thread(change, journal, is_set=True)
        for number, each in enumerate((journal, other)):
            with pytest.raises(InvalidArgument):
                await each.open_order(order(f"b{number}"), INTENDED, guard=guard)
    finally:
        await other.close()


async def test_nothing_is_asked_while_nothing_has_changed(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred orders cost one query of the guard's, and another after a change."""
    assert journal._writer is not None
    store, asked = journal._writer._store, []
    find = store.find
    monkeypatch.setattr(store, "find", lambda statement, keys: asked.append(statement) or find(statement, keys))
    guard = Guard(checks=(Refusing(),))
    for number in range(100):
        await journal.open_order(order(f"o{number}"), INTENDED, guard=guard)
    assert asked.count(FIND) == 1
    await asyncio.to_thread(change, journal, is_set=False)
    await journal.open_order(order("last"), INTENDED, guard=guard)
    assert asked.count(FIND) == 2


async def test_all_violations_are_told(journal: Journal) -> None:
    """The first is raised, with all of them, whichever check found them."""

    def two(_view: View) -> Sequence[OrdergateError]:
        return [InvalidArgument("one"), InvalidArgument("two")]

    def three(_view: View) -> Sequence[OrdergateError]:
        return [InvalidArgument("three")]

    with pytest.raises(InvalidArgument, match="one") as caught:
        await journal.open_order(order(), INTENDED, guard=Guard(checks=(two, three)))
    assert [each.detail for each in caught.value.violations] == ["one", "two", "three"]


async def test_who_caused_an_event_is_part_of_it(journal: Journal) -> None:
    """An actor is stored with its event and proven by the checksums; an order knows the key that placed it."""
    event = OrderEvent(kind=EventKind.INTENDED, at=INTENDED.at, source="caller", actor=ACTOR)
    await journal.open_order(order("o1", key_id="k1"), event)
    await journal.open_order(order("o2"), INTENDED)

    first, second = (journal.history(key(name))[0].event for name in ("o1", "o2"))
    assert first is not None
    assert second is not None
    assert (first.actor, second.actor) == (ACTOR, None)
    assert [found.key_id for name in ("o1", "o2") if (found := journal.find_order(key(name)))] == ["k1", None]
    assert not verify(journal.database).problems


async def test_another_actor_is_found(journal: Journal) -> None:
    """Whoever changes behind the journal's back who it was is found by the event's number."""
    event = OrderEvent(kind=EventKind.INTENDED, at=INTENDED.at, source="caller", actor=ACTOR)
    await journal.open_order(order(), event)
    tamper(_url(journal), "UPDATE events SET payload = replace(payload, '192.0.2.7', '192.0.2.8')")
    assert any("event 1 is not as it was written" in problem for problem in verify(journal.database).problems)


def _url(journal: Journal) -> str:
    return journal.database.url.render_as_string(hide_password=False)
