"""The migrations: they make exactly the tables that the code knows, and can be run twice, at once, and from anywhere."""

from __future__ import annotations

import stat
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from app.domain.api_key import ApiKey
from app.domain.audit import AuditRecord
from app.domain.caller import Actor
from app.domain.enums import Environment, Scope
from app.domain.errors import SchemaOutdated
from app.journal.journal import Journal
from app.settings import Settings
from app.storage import schema
from app.storage.audit import append
from app.storage.callers import StoredCallers
from app.storage.database import Database
from app.storage.key_rows import key_row
from app.storage.tables import API_KEYS, BALANCES, EVENTS, FILL_COUNTS, FILLS, METADATA
from tests.clock import START, FakeClock
from tests.journal.orders import INTENDED, filled, key, order
from tests.storage.migrating import migrate_again


def test_the_migrations_make_the_tables_that_the_code_knows(database_url: str) -> None:
    """Comparing a migrated database with the tables finds no difference."""
    database = Database(database_url)
    with database.snapshot() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []
    database.dispose()


def test_the_head_is_the_last_migration() -> None:
    """What a server takes for current is what the migrations lead to."""
    assert ScriptDirectory.from_config(schema.config()).get_heads() == [schema.HEAD]


def test_a_database_is_current_once_upgraded(empty_database_url: str) -> None:
    """An empty database is not current; after an upgrade it is, and upgrading again changes nothing."""
    assert not schema.is_current(empty_database_url)
    schema.upgrade(empty_database_url)
    assert schema.is_current(empty_database_url)
    schema.upgrade(empty_database_url)
    assert schema.is_current(empty_database_url)


def test_a_later_version_is_not_current(database_url: str) -> None:
    """A database that a later version has migrated is not ours to write."""
    database = Database(database_url)
    with database.change() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.dispose()
    assert not schema.is_current(database_url)


def test_two_processes_may_upgrade_at_once(empty_database_url: str) -> None:
    """Of upgrades that run together one does the work, and the other finds it done."""
    code = f"from app.storage.schema import upgrade; upgrade({empty_database_url!r})"
    for process in [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]:
        assert process.wait(timeout=60) == 0
    assert schema.is_current(empty_database_url)


def test_a_migration_is_not_undone(database_url: str) -> None:
    """Nothing takes the journal's tables away again, by no migration's undoing."""
    for script in ScriptDirectory.from_config(schema.config()).walk_revisions():
        with pytest.raises(RuntimeError, match="not undone"):
            script.module.downgrade()
    database = Database(database_url)
    with pytest.raises(RuntimeError, match="not undone"), database.change() as connection:
        command.downgrade(schema.config(connection), "base")
    database.dispose()
    assert schema.is_current(database_url)


def test_entries_are_for_ever(database_url: str) -> None:
    """The database itself refuses to change or delete an entry."""
    database = Database(database_url)
    entry = {"seq": 1, "at": START, "kind": "balances", "account_name": "a", "connector_name": "c", "payload": "{}"}
    with database.change() as connection:
        connection.execute(insert(EVENTS).values(entry))
    for statement in (update(EVENTS).values(payload="x"), delete(EVENTS)):
        with pytest.raises(DBAPIError, match="append-only"), database.engine.begin() as connection:
            connection.execute(statement)
    database.dispose()


def test_the_data_directory_is_made_for_the_owner_only(tmp_path: Path) -> None:
    """A SQLite file's directory is made with mode 0700."""
    schema.upgrade(f"sqlite:///{tmp_path / 'data' / 'journal.db'}")
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_the_migrations_are_part_of_the_package() -> None:
    """An installed package has the migrations with it."""
    migrations = Path(schema.__file__).parent / "migrations"
    scripts = {Path(script.path).parent for script in ScriptDirectory.from_config(schema.config()).walk_revisions()}
    assert scripts == {migrations / "versions"}
    assert all((directory / "__init__.py").is_file() for directory in (migrations, *scripts))


def test_a_database_of_a_later_program_is_refused_in_words(sqlite_url: str) -> None:
    """A version that this program has no migration for is not touched."""
    schema.upgrade(sqlite_url)
    database = Database(sqlite_url)
    with database.change() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.dispose()
    with pytest.raises(SchemaOutdated, match="later version"):
        schema.upgrade(sqlite_url)
    assert not schema.is_current(sqlite_url)


