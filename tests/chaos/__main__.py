"""``python -m tests.chaos``: campaigns on both deployments, for a given time. Exits with 1 if the promise was broken."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.chaos.campaign import run_campaign, table
from tests.chaos.deployments import Deployment, PostgresDeployment, SqliteDeployment
from tests.chaos.exchanges import SandboxExchange
from tests.chaos.local_exchanges import LOCAL
from tests.chaos.processes import ROOT
from tests.chaos.report import with_results
from tests.postgres import running_server

REPORT = ROOT / "docs" / "build" / "chaos-report.md"


def main() -> int:
    """Run the campaigns that the arguments ask for."""
    asked = _arguments()
    seed = random.randrange(1_000_000) if asked.seed is None else asked.seed
    databases = asked.on or ["sqlite", "postgres"]
    print(f"seed {seed} (again: make chaos EXCHANGE={asked.exchange} SEED={seed} SECONDS={asked.seconds})", flush=True)
    results = []
    for database in databases:
        with _deployment(database, asked, seed) as deployment:
            result = run_campaign(deployment, seconds=asked.seconds / len(databases), seed=seed)
        results.append(result)
        print(f"{result.name}: {len(result.violations)} violations", flush=True)
    text = table(results)
    print(text)
    for result in results:
        for violation in result.violations:
            print(f"VIOLATION ({result.name}) {violation.clause}: {violation.text}")
    if asked.report:
        report = REPORT.read_text() if REPORT.exists() else ""
        REPORT.write_text(with_results(report, results, text))
    return 1 if any(result.violations for result in results) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="of trading, shared by the deployments")
    parser.add_argument("--seed", type=int, help="the same seed makes the same clients, faults and kills")
    parser.add_argument("--rate", type=float, default=0.2, help="of calls and events with a fault")
    parser.add_argument("--exchange", default="paper", choices=["paper", *LOCAL])
    parser.add_argument("--on", action="append", choices=["sqlite", "postgres"])
    parser.add_argument("--report", action="store_true", help="write docs/build/chaos-report.md")
    parser.add_argument("--keep", action="store_true", help="keep logs and databases")
    return parser.parse_args()


@contextmanager
def _deployment(database: str, asked: argparse.Namespace, seed: int) -> Iterator[Deployment]:
    directory = Path(tempfile.mkdtemp(prefix="ordergate-chaos-"))
    with ExitStack() as at_the_end:
        at_the_end.callback(_clean_up, directory, keep=asked.keep)
        exchange = None
        if asked.exchange != "paper":
            exchange = SandboxExchange(directory, asked.exchange, seed=seed, rate=asked.rate)
            at_the_end.callback(exchange.close)
        faults = f"seed={seed},rate={asked.rate}"
        if database == "sqlite":
            yield SqliteDeployment(directory, faults=faults, exchange=exchange)
        else:
            server = at_the_end.enter_context(running_server())
            yield PostgresDeployment(directory, server, faults=faults, exchange=exchange)


def _clean_up(directory: Path, *, keep: bool) -> None:
    if keep:
        print(f"logs and databases are in {directory}", flush=True)
    else:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
