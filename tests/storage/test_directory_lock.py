"""One process per data directory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.domain.errors import DirectoryInUse
from app.storage.directory_lock import DirectoryLock

_HOLD = """
import sys, pathlib
from app.storage.directory_lock import DirectoryLock
DirectoryLock(pathlib.Path(sys.argv[1])).acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_has_died(tmp_path: Path) -> None:
    """The system gives the lock back however the holder dies."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(DirectoryInUse, match="another Ordergate process uses"):
        DirectoryLock(tmp_path, patience=0).acquire()
    holder.kill()
    holder.communicate()
    lock = DirectoryLock(tmp_path, patience=5)
    lock.acquire()
    lock.release()
    lock.release()


def test_the_directory_is_made_for_its_owner_only(tmp_path: Path) -> None:
    """Nobody else may read what will lie in it."""
    lock = DirectoryLock(tmp_path / "data")
    lock.acquire()
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    lock.release()
