"""Every way that choices can go, walked by forking: at each choice the process of the machine becomes one for each option.

A fork has everything that the world has, its database in memory as well, so that no step is run twice to come back to a choice.
States that were met before end a way. What all ways know in common is in shared memory and in one file.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

#: Slots for the digests of states; a power of two, and far more than there are states.
_SLOTS = 1 << 22
#: The kind of note that tells of a broken promise.
VIOLATION = "violation"
_DIGEST = struct.Struct("<Q")

#: The machine's own fork. Python's runs what modules have registered, such as new seeds and new locks, which takes as long again
#: as the fork and would undo that everything is decided here.
_fork = ctypes.PyDLL(None).fork


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """What was seen: how many states, and the notes of all ways as kind and text."""

    states: int
    lines: tuple[tuple[str, str], ...]


class Ways:
    """What all ways share. ``workers`` of them run at a time. If ``one_is_enough``, all end at the first violation."""

    def __init__(self, workers: int, seconds: float, *, one_is_enough: bool = False) -> None:
        self._until = time.monotonic() + seconds
        self._one_is_enough = one_is_enough
        self._is_enough = mmap.mmap(-1, 1)
        self._seen = mmap.mmap(-1, _SLOTS * _DIGEST.size)
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as this object
        self._tokens = os.pipe()
        os.set_blocking(self._tokens[0], False)
        os.write(self._tokens[1], b"t" * (workers - 1))
        self._children: list[int] = []
        self._is_child = False
        self._has_token = False
        #: The choices on the way here.
        self.trail: list[int] = []
        #: The choices of the one way to be walked; None for all ways.
        self.script: Sequence[int] | None = None

    def choose(self, options: int) -> int:
        """A number below ``options``: each of them, on a way of its own."""
        if self.script is not None:
            taken = self.script[len(self.trail)] if len(self.trail) < len(self.script) else 0
            self.trail.append(taken)
            return taken
        if options > 1 and (self._is_enough[0] or time.monotonic() > self._until):
            self.note("cut off")
            self.end()
        for option in range(1, options):
            if self._is_in_fork(option):
                return option
        self.trail.append(0)
        return 0

    def is_new(self, state: int) -> bool:
        """Whether nobody has met a state of this digest before."""
        digest = (state & 0xFFFF_FFFF_FFFF_FFFF) or 1
        slot = digest % _SLOTS
        while True:
            found = _DIGEST.unpack_from(self._seen, slot * _DIGEST.size)[0]
            if found == digest:
                return False
            if not found:
                _DIGEST.pack_into(self._seen, slot * _DIGEST.size, digest)
                return True
            slot = (slot + 1) % _SLOTS

    def note(self, kind: str, text: str = "") -> None:
        """Write one line for all to see in the end."""
        if kind == VIOLATION and self._one_is_enough:
            self._is_enough[0] = 1
        line = f"{kind}\t{text}".replace("\n", " | ") + "\n"
        os.write(self._file.fileno(), line.encode())

    def end(self) -> None:
        """This way is over. A fork does not come back from here."""
        for child in self._children:
            os.waitpid(child, 0)
        self._children.clear()
        if self._has_token:
            os.write(self._tokens[1], b"t")
        if self._is_child:
            os._exit(0)

    def walked(self) -> Walked:
        """What all ways together have seen. Nothing can be walked afterwards."""
        with memoryview(self._seen) as view, view.cast("Q") as digests:
            states = sum(1 for digest in digests if digest)
        self._file.seek(0)
        lines = self._file.read().decode().splitlines()
        self._seen.close()
        self._file.close()
        for end in self._tokens:
            os.close(end)
        return Walked(
            states=states, lines=tuple((kind, text) for kind, _, text in (line.partition("\t") for line in lines))
        )

    def _is_in_fork(self, option: int) -> bool:
        has_token = self._take()
        child = _fork()
        if child == 0:
            self._is_child = True
            self._has_token = has_token
            self._children = []
            self.trail.append(option)
            return True
        if has_token:
            # Somebody else's processor has room: go on beside it.
            self._children.append(child)
        else:
            os.waitpid(child, 0)
        return False

    def _take(self) -> bool:
        try:
            return bool(os.read(self._tokens[0], 1))
        except BlockingIOError:
            return False


def walk(
    begin: Callable[[Ways], None],
    *,
    workers: int,
    seconds: float,
    script: Sequence[int] | None = None,
    one_is_enough: bool = False,
) -> Walked:
    """Walk all ways of ``begin``, which calls ``choose`` and ``end``, in forks; return what they have seen. After ``seconds``, or a
    violation if ``one_is_enough``, the rest is cut off, which is noted. With a ``script``, only the way of these choices is walked.
    """
    ways = Ways(workers, seconds, one_is_enough=one_is_enough)
    ways.script = script
    child = os.fork()
    if child == 0:
        ways._is_child = True
        try:
            begin(ways)
        except BaseException:
            import traceback

            ways.note("failed", f"{ways.trail} {traceback.format_exc()}")
        finally:
            ways.end()
    os.waitpid(child, 0)
    return ways.walked()


def memory_file(path: Path) -> str:
    """The address of a SQLite database in memory that takes the place of ``path`` for all connections of this process."""
    return f"file:/{path.name}?vfs=memdb"
