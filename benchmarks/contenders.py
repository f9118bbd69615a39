"""The contenders: how each server is started, pinned, watched and stopped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".bench"
OURS = WORK / "ours"
PEERS = WORK / "peers"
#: The gateway's own environment: in the development one, libraries would load tools that they find there, at the gateway's cost.
OUR_PYTHON = str(OURS / "bin" / "python")
USER = "admin:bench-password"

#: Servers run on the first processor, the exchange and the load on the second, so that they do not compete.
SERVER_CPU = "0"
LOAD_CPU = "1"

#: How long a server may take to answer its first request; a slow machine gets a minute.
_START_LIMIT = 60.0

#: A server at rest uses less processor time per second than this; the limit is how long to wait for it, in seconds.
_CALM = 0.2
_CALM_LIMIT = 60


@dataclass(slots=True, kw_only=True)
class Contender:
    """A server under test. ``command`` serves on ``port``, with ``environment`` added to ours, on ``cpu`` or, if None, anywhere."""

    name: str
    title: str
    port: int
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    directory: Path = ROOT
    path: str = "/trading/orders"
    alive: str = "/health/live"
    connector: str = "binance"
    data_dir: Path | None = None
    cpu: str | None = SERVER_CPU
    process: subprocess.Popen[bytes] | None = None
    start_seconds: float | None = None
    spawned_at: float = 0.0

    def start(self) -> None:
        """Start the server and wait for its first answer."""
        WORK.mkdir(exist_ok=True)
        with (WORK / f"{self.name}.log").open("wb") as log:
            self.spawned_at = time.perf_counter()
            self.process = subprocess.Popen(
                pinned(self.cpu, self.command),
                cwd=self.directory,
                env=_environment(self.environment),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        while not self._answers():
            if self.process.poll() is not None or time.perf_counter() - self.spawned_at > _START_LIMIT:
                self.stop()
                raise RuntimeError(f"{self.name} did not start, see {WORK / self.name}.log")
            time.sleep(0.01)
        self.start_seconds = time.perf_counter() - self.spawned_at

    def stop(self) -> None:
        """Stop the server with everything that it started."""
        if self.process is None:
            return
        self._signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self.process.wait()
        deadline = time.perf_counter() + 30
        while self._pids() and time.perf_counter() < deadline:
            time.sleep(0.02)
        self._signal(signal.SIGKILL)
        self.process = None

    def calm(self) -> None:
        """Wait until all processes of the server have started and are at rest."""
        before = self.cpu_seconds()
        for _ in range(_CALM_LIMIT):
            time.sleep(1)
            after = self.cpu_seconds()
            if after - before < _CALM:
                return
            before = after
        raise RuntimeError(f"{self.name} does not come to rest")

    def cpu_seconds(self) -> float:
        """Processor time that the server and its children have used, as the kernel counts it."""
        ticks = 0
        for pid in self._pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def descriptors(self) -> int:
        """The file descriptors that the server and its children have open."""
        return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in self._pids())

    def resident_megabytes(self) -> float:
        """Resident memory of the server and its children."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self._pids())
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def _signal(self, number: int) -> None:
        assert self.process is not None
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return

    def _pids(self) -> list[int]:
        assert self.process is not None
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[2]) == self.process.pid and fields[0] != "Z":
                found.append(int(entry.name))
        return found

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{self.alive}", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


