"""The contenders: how each server is started, pinned, warmed and stopped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".bench"
PEERS = WORK / "peers"
USER = "admin:bench-password"

#: Servers run on the first processor, the exchange and the load on the second, so that neither takes the other's time.
SERVER_CPU = "0"
LOAD_CPU = "1"

#: How long a server may take to answer its first request; a slow machine gets a minute.
_START_LIMIT = 60.0


@dataclass(slots=True, kw_only=True)
class Contender:
    """A server under test. ``command`` serves on ``port``; ``environment`` is added to ours."""

    name: str
    title: str
    port: int
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    directory: Path = ROOT
    path: str = "/trading/orders"
    connector: str = "binance"
    data_dir: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    start_seconds: float | None = None

    def start(self) -> None:
        """Start the server and wait for its first answer."""
        WORK.mkdir(exist_ok=True)
        log = (WORK / f"{self.name}.log").open("wb")
        started = time.perf_counter()
        self.process = subprocess.Popen(
            ["taskset", "-c", SERVER_CPU, *self.command],
            cwd=self.directory,
            env={**os.environ, **self.environment},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        while not self._answers():
            if self.process.poll() is not None or time.perf_counter() - started > _START_LIMIT:
                raise RuntimeError(f"{self.name} did not start, see {log.name}")
            time.sleep(0.01)
        self.start_seconds = time.perf_counter() - started

    def stop(self) -> None:
        """Stop the server with everything that it started."""
        if self.process is None:
            return
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None

    def cpu_seconds(self) -> float:
        """Processor time that the server and its children have used, from the kernel's own account."""
        ticks = 0
        for pid in self._pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident_megabytes(self) -> float:
        """Resident memory of the server and its children."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self._pids())
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def _pids(self) -> list[int]:
        assert self.process is not None
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                group = int((entry / "stat").read_text().rpartition(")")[2].split()[2])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if group == self.process.pid:
                found.append(int(entry.name))
        return found

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/live", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


def build_peers() -> None:
    """Make the environment of the peers, from its lock file."""
    stamp = PEERS / ".built"
    locked = ROOT / "benchmarks" / "peers" / "requirements.txt"
    if stamp.exists() and stamp.stat().st_mtime > locked.stat().st_mtime:
        return
    subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
    pip = [
        str(PEERS / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--only-binary",
        ":all:",
        "--require-hashes",
    ]
    subprocess.run([*pip, "-r", str(locked)], check=True)
    stamp.touch()


def peer(name: str, title: str, module: str, port: int, stub_port: int, path: str = "/trading/orders") -> Contender:
    """A peer under uvicorn, as its authors would run it."""
    return Contender(
        name=name,
        title=title,
        port=port,
        command=[
            str(PEERS / "bin" / "python"), "-m", "uvicorn", f"{module}:app", "--port", str(port),
            "--log-level", "warning", "--no-access-log",
        ],
        environment={"STUB_URL": f"http://127.0.0.1:{stub_port}"},
        directory=ROOT / "benchmarks" / "peers",
        path=path,
    )  # fmt: skip


def gateway(name: str, title: str, port: int, stub_port: int, **environment: str) -> Contender:
    """The gateway with Binance credentials for the stub, on a fresh SQLite journal unless DATABASE_URL says otherwise."""
    data_dir = WORK / name
    shutil.rmtree(data_dir, ignore_errors=True)
    data_dir.mkdir(parents=True)
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
    prepare = [sys.executable, "-m", "benchmarks.prepare"]
    subprocess.run(prepare, cwd=ROOT, env={**os.environ, **settings}, check=True, stdout=subprocess.DEVNULL)
    return Contender(
        name=name,
        title=title,
        port=port,
        command=[sys.executable, "-m", "app", "serve"],
        environment=settings,
        data_dir=data_dir,
    )
