"""A revoked key under load: several writers of one database place with it flat out, and none has an intent above the revocation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import pytest
from sqlalchemy import select

from app.domain.api_key import ApiKey, hash_of
from app.domain.audit import AuditRecord
from app.domain.caller import Actor, Caller
from app.domain.enums import Environment, Role, Scope
from app.domain.errors import CallerChanged, InvalidArgument, KeyRevoked, LimitExceeded, UnknownKey
from app.domain.safety.admission import NOTHING_KNOWN
from app.domain.safety.limits import NO_LIMITS, Limits
from app.domain.safety.scope import Scope as SafetyScope
from app.journal.journal import Journal
from app.journal.records import Opened
from app.journal.units.guard import Guard, check_caller
from app.journal.units.keys import DeleteKey, MakeKey, SetKeyDisabled
from app.journal.units.safety import SetLimits
from app.storage.tables import AUDIT, EVENTS, ORDERS
from tests.clock import START
from tests.journal.orders import INTENDED, order_of_ours

WRITERS = 4
ROUNDS = 5


def record(operation: str) -> AuditRecord:
    """What an admin does."""
    return AuditRecord(at=START, actor=Actor(name="admin"), operation=operation, object="key")


def key_named(key_id: str) -> ApiKey:
    """A key that may place."""
    return ApiKey(
        key_id=key_id,
        name="bot",
        environment=Environment.PAPER,
        scopes=frozenset({Scope.ORDERS_PLACE}),
        secret_hash=hash_of(key_id),
        created_at=START,
        created_by="admin",
    )


async def add_key(journal: Journal, key_id: str, limits: Limits = NO_LIMITS) -> Caller:
    """A key that is stored, and who calls with it."""
    await journal.decide(MakeKey(key=key_named(key_id), limits=limits, record=record("add")))
    return (await asyncio.to_thread(journal.callers.known)).keys[key_id].caller


def guard_of(caller: Caller) -> Guard:
    """As a gateway makes it."""
    actor = Actor(name=caller.name, key_id=caller.key_id)
    return Guard(actor=actor, operation="trading.place_order", checks=(partial(check_caller, caller),))


async def place_until_refused(journal: Journal, caller: Caller, name: str, begun: asyncio.Event) -> int:
    """Place without a pause, many at once, until the key is refused; ``begun`` once some are. Returns how many were placed."""
    placed, guard = 0, guard_of(caller)
    while True:
        orders = [order_of_ours(f"{name}-{placed}-{number}", key_id=caller.key_id) for number in range(8)]
        opened = await asyncio.gather(
            *(journal.open_order(each, INTENDED, guard=guard) for each in orders), return_exceptions=True
        )
        refused = [each for each in opened if isinstance(each, BaseException)]
        placed += len(opened) - len(refused)
        begun.set()
        if refused:
            assert all(isinstance(each, KeyRevoked) for each in refused), refused
            return placed


async def flood(
    journal: Journal,
    writers: Sequence[Journal],
    rounds: int,
    act: Callable[[Journal, Caller, str, asyncio.Event], Awaitable[int]],
    revoke: Callable[[int], Awaitable[object]],
) -> None:
    """Let ``writers`` act by a key of each round until they are refused, and ``revoke`` the key once all have begun."""
    for each in writers:
        await each.open()
    try:
        for number in range(rounds):
            caller = await add_key(journal, f"k{number}")
            begun = [asyncio.Event() for _ in writers]
            acting = [
                asyncio.create_task(act(each, caller, f"r{number}w{writer}", begun[writer]))
                for writer, each in enumerate(writers)
            ]
            await asyncio.gather(*(each.wait() for each in begun))
            await revoke(number)
            assert min(await asyncio.gather(*acting)) > 0
    finally:
        for each in writers:
            await each.close()


async def test_no_intent_is_above_the_revocation(journal: Journal, build_journal: Callable[[], Journal]) -> None:
    """The audit log says at which number each key ended; no order of it has a greater one, from whichever writer."""

    async def revoke(number: int) -> None:
        if number % 2:
            await journal.decide(DeleteKey(key_id=f"k{number}", at=START, record=record("delete")))
        else:
            await journal.decide(SetKeyDisabled(key_id=f"k{number}", disabled_at=START, record=record("delete")))

    await flood(journal, [build_journal() for _ in range(WRITERS)], ROUNDS, place_until_refused, revoke)
    ended = journal.database.rows(select(AUDIT.c.seq).where(AUDIT.c.operation == "delete").order_by(AUDIT.c.number))
    intents = journal.database.rows(
        select(ORDERS.c.key_id, EVENTS.c.seq).join(EVENTS, EVENTS.c.order_number == ORDERS.c.id)
    )
    assert len(ended) == ROUNDS
    assert [row for row in intents if row.seq > ended[int(row.key_id[1:])].seq] == []


async def change_until_refused(journal: Journal, caller: Caller, name: str, begun: asyncio.Event) -> int:
    """Ask without a pause for changes of every kind, until the key is refused; ``begun`` once some are made. Returns how many."""
    made = 0
    while True:
        by = Actor(name=caller.name, key_id=caller.key_id)
        wanted = AuditRecord(at=START, actor=by, operation="change", object=name, caller=caller)
        scope = SafetyScope(key_id=f"another of {name}")
        limits = {"max_open_orders": made}
        answers = await asyncio.gather(
            journal.decide(SetLimits(scope=scope, changes=limits, unlimited_reason=None, at=START, record=wanted)),
            journal.decide(MakeKey(key=key_named(f"{name}-{made}"), limits=NO_LIMITS, record=wanted)),
            asyncio.to_thread(journal.accounts.add_account, f"{name}-{made}", wanted),
            return_exceptions=True,
        )
        refused = [each for each in answers if isinstance(each, BaseException)]
        made += len(answers) - len(refused)
        begun.set()
        if refused:
            assert all(isinstance(each, KeyRevoked) for each in refused), refused
            return made


async def test_no_change_is_above_the_revocation(journal: Journal, build_journal: Callable[[], Journal]) -> None:
    """Of limits, keys and accounts, by several writers of one database: the audit log has them all in one order."""

    async def revoke(number: int) -> None:
        await journal.decide(DeleteKey(key_id=f"k{number}", at=START, record=record("delete")))

    await flood(journal, [build_journal() for _ in range(2)], 2, change_until_refused, revoke)
    rows = journal.database.rows(select(AUDIT.c.number, AUDIT.c.key_id, AUDIT.c.operation).order_by(AUDIT.c.number))
    ended = [row.number for row in rows if row.operation == "delete"]
    late = [row for row in rows if row.operation == "change" and row.number > ended[int(row.key_id[1:])]]
    assert (len(ended), late) == (2, [])


async def test_a_user_is_looked_at_as_a_key_is(journal: Journal) -> None:
    """Disabled: refused for good. Given another role: judged anew. The audit log has the refusals."""
    journal.callers.add_user("alice", "hash", Role.TRADER, record("add"))
    caller = journal.callers.known().users["alice"].caller
    await journal.open_order(order_of_ours("o1"), INTENDED, guard=guard_of(caller))
    journal.callers.change_user("alice", record("role"), owner="admin", role="viewer")
    with pytest.raises(CallerChanged):
        await journal.open_order(order_of_ours("o2"), INTENDED, guard=guard_of(caller))
    journal.callers.change_user("alice", record("disable"), owner="admin", disabled_at=START)
    with pytest.raises(KeyRevoked):
        await journal.open_order(order_of_ours("o3"), INTENDED, guard=guard_of(caller))
    outcomes = journal.database.rows(select(AUDIT.c.outcome).where(AUDIT.c.actor == "alice").order_by(AUDIT.c.number))
    assert [row.outcome for row in outcomes] == ["done", "caller_changed", "key_revoked"]
    assert journal.head() == 1


async def test_no_intent_follows_the_deletion_in_one_group(journal: Journal) -> None:
    """Both are written by one commit: the key is gone for what comes after it, and deleting it again finds nothing."""
    caller = await add_key(journal, "k")
    guard = guard_of(caller)
    delete = DeleteKey(key_id="k", at=START, record=record("delete"))
    before, gone, again, after = await asyncio.gather(
        journal.open_order(order_of_ours("o1", key_id="k"), INTENDED, guard=guard),
        journal.decide(delete),
        journal.decide(delete),
        journal.open_order(order_of_ours("o2", key_id="k"), INTENDED, guard=guard),
        return_exceptions=True,
    )
    assert (isinstance(before, Opened), gone) == (True, None)
    assert (type(again), type(after)) == (UnknownKey, KeyRevoked)


async def test_a_key_is_there_with_its_limits_or_not_at_all(
    journal: Journal, build_journal: Callable[[], Journal]
) -> None:
    """In every process from its first order on; its deletion lifts them, and what it has placed counts for others as before."""
    caller = await add_key(journal, "k", Limits(max_open_orders=1))
    other = build_journal()
    await other.open()
    try:
        admission, guard = NOTHING_KNOWN, guard_of(caller)
        await journal.open_order(order_of_ours("o1", key_id="k"), INTENDED, guard=guard, admission=admission)
        for each in (journal, other):
            with pytest.raises(LimitExceeded):
                await each.open_order(order_of_ours("o2", key_id="k"), INTENDED, guard=guard, admission=admission)
        await other.decide(DeleteKey(key_id="k", at=START, record=record("delete")))
        assert [each for each in (await other.safety()).sets if each.is_set] == []
    finally:
        await other.close()


async def test_a_key_with_limits_makes_no_keys(journal: Journal) -> None:
    """Its limits would not hold for what the other one places."""
    await add_key(journal, "k", Limits(max_open_orders=1))
    by_the_key = AuditRecord(at=START, actor=Actor(name="bot", key_id="k"), operation="add", object="k2")
    with pytest.raises(InvalidArgument, match="limits of its own"):
        await journal.decide(MakeKey(key=key_named("k2"), limits=NO_LIMITS, record=by_the_key))
    assert set(journal.callers.known().keys) == {"k"}