async def test_fills_of_before_are_kept(database_url: str) -> None:
    """The migration that lets a fee be unknown keeps every fill, what finds them, and what counts them."""
    journal = Journal(Settings(database_url=database_url), FakeClock())
    await journal.open()
    await journal.open_order(order(), INTENDED)
    await journal.record(key(), lambda _order, _fills: (filled("1", "0.25"), filled("2", "0.25")))
    database = Database(database_url)
    before = [tuple(row) for row in database.rows(select(*FILLS.c).order_by(FILLS.c.seq))]
    if database.is_sqlite:
        beside = text("SELECT sql FROM sqlite_master WHERE tbl_name = 'fills' AND type <> 'table' ORDER BY name")
    else:
        beside = text("SELECT indexdef FROM pg_indexes WHERE tablename = 'fills' ORDER BY indexname")
        with database.change() as connection:
            connection.execute(text("ALTER TABLE fills ALTER COLUMN fee SET NOT NULL"))
    indexes = [tuple(row) for row in database.rows(beside)]
    migrate_again(database_url, "v0017_untold_fees")
    assert [tuple(row) for row in database.rows(select(*FILLS.c).order_by(FILLS.c.seq))] == before
    assert [tuple(row) for row in database.rows(beside)] == indexes
    await journal.record(key(), lambda _order, _fills: (filled("3", "0.25", fee=None, fee_currency=None),))
    assert [row.number for row in database.rows(select(FILL_COUNTS.c.number))] == [3]
    assert len(before) == 2
    await journal.close()
    database.dispose()


def test_keys_of_before_know_who_was_told_their_secrets(database_url: str) -> None:
    """From the audit log: which key made them, or gave them another; not what a person did, nor what was refused."""
    database = Database(database_url)
    told = [
        ("api_keys.create_key", "a", "maker", "done"),
        ("api_keys.rotate_key", "a", "rotator", "done"),
        ("api_keys.rotate_key", "a", "a", "done"),
        ("api_keys.rotate_key", "a", "stranger", "invalid_argument"),
        ("api_keys.create_key", "b", None, "done"),
        ("api_keys.disable_key", "b", "maker", "done"),
    ]
    with database.change() as connection:
        for table, column in (("api_keys", "told"), ("halts", "halted_by_key"), ("dead_man", "armed_by_key")):
            connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))
        for key_id in ("a", "b"):
            key = ApiKey(
                key_id=key_id,
                name=key_id,
                environment=Environment.PAPER,
                scopes=frozenset(Scope),
                created_at=START,
                created_by="admin",
            )
            row = dict(zip(API_KEYS.c.keys(), key_row(key, 1, database.codec), strict=True))
            del row["told"]
            values = ", ".join(f":{name}" for name in row)
            connection.execute(text(f"INSERT INTO api_keys ({', '.join(row)}) VALUES ({values})"), row)
        for operation, about, by, outcome in told:
            actor = Actor(name="somebody", key_id=by)
            append(connection, AuditRecord(at=START, actor=actor, operation=operation, object=about, outcome=outcome))
    migrate_again(database_url, "v0020_lines")
    keys = StoredCallers(database).known().keys
    assert {key_id: key.told for key_id, key in keys.items()} == {"a": ("maker", "rotator"), "b": ()}
    database.dispose()


def test_balances_of_before_are_kept(database_url: str) -> None:
    """The migration that lets what is available be unknown keeps every row."""
    row = {
        "account_name": "a",
        "connector_name": "c",
        "asset": "BTC",
        "total": Decimal("1.50"),
        "available": Decimal(1),
    }
    database = Database(database_url)
    with database.change() as connection:
        connection.execute(insert(BALANCES).values(row))
        if not database.is_sqlite:
            connection.execute(text("ALTER TABLE balances ALTER COLUMN available SET NOT NULL"))
    migrate_again(database_url, "v0009_unknown_balances")
    with database.change() as connection:
        connection.execute(insert(BALANCES).values({**row, "asset": "ETH", "available": None}))
    found = [row._asdict() for row in database.rows(select(*BALANCES.c).order_by(BALANCES.c.asset))]
    assert found == [row, {**row, "asset": "ETH", "available": None}]
    database.dispose()
