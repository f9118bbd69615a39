"""The short form of ``make chaos``: some seconds of trading with faults and kills on each database, then every clause."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.campaign import Result, doubted_in, run_campaign, table
from tests.chaos.checker import Violation
from tests.chaos.deployments import Deployment, PostgresDeployment, SqliteDeployment
from tests.chaos.journal_view import read_journal
from tests.postgres import PostgresServer

SEED = 11
FAULTS = f"seed={SEED},rate=0.25"

#: A busy machine needs a minute for what a quiet one does in ten seconds, and settling has a minute and a half of its own.
pytestmark = pytest.mark.timeout(400)


def run(deployment: Deployment) -> Result:
    """A campaign of some seconds, or of as many as the machine takes until there was something to break."""

    def is_enough() -> bool:
        journal = read_journal(deployment.journal_url, is_growing=True)
        return (
            len(journal.orders) > 20
            and sum(deployment.kills.values()) >= 2
            and sum(deployment.fault_counts().values()) > 20
            and len(doubted_in(journal)) > 0
        )

    return run_campaign(deployment, seconds=7, seed=SEED, disrupt_every=(1.0, 2.0), is_enough=is_enough)


def check_result(result: Result) -> None:
    """No violations, although there were kills, faults and orders in doubt."""
    assert result.violations == ()
    assert result.converged_after is not None
    assert result.orders > 20
    assert sum(result.kills.values()) >= 2
    assert sum(result.faults.values()) > 20
    assert result.doubted > 0


def test_one_process_on_sqlite(tmp_path: Path) -> None:
    """Killed and terminated, with faults of the exchange: nothing lost, nothing twice, nothing guessed."""
    check_result(run(SqliteDeployment(tmp_path, faults=FAULTS)))


@pytest.mark.postgres
def test_several_processes_on_postgres(tmp_path: Path, postgres_server: PostgresServer) -> None:
    """Web workers and account workers die one by one and all together; the others go on and the promise holds."""
    check_result(run(PostgresDeployment(tmp_path, postgres_server, workers=2, faults=FAULTS)))


def test_the_table_has_every_figure() -> None:
    """One column per campaign."""
    result = Result(
        name="somewhere",
        exchange="paper",
        seed=7,
        seconds=60,
        calls=1_234,
        orders=567,
        entries=2_000,
        kills={"server killed": 3},
        faults={"late": 4, "lost": 5},
        doubted=9,
        converged_after=None,
        violations=(Violation(clause="nothing_is_in_doubt", text="o1 is unknown"),),
    )
    text = table([result, result])
    assert "| connector | paper | paper |" in text
    for row in ("| seed | 7 | 7 |", "| calls by clients | 1,234 | 1,234 |", "| kills | 3 server killed | 3 server"):
        assert row in text
    assert "| seconds to converge | never | never |" in text
    assert "| violations | 1 | 1 |" in text
