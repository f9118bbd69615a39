"""A disk of its own that is really full, or mounted read-only, under a running gateway.

The disk is a small file system in memory, mounted where only these processes see it. No privilege is needed where the system lets
users have name spaces of their own; where it does not, `test_machine.py` has the form that needs nothing.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.processes import Process, environment, free_port, wait_until_ready
from tests.host.hosts import FAULT_SECONDS, Host

_UNSHARE = ("unshare", "--user", "--map-root-user", "--mount")


def _may_mount() -> bool:
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        return False
    tried = subprocess.run(
        [*_UNSHARE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False, timeout=10
    )
    return tried.returncode == 0


pytestmark = pytest.mark.skipif(not _may_mount(), reason="the system lets no user mount in a name space of its own")


class Disk:
    """A small disk at ``directory``, seen by those who are started by ``enter``, and by the rest of the world at ``seen_at``."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._directory = directory
        script = f"mount -t tmpfs -o size=16m tmpfs '{directory}' && echo mounted && exec cat"
        self._holder = subprocess.Popen([*_UNSHARE, "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"mounted\n"
        self.enter = ("nsenter", "--target", str(self._holder.pid), "--user", "--mount", "--preserve-credentials", "--")
        self.seen_at = Path(f"/proc/{self._holder.pid}/root{directory}")

    def close(self) -> None:
        assert self._holder.stdin is not None
        assert self._holder.stdout is not None
        self._holder.stdin.close()
        self._holder.stdout.close()
        self._holder.wait()

    def fill(self) -> Path:
        """Fill it to the last byte; the file that does it."""
        filling = self.seen_at / "filling"
        with filling.open("wb", buffering=0) as file:
            for size in (65536, 512, 1):
                try:
                    while file.write(b"0" * size):
                        pass
                except OSError:
                    continue
        return filling

    def remount(self, how: str) -> None:
        """``ro`` or ``rw``; nobody may have a file open for writing."""
        subprocess.run([*self.enter, "mount", "-o", f"remount,{how}", str(self._directory)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path / "disk")
    yield disk
    disk.close()


def test_a_disk_that_is_full(tmp_path: Path, disk: Disk) -> None:
    """To its last byte: orders are refused and not sent, and the refused key makes an order when there is room again."""
    host = Host(tmp_path, through=disk.enter, data=disk.seen_at)
    try:
        host.place_at_last()
        filling = disk.fill()
        # What the log has been before holds some orders more.
        refused = next(operation for operation in iter(host.order, None) if host.place(operation).status == 503)
        host.place_for(FAULT_SECONDS)
        filling.unlink()
        assert host.place_at_last(refused).status == 201
        host.wait_until_ready()
        host.check()
    finally:
        host.close()


def test_a_disk_that_is_read_only(tmp_path: Path, disk: Disk) -> None:
    """A gateway does not start on it, says so in a sentence, changes nothing, and starts when it may be written."""
    env = environment(tmp_path, free_port(), ORDERGATE_DATA_DIR=str(tmp_path / "disk"))
    server = Process(("-m", "app", "serve"), env, tmp_path / "server.log")
    server.through = disk.enter
    server.start()
    try:
        wait_until_ready(int(env["PORT"]), server)
        server.terminate()
        disk.remount("ro")
        server.start()
        assert server.wait() != 0
        output = server.output()
        assert "Traceback" not in output
        assert "read-only" in output.lower() or "readonly" in output.lower()
        disk.remount("rw")
        server.start()
        wait_until_ready(int(env["PORT"]), server)
    finally:
        server.kill()
