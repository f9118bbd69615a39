"""The audit log: chained rows in the transaction of what they tell about; what is changed behind its back is found by number."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from app.domain.audit import AuditRecord
from app.domain.caller import Actor
from app.domain.errors import InvalidArgument
from app.journal.journal import Journal
from app.services.checkpoints import Signer, read_checkpoints
from app.settings import Settings
from app.storage.audit import ORIGIN, document, link
from app.storage.audit_log import AuditFilter, AuditLog, Checkpoint
from app.storage.database import Database
from app.storage.safety import changing
from app.storage.tables import AUDIT
from tests.clock import START, FakeClock
from tests.journal.reading.test_verifying import tamper

#: Where a log may end.
END = Checkpoint(number=3, hash=bytes(range(32)))
ACTOR = Actor(name="bot", key_id="k1", address="192.0.2.7", request_id="r-1")


def record(number: int) -> AuditRecord:
    """What somebody did."""
    return AuditRecord(at=START, actor=ACTOR, operation="accounts.add_account", object=f"a{number}")


@pytest.fixture
async def url(database_url: str, clock: FakeClock) -> str:
    """A database with ten rows, half of which the journal's writer has appended."""
    journal = Journal(Settings(database_url=database_url), clock)
    await journal.open()
    for number in range(1, 11):
        if number % 2:
            await journal.audit(record(number))
        else:
            with changing(journal.database, record(number)):
                pass
    await journal.close()
    return database_url


def verdict_of(url: str, **arguments: Any) -> list[str]:
    """What verifying finds."""
    database = Database(url)
    try:
        return AuditLog(database).verify(**arguments).problems
    finally:
        database.dispose()


def rows_of(url: str) -> list[Any]:
    """All rows as they are."""
    database = Database(url)
    try:
        return list(database.rows(select(*AUDIT.c).order_by(AUDIT.c.number)))
    finally:
        database.dispose()


def unguarded(url: str, *statements: str) -> None:
    """Change the log past its triggers."""
    first = (
        ()
        if "postgres" in url
        else ("DROP TRIGGER IF EXISTS audit_is_for_ever_update", "DROP TRIGGER IF EXISTS audit_is_for_ever_delete")
    )
    tamper(url, *first, *statements)


def rehashed(url: str, number: int) -> str:
    """The statement that changes a row and hashes it anew, as somebody would who can write to the database and knows how."""
    rows = rows_of(url)
    row = list(rows[number - 1])
    row[7] = "forged"
    previous = bytes(rows[number - 2].hash) if number > 1 else ORIGIN
    digest = hashlib.sha256(previous + rfc8785.dumps(document(row))).hexdigest()
    value = f"decode('{digest}', 'hex')" if "postgres" in url else f"x'{digest}'"
    return f"UPDATE audit SET object = 'forged', hash = {value} WHERE number = {number}"


def test_a_good_log_is_good_and_any_program_can_make_its_hashes(url: str) -> None:
    """By SHA-256 and canonical JSON alone."""
    assert verdict_of(url) == []
    previous = bytes(32)
    for row in rows_of(url):
        plain = {
            "number": row.number,
            "at": row.at.isoformat(timespec="microseconds"),
            "actor": "bot",
            "key_id": "k1",
            "address": "192.0.2.7",
            "request_id": "r-1",
            "operation": "accounts.add_account",
            "object": f"a{row.number}",
            "outcome": "done",
            "seq": 0,
        }
        canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        previous = hashlib.sha256(previous + canonical).digest()
        assert bytes(row.hash) == previous


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=40), number=st.integers(0, 2**53 - 1))
def test_hashes_are_made_of_canonical_json(text: str, number: int) -> None:
    """Whatever a row holds, what is hashed is what RFC 8785 says."""
    row = (number, START, text, None, text, None, text, text, "done", number)
    assert link(ORIGIN, row) == hashlib.sha256(ORIGIN + rfc8785.dumps(document(row))).digest()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda _: ["UPDATE audit SET outcome = 'forged' WHERE number = 4"], "row 4"),
        (lambda _: ["UPDATE audit SET address = '192.0.2.8' WHERE number = 1"], "row 1"),
        (lambda _: ["DELETE FROM audit WHERE number = 5"], "row 5 is missing"),
        (lambda _: ["DELETE FROM audit WHERE number > 8"], "row 9 is missing"),
        (
            lambda _: [
                "UPDATE audit SET number = 99 WHERE number = 3",
                "UPDATE audit SET number = 3 WHERE number = 4",
                "UPDATE audit SET number = 4 WHERE number = 99",
            ],
            "row 3",
        ),
        (
            lambda _: [
                "INSERT INTO audit SELECT 11, at, actor, key_id, address, request_id, operation, object, outcome, seq, hash"
                " FROM audit WHERE number = 10"
            ],
            "row 11",
        ),
        (lambda url: [rehashed(url, 6)], "row 6 was changed and hashed anew"),
        (lambda url: [rehashed(url, 10)], "row 10"),
    ],
    ids=["flip", "flip the first", "delete", "cut", "swap", "insert", "re-hash", "re-hash the last"],
)
def test_what_is_changed_is_found_by_its_number(url: str, change: Callable[[str], list[str]], told: str) -> None:
    """Each row that is not as it was written is named."""
    unguarded(url, *change(url))
    found = verdict_of(url)
    assert any(told in problem for problem in found), found