def _environment(added: Mapping[str, str]) -> dict[str, str]:
    """This environment with ``added``. Compiled modules may be stored, as in any installation, since start times are compared."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONDONTWRITEBYTECODE" and not name.lower().endswith("_proxy")
    }
    return {**inherited, **added}


def pinned(cpu: str | None, command: Sequence[str]) -> list[str]:
    """``command``, pinned to one processor unless ``cpu`` is None."""
    return list(command) if cpu is None else ["taskset", "-c", cpu, *command]


def build_environments() -> None:
    """Make the environments of the gateway and of the peers, each with what it needs and nothing else, from their lock files."""
    _build(OURS, ROOT / "requirements.txt")
    _build(PEERS, ROOT / "benchmarks" / "peers" / "requirements.txt")


def _build(environment: Path, locked: Path) -> None:
    stamp = environment / ".built"
    if stamp.exists() and stamp.stat().st_mtime > locked.stat().st_mtime:
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], check=True)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "--only-binary", ":all:"]
    subprocess.run([*pip, "--require-hashes", "-r", str(locked)], check=True)
    stamp.touch()


def peer(name: str, title: str, module: str, port: int, stub_port: int, path: str = "/trading/orders") -> Contender:
    """A peer under uvicorn, as its authors would run it."""
    return _peer(
        name, title, port, stub_port, path,
        ["-m", "uvicorn", f"{module}:app", "--port", str(port), "--log-level", "warning", "--no-access-log"],
    )  # fmt: skip


def flask_peer(name: str, title: str, port: int, stub_port: int, path: str = "/trading/orders") -> Contender:
    """Connexion's ``FlaskApp`` as shipped, under gunicorn with a uvicorn worker, as its documentation says."""
    return _peer(
        name, title, port, stub_port, path,
        ["-m", "gunicorn", "-k", "uvicorn_worker.UvicornWorker", "--workers", "1", "--keep-alive", "75",
         "--no-control-socket", "--log-level", "warning", "--bind", f"127.0.0.1:{port}", "connexion_flask:app"],
    )  # fmt: skip


def _peer(name: str, title: str, port: int, stub_port: int, path: str, arguments: Sequence[str]) -> Contender:
    return Contender(
        name=name,
        title=title,
        port=port,
        command=[str(PEERS / "bin" / "python"), *arguments],
        environment={"STUB_URL": f"http://127.0.0.1:{stub_port}", "PYTHONWARNINGS": "ignore"},
        directory=ROOT / "benchmarks" / "peers",
        path=path,
    )


def gateway(
    name: str,
    title: str,
    port: int,
    stub_port: int,
    command: Sequence[str] = ("-m", "app", "serve"),
    cpu: str | None = SERVER_CPU,
    is_fresh: bool = True,
    connectors: Sequence[str] = ("binance",),
    **environment: str,
) -> Contender:
    """The gateway with credentials for ``connectors``, on a fresh SQLite journal unless DATABASE_URL says otherwise."""
    data_dir = WORK / name
    settings = {
        "ORDERGATE_DATA_DIR": str(data_dir),
        "ORDERGATE_USERNAME": "admin",
        "ORDERGATE_PASSWORD": "bench-password",
        "ORDERGATE_SECRET_KEY": "a key for benchmarks only",
        "ORDERGATE_BINANCE_REST_URL": f"http://127.0.0.1:{stub_port}/api",
        "ORDERGATE_BINANCE_WS_API_URL": f"ws://127.0.0.1:{stub_port}/ws-api",
        "PORT": str(port),
        **environment,
    }
    if is_fresh:
        shutil.rmtree(data_dir, ignore_errors=True)
        data_dir.mkdir(parents=True)
        prepare = [OUR_PYTHON, "-m", "benchmarks.prepare", *connectors]
        subprocess.run(prepare, cwd=ROOT, env={**os.environ, **settings}, check=True, stdout=subprocess.DEVNULL)
    return Contender(
        name=name,
        title=title,
        port=port,
        command=[OUR_PYTHON, *command],
        environment=settings,
        connector=connectors[0],
        data_dir=data_dir,
        cpu=cpu,
    )


def exchange(port: int, *options: str) -> Contender:
    """The stub of an exchange, on the load's processor; ``options`` are those of ``benchmarks.stub_exchange``."""
    return Contender(
        name=f"stub_{port}",
        title="stub exchange",
        port=port,
        command=[sys.executable, "-m", "benchmarks.stub_exchange", "--port", str(port), *options],
        path="/ceiling",
        cpu=LOAD_CPU,
    )
