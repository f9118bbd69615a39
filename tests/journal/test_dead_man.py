"""Dead-man's switches in the journal: what is written of them, what other processes know, and what an order costs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.domain.audit import AuditRecord
from app.domain.caller import Actor
from app.domain.enums import DeadManKeep, DeadManThen, HaltCancel, HaltMode
from app.domain.errors import DeadManDue
from app.domain.order import AccountKey
from app.domain.safety.dead_man import DeadMan, DeadManTerms
from app.domain.safety.halts import Halt
from app.journal.journal import Journal
from app.journal.reading.verifying import verify
from app.journal.store import Store
from app.journal.units.dead_man import (
    ArmDeadMan,
    DisarmDeadMan,
    EndClearing,
    FireDeadMan,
    NoteCountdowns,
    ReadDeadMan,
)
from app.journal.units.safety import HaltTrading, ReadHalts
from tests.clock import START
from tests.journal.orders import key
from tests.journal.test_permits import place

ACCOUNT = key().account
RECORD = AuditRecord(at=START, actor=Actor(name="bot"), operation="safety.arm_dead_man")


@pytest.fixture
async def journals(build_journal: Callable[[], Journal]) -> AsyncIterator[tuple[Journal, Journal]]:
    """Two processes on one journal."""
    one, other = build_journal(), build_journal()
    await one.open()
    await other.open()
    yield one, other
    await one.close()
    await other.close()


async def arm(journal: Journal, at: datetime = START, **terms: Any) -> DeadMan:
    """The caller's word at ``at``, for ten seconds."""
    wanted = DeadManTerms(**{"account": ACCOUNT, "timeout_seconds": 10, **terms})
    return (await journal.decide(ArmDeadMan(terms=wanted, at=at, record=RECORD))).switch


async def current(journal: Journal) -> DeadMan:
    return (await journal.decide(ReadDeadMan()))[ACCOUNT]


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


async def test_a_renewal_is_no_event_and_is_seen_where_it_matters(journals: tuple[Journal, Journal]) -> None:
    """Another process that knows the old deadline reads anew before it acts on it."""
    one, other = journals
    await arm(one)
    await place(other, "o1")
    head = one.head()
    await arm(one, after(8))
    assert one.head() == head
    assert other.known_safety.switches[ACCOUNT].armed_until == after(10)
    await place(other, "o2", at=after(12))
    assert other.known_safety.switches[ACCOUNT].armed_until == after(18)
    assert await other.decide(FireDeadMan(account=ACCOUNT, at=after(17), unheard_since=None)) is None
    with pytest.raises(DeadManDue):
        await place(other, "o3", at=after(18))
    found = await current(one)
    assert (found.armed_until, found.clearing, found.fired_at) == (None, HaltCancel.ALL, after(18))
    assert verify(one.database).problems == []


async def test_it_fires_once(journals: tuple[Journal, Journal]) -> None:
    """Whoever comes second finds it fired; a word since then is another beat, which a late look does not touch."""
    one, other = journals
    armed = await arm(one, then=DeadManThen.HALT)
    fired = await one.decide(FireDeadMan(account=ACCOUNT, at=after(10), unheard_since=None))
    assert fired is not None
    assert await other.decide(FireDeadMan(account=ACCOUNT, at=after(11), unheard_since=armed.beat)) is None
    await arm(other, after(11), then=DeadManThen.HALT)
    assert await one.decide(FireDeadMan(account=ACCOUNT, at=after(12), unheard_since=armed.beat)) is None
    _, halts = await one.decide(ReadHalts())
    assert [(halt.by, halt.seq) for halt in halts] == [("dead_man", (fired.fired_seq or 0) + 1)]
    assert verify(one.database).problems == []


async def test_a_halt_that_is_there_is_not_replaced_by_a_milder_one(journals: tuple[Journal, Journal]) -> None:
    """The person's own reason stays."""
    one, _ = journals
    terms = DeadManTerms(account=ACCOUNT, timeout_seconds=10, then=DeadManThen.HALT)
    halt = Halt(scope=terms.scope, mode=HaltMode.HALT, cancel=HaltCancel.ALL, reason="a person's", at=START, by="risk")
    await one.decide(HaltTrading(halt=halt, record=None))
    await arm(one, then=DeadManThen.HALT)
    await one.decide(FireDeadMan(account=ACCOUNT, at=after(10), unheard_since=None))
    _, [there] = await one.decide(ReadHalts())
    assert there.reason == "a person's"