def test_the_log_can_not_be_changed_by_accident(url: str) -> None:
    """The database refuses it."""
    database = Database(url)
    for statement in ("UPDATE audit SET outcome = 'x'", "DELETE FROM audit"):
        with pytest.raises(Exception, match="append-only"), database.change() as connection:
            connection.exec_driver_sql(statement)
    database.dispose()


def test_a_cut_tail_is_found_by_a_checkpoint_only(url: str, tmp_path: Path) -> None:
    """Who cuts rows off and sets the count back leaves a log that is whole; a signed checkpoint of before tells."""
    signer = Signer(tmp_path / "audit.key")
    database = Database(url)
    line = signer.line(AuditLog(database).verify().end, "2026-01-02T03:04:05+00:00")
    kept = bytes(rows_of(url)[6].hash).hex()
    database.dispose()
    value = f"decode('{kept}', 'hex')" if "postgres" in url else f"x'{kept}'"
    unguarded(
        url, "DELETE FROM audit WHERE number > 7", f"UPDATE journal_sequence SET audit_number = 7, audit_hash = {value}"
    )
    assert verdict_of(url) == []
    (checkpoint,) = read_checkpoints([line], signer.public_key)
    assert any("row 10 is missing" in problem for problem in verdict_of(url, checkpoints=[checkpoint]))


def test_a_log_made_anew_is_found_by_a_checkpoint(url: str, tmp_path: Path) -> None:
    """Whoever hashes everything anew from a changed row on, and notes the last hash, has not the one that was signed."""
    signer = Signer(tmp_path / "audit.key")
    database = Database(url)
    line = signer.line(AuditLog(database).verify().end, "2026-01-02T03:04:05+00:00")
    database.dispose()
    for number in range(6, 11):
        unguarded(url, rehashed(url, number))
    unguarded(url, "UPDATE journal_sequence SET audit_hash = (SELECT hash FROM audit WHERE number = 10)")
    assert verdict_of(url) == []
    (checkpoint,) = read_checkpoints([line], signer.public_key)
    assert any("row 10, or one before it" in problem for problem in verdict_of(url, checkpoints=[checkpoint]))


def test_a_checkpoint_that_nobody_signed_is_refused(tmp_path: Path) -> None:
    """Neither a changed line nor another key's is believed; the private key is the owner's alone."""
    signer, other = Signer(tmp_path / "audit.key"), Signer(tmp_path / "other.key")
    line = signer.line(END, "2026-01-02T03:04:05+00:00")
    assert read_checkpoints([line, "\n"], signer.public_key) == [END]
    for bad in (line.replace('"number": 3', '"number": 4'), "{}", "no json"):
        with pytest.raises(InvalidArgument, match="Line 1"):
            read_checkpoints([bad], signer.public_key)
    with pytest.raises(InvalidArgument):
        read_checkpoints([line], other.public_key)
    assert (tmp_path / "audit.key").stat().st_mode & 0o777 == 0o600


async def test_rows_and_their_effect_are_one_transaction(database_url: str, clock: FakeClock) -> None:
    """A change that fails leaves no row; rows from several processes follow one another."""
    journals = [Journal(Settings(database_url=database_url), clock) for _ in range(2)]
    for each in journals:
        await each.open()
    with pytest.raises(RuntimeError), changing(journals[0].database, record(1)):
        raise RuntimeError
    await asyncio.gather(*(each.audit(record(number)) for number in range(20) for each in journals))
    assert verdict_of(database_url) == []
    assert len(rows_of(database_url)) == 40
    page = AuditLog(journals[0].database).page(AuditFilter(actor="bot", about="a3"), limit=1, cursor=None)
    assert (page.total_count, len(page.items), page.has_more) == (2, 1, True)
    second = AuditLog(journals[0].database).page(AuditFilter(about="a3"), limit=1, cursor=page.next_cursor)
    assert second.items[0].number < page.items[0].number
    for each in journals:
        await each.close()
