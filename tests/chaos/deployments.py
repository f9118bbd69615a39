"""The two ways in which the gateway is run, each as a thing that can be started, hit and settled.

``SqliteDeployment`` is one process. ``PostgresDeployment`` is gunicorn with several workers and two processes that keep the
accounts in step, all on one database.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from abc import ABC, abstractmethod
from collections import Counter
from pathlib import Path

from tests.chaos.exchanges import Exchange, PaperExchange
from tests.chaos.processes import Process, environment, free_port, wait_until_ready
from tests.chaos.truth import Truth
from tests.postgres import PostgresServer

#: A call's deadline while rehearsing, in seconds: long enough for a busy machine, short enough to see what comes after it.
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
        """Where the journal is."""

    @property
    def truth(self) -> Truth:
        """The exchange."""
        return self.exchange.truth

    @abstractmethod
    def _paper_url(self) -> str:
        """Where the paper exchange would keep its store."""

    @abstractmethod
    def start(self, *, faulty: bool) -> None:
        """Start every process and wait until orders are served."""

    @abstractmethod
    def hit(self, luck: random.Random) -> None:
        """Kill something, and start it again if nobody else does."""

    @abstractmethod
    def stop(self) -> None:
        """End every process in good order."""

    @abstractmethod
    def kill(self) -> None:
        """End every process on the spot."""

    def fault_counts(self) -> Counter[str]:
        """The faults that happened so far, by kind."""
        return self.exchange.fault_counts()

    def _database(self) -> dict[str, str]:
        return {}

    def _process(self, name: str, *arguments: str) -> Process:
        return Process(arguments, self._env, self.directory / f"{name}.log")


class SqliteDeployment(Deployment):
    """One process on one file. ``program`` is how it is started."""

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
        self.server.start(**self.exchange.settings(faulty=faulty), **settings)
        wait_until_ready(self.port, self.server)
        self.exchange.begin(self.port, faulty=faulty)

    def hit(self, luck: random.Random) -> None:
        if luck.random() < 0.8:
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
    """gunicorn and its workers, and two keepers of accounts, on a database of their own."""

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
        self.name = f"PostgreSQL, {workers} web workers, 2 keepers"
        self.web = self._process("web", "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app")
        self.keepers = [self._process(f"keeper{number}", "-m", "app", "worker") for number in (1, 2)]
        self._is_faulty = False

    @property
    def journal_url(self) -> str:
        return self._url

    def _paper_url(self) -> str:
        return self._url

    def start(self, *, faulty: bool) -> None:
        self._is_faulty = faulty
        self._start_web()
        for keeper in self.keepers:
            self._start_keeper(keeper)
        wait_until_ready(self.port, self.web)
        self.exchange.begin(self.port, faulty=faulty)

    def hit(self, luck: random.Random) -> None:
        choice = luck.random()
        if choice < 0.5:
            self._hit_one_worker(luck)
        elif choice < 0.85:
            self.kills["keeper killed"] += 1
            keeper = luck.choice(self.keepers)
            keeper.kill()
            self._start_keeper(keeper)
        else:
            self.kills["all of web killed"] += 1
            self.web.kill()
            self._start_web()
            wait_until_ready(self.port, self.web)

    def stop(self) -> None:
        for process in (self.web, *self.keepers):
            process.terminate()

    def kill(self) -> None:
        for process in (self.web, *self.keepers):
            process.kill()

    def _database(self) -> dict[str, str]:
        return {"DATABASE_URL": self._url.replace("postgresql+psycopg://", "postgresql://")}

    def _start_web(self) -> None:
        self.web.start(**self.exchange.settings(faulty=self._is_faulty))

    def _start_keeper(self, keeper: Process) -> None:
        keeper.start(**self.exchange.settings(faulty=self._is_faulty))

    def _hit_one_worker(self, luck: random.Random) -> None:
        children = self.web.children()
        if children:
            self.kills["web worker killed"] += 1
            with contextlib.suppress(ProcessLookupError):
                os.kill(luck.choice(children), signal.SIGKILL)


def pause(seconds: float) -> None:
    """Let the rehearsal run for a while."""
    time.sleep(seconds)
