"""The two ways in which the gateway is deployed, to be started, disrupted and stopped.

``SqliteDeployment`` is one process. ``PostgresDeployment`` is gunicorn with several web workers and two account workers
(``ordergate worker``), all on one database.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
from abc import ABC, abstractmethod
from collections import Counter
from pathlib import Path

from tests.chaos.exchanges import Exchange, PaperExchange
from tests.chaos.prepared import prepare
from tests.chaos.processes import Process, environment, free_port, wait_until_ready
from tests.chaos.truth import Truth
from tests.postgres import PostgresServer

#: A call's deadline, in seconds: long enough for a busy machine, short enough to see what follows it.
CALL_SECONDS = "2"


class Deployment(ABC):
    """A gateway of one or more processes over ``exchange``; without one, over the paper exchange with ``faults``."""

    name: str

    def __init__(self, directory: Path, *, faults: str = "", exchange: Exchange | None = None, **settings: str) -> None:
        self.directory = directory
        self.port = free_port()
        self.exchange = exchange or PaperExchange(directory, self._paper_url(), faults)
        self.kills: Counter[str] = Counter()
        self._env = environment(
            directory, self.port, **{"ORDERGATE_EXCHANGE_TIMEOUT": CALL_SECONDS, **settings}, **self._database()
        )

    @property
    @abstractmethod
    def journal_url(self) -> str:
        """The journal's database."""

    @property
    def truth(self) -> Truth:
        """The exchange."""
        return self.exchange.truth

    @abstractmethod
    def _paper_url(self) -> str:
        """The paper exchange's database, where it is used."""

    @abstractmethod
    def start(self, *, faulty: bool) -> None:
        """Start every process and wait until orders are served."""

    @abstractmethod
    def disrupt(self, rng: random.Random) -> None:
        """Kill a process, and start it again if nothing else does."""

    @abstractmethod
    def stop(self) -> None:
        """Terminate every process and wait."""

    @abstractmethod
    def kill(self) -> None:
        """Kill every process."""

    def fault_counts(self) -> Counter[str]:
        """The faults that happened so far, by kind."""
        return self.exchange.fault_counts()

    def _database(self) -> dict[str, str]:
        return {}

    def _process(self, name: str, *arguments: str) -> Process:
        return Process(arguments, self._env, self.directory / f"{name}.log")


class SqliteDeployment(Deployment):
    """One process on SQLite files. ``program`` are the arguments that start it."""

    name = "SQLite, one process"

    def __init__(
        self,
        directory: Path,
        *,
        faults: str = "",
        exchange: Exchange | None = None,
        program: tuple[str, ...] = ("-m", "app", "serve"),
        **settings: str,
    ) -> None:
        super().__init__(directory, faults=faults, exchange=exchange, **settings)
        self.server = self._process("server", *program)
        self._is_faulty = False

    @property
    def journal_url(self) -> str:
        return f"sqlite:///{self.directory / 'ordergate.db'}"

    def _paper_url(self) -> str:
        return f"sqlite:///{self.directory / 'paper.db'}"

    def start(self, *, faulty: bool, **settings: str) -> None:
        self._is_faulty = faulty
        prepare(self.directory)
        self.server.start(**self.exchange.settings(faulty=faulty), **settings)
        wait_until_ready(self.port, self.server)
        self.exchange.begin(self.port, faulty=faulty)

    def disrupt(self, rng: random.Random) -> None:
        if rng.random() < 0.8:
            self.kills["server killed"] += 1
            self.server.kill()
        else:
            self.kills["server terminated"] += 1
            self.server.terminate()
        self.start(faulty=self._is_faulty)

    def stop(self) -> None:
        self.server.terminate()

    def kill(self) -> None:
        self.server.kill()


class PostgresDeployment(Deployment):
    """gunicorn with its web workers, and two account workers, on a database of their own."""

    def __init__(
        self,
        directory: Path,
        server: PostgresServer,
        *,
        workers: int = 4,
        faults: str = "",
        exchange: Exchange | None = None,
        **settings: str,
    ) -> None:
        self._url = server.create()
        self.workers = workers
        super().__init__(directory, faults=faults, exchange=exchange, WEB_CONCURRENCY=str(workers), **settings)
        self.name = f"PostgreSQL, {workers} web workers, 2 account workers"
        self.web = self._process("web", "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app")
        self.account_workers = [self._process(f"worker{number}", "-m", "app", "worker") for number in (1, 2)]
        self._is_faulty = False

    @property
    def journal_url(self) -> str:
        return self._url

    def _paper_url(self) -> str:
        return self._url

    def start(self, *, faulty: bool) -> None:
        self._is_faulty = faulty
        self._start_web()
        for worker in self.account_workers:
            self._start_account_worker(worker)
        wait_until_ready(self.port, self.web)
        self.exchange.begin(self.port, faulty=faulty)

    def disrupt(self, rng: random.Random) -> None:
        choice = rng.random()
        if choice < 0.5:
            self._kill_one_worker(rng)
        elif choice < 0.85:
            self.kills["account worker killed"] += 1
            worker = rng.choice(self.account_workers)
            worker.kill()
            self._start_account_worker(worker)
        else:
            self.kills["all web workers killed"] += 1
            self.web.kill()
            self._start_web()
            wait_until_ready(self.port, self.web)

    def stop(self) -> None:
        for process in (self.web, *self.account_workers):
            process.terminate()

    def kill(self) -> None:
        for process in (self.web, *self.account_workers):
            process.kill()

    def _database(self) -> dict[str, str]:
        return {"DATABASE_URL": self._url.replace("postgresql+psycopg://", "postgresql://")}

    def _start_web(self) -> None:
        self.web.start(**self.exchange.settings(faulty=self._is_faulty))

    def _start_account_worker(self, worker: Process) -> None:
        worker.start(**self.exchange.settings(faulty=self._is_faulty))

    def _kill_one_worker(self, rng: random.Random) -> None:
        children = self.web.children()
        if children:
            self.kills["web worker killed"] += 1
            with contextlib.suppress(ProcessLookupError):
                os.kill(rng.choice(children), signal.SIGKILL)