async def test_a_later_firing_takes_back_nothing(journals: tuple[Journal, Journal]) -> None:
    """What an earlier one was to cancel, or a person's halt is to, is canceled still."""
    one, _ = journals
    await arm(one)
    await one.decide(FireDeadMan(account=ACCOUNT, at=after(10), unheard_since=None))
    milder = {"keep": DeadManKeep.PROTECTIVE, "then": DeadManThen.HALT}
    scope = (await arm(one, after(11), **milder)).terms.scope
    halt = Halt(scope=scope, mode=HaltMode.REDUCE_ONLY, cancel=HaltCancel.ALL, reason="a person's", at=START, by="risk")
    await one.decide(HaltTrading(halt=halt, record=None))
    fired = await one.decide(FireDeadMan(account=ACCOUNT, at=after(21), unheard_since=None))
    assert fired is not None
    assert fired.clearing is HaltCancel.ALL
    _, [there] = await one.decide(ReadHalts())
    assert (there.mode, there.cancel) == (HaltMode.HALT, HaltCancel.ALL)


async def test_clearing_ends_for_its_own_firing(journals: tuple[Journal, Journal]) -> None:
    """Also in the eyes of the other process, which takes orders again."""
    one, other = journals
    await arm(one)
    fired = await one.decide(FireDeadMan(account=ACCOUNT, at=after(10), unheard_since=None))
    assert fired is not None
    assert fired.fired_seq is not None
    await one.decide(EndClearing(account=ACCOUNT, fired_seq=fired.fired_seq - 1))
    with pytest.raises(DeadManDue):
        await place(other, "o1", at=after(11))
    await one.decide(EndClearing(account=ACCOUNT, fired_seq=fired.fired_seq))
    await place(other, "o1", at=after(11))


async def test_another_account_is_not_concerned(journals: tuple[Journal, Journal]) -> None:
    """A switch is of one account on one connector."""
    one, _ = journals
    await arm(one, account=AccountKey("other", "paper"))
    await place(one, "o1", at=after(11))
    assert (await one.decide(ReadDeadMan()))[AccountKey("other", "paper")].armed_until == after(10)


async def test_a_beat_goes_on_after_disarming(journals: tuple[Journal, Journal]) -> None:
    """So that a look that was under way does not take a new word for the old one."""
    one, _ = journals
    first = await arm(one)
    await one.decide(DisarmDeadMan(account=ACCOUNT, at=after(1), record=RECORD))
    assert (await arm(one, after(2))).beat == first.beat + 1


async def test_an_order_costs_no_further_statement(
    journals: tuple[Journal, Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a switch that is armed; one read where the deadline that is known has passed."""
    one, other = journals
    await arm(one)
    await place(one, "o0")
    await arm(other, after(9))
    statements: list[str] = []
    for kind in Store.__subclasses__():
        for name in ("find", "write"):
            whole = getattr(kind, name)

            def counted(self: Any, statement: Any, rows: Any, whole: Any = whole, name: str = name) -> Any:
                statements.append(name)
                return whole(self, statement, rows)

            monkeypatch.setattr(kind, name, counted)
    await place(one, "o1", at=after(5))
    assert statements == ["write", "write"]
    await place(one, "o2", at=after(12))
    await place(one, "o3", at=after(13))
    assert statements == ["write", "write", "find", "write", "write", "write", "write"]


async def test_what_runs_at_the_exchange_is_noted_for_the_last_word_only(journals: tuple[Journal, Journal]) -> None:
    """A note about an earlier word changes nothing. After a firing, what was started, or may have been, is to be ended."""
    one, other = journals
    first = await arm(one, by_exchange=True)
    second = await arm(other, after(1), by_exchange=True)
    started = frozenset({"BTC-USDT"})
    late = await one.decide(NoteCountdowns(account=ACCOUNT, beat=first.beat, started=started))
    assert late is not None
    assert (late.beat, late.covered) == (second.beat, ())
    await one.decide(NoteCountdowns(account=ACCOUNT, beat=second.beat, started=started))
    assert (await current(other)).covered == ("BTC-USDT",)
    await one.decide(FireDeadMan(account=ACCOUNT, at=after(11), unheard_since=None))
    noted = await other.decide(
        NoteCountdowns(
            account=ACCOUNT,
            beat=second.beat,
            started=frozenset({"ETH-USDT"}),
            failed=frozenset({"SOL-USDT"}),
        )
    )
    assert noted is not None
    assert (noted.covered, noted.ending) == ((), ("BTC-USDT", "ETH-USDT", "SOL-USDT"))
    await one.decide(NoteCountdowns(account=ACCOUNT, beat=second.beat, ended=frozenset(noted.ending)))
    assert (await current(other)).ending == ()
