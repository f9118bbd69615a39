"""Several gunicorn workers on PostgreSQL, as the Procfile runs them, beside one process on SQLite.

Processes are not pinned here: web workers, the account worker, PostgreSQL, the stub and the load share all processors.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from benchmarks.contenders import OUR_PYTHON, Contender, exchange, gateway
from benchmarks.measurement import Plan, Run, in_turn, load, print_run, running
from benchmarks.postgres import running_server
from benchmarks.tables import contender_table

STUB_PORT = 9811
WORKERS = 4
CONCURRENCY = (8, 64)
SQLITE = "Ordergate, SQLite, one process"
ONE_WORKER = "Ordergate, PostgreSQL, gunicorn with 1 worker"
_SECONDS = 3.0

#: The Procfile's "web" and "worker" in one process group, so that both are watched and stopped together.
_PROCFILE = f"{OUR_PYTHON} -m app worker & exec {OUR_PYTHON} -m gunicorn -c gunicorn.conf.py wsgi:app"


def _gunicorn(workers: int, port: int, database_url: str) -> Contender:
    contender = gateway(
        f"gateway_workers_{workers}",
        ONE_WORKER if workers == 1 else f"Ordergate, PostgreSQL, gunicorn with {workers} workers",
        port,
        STUB_PORT,
        cpu=None,
        DATABASE_URL=database_url,
        WEB_CONCURRENCY=str(workers),
        HOST="127.0.0.1",
    )
    contender.command = ["sh", "-c", _PROCFILE]
    return contender


def measure(plan: Plan) -> dict[str, Any]:
    """A row for each contender and concurrency, and the server's version. They run one after the other: workers never rest."""
    runs: defaultdict[tuple[str, int, int], list[Run]] = defaultdict(list)
    stub = exchange(STUB_PORT)
    with running_server() as databases, running(stub):
        contenders = [
            gateway("gateway_unpinned", SQLITE, 9851, STUB_PORT, cpu=None),
            _gunicorn(1, 9852, databases.create()),
            _gunicorn(WORKERS, 9853, databases.create()),
        ]
        for number, contender in in_turn(contenders, plan.starts):
            with running(contender):
                # Only one of the workers has answered so far.
                contender.calm()
                load(contender, 64, plan.warmup)
                for concurrency in CONCURRENCY:
                    run = load(contender, concurrency, _SECONDS, exchange=stub)
                    runs[(contender.title, 0, concurrency)].append(run)
                    print_run(number, contender.title, f"c={concurrency}", run)
        version = databases.version()
    return {"rows": [[*key, each] for key, each in runs.items()], "postgres": version}


def section(measured: dict[str, Any]) -> str:
    """The table."""
    return (
        f"Started afresh {len(measured['rows'][0][3])} times and loaded for {_SECONDS:g} s each time."
        f" PostgreSQL {measured['postgres']} on the same machine, its commits on disk. Its own processor time and memory are not in"
        f" the table; those of all gateway processes are.\n\n{contender_table(measured['rows'], 0)}"
    )
