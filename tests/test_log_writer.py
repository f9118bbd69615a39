"""Lines are written by a thread of their own: whoever logs waits for no reader, and what is lost is counted."""

from __future__ import annotations

import json
import os
import threading

from app.log_writer import LogWriter

#: How long a test waits for the thread.
_PATIENCE = 60.0


def line(text: str) -> bytes:
    return b'{"event":"%b"}\n' % text.encode()


class Reader:
    """What is behind the stream: it takes a few bytes at a time, or stands still, or has no room."""

    def __init__(self) -> None:
        self.text = b""
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.stands_still = threading.Event()
        self.faults: list[OSError | None] = []

    def write(self, lines: memoryview) -> int | None:
        if not self.may_go_on.is_set():
            self.stands_still.set()
            self.may_go_on.wait(_PATIENCE)
        if self.faults:
            fault = self.faults.pop()
            if fault is None:
                return None
            raise fault
        self.text += bytes(lines[:7])
        return min(len(lines), 7)

    def said(self) -> list[tuple[str, int | None]]:
        return [(each["event"], each.get("number")) for each in map(json.loads, self.text.splitlines())]


def test_lines_are_written_whole_and_in_their_order() -> None:
    """Also where the stream takes a part of them, or nothing for a moment."""
    reader = Reader()
    reader.faults = [None]
    writer = LogWriter(reader.write)
    for number in range(20):
        writer.put(line(str(number)))
    assert writer.drain(_PATIENCE)
    assert reader.said() == [(str(number), None) for number in range(20)]


def test_who_logs_does_not_wait_for_a_reader_that_stands_still() -> None:
    """What there is no room for is counted, and told when the reader goes on."""
    reader = Reader()
    reader.may_go_on.clear()
    writer = LogWriter(reader.write, most_bytes=len(line("0")) * 3)
    writer.put(line("0"))
    assert reader.stands_still.wait(_PATIENCE)
    for number in range(1, 10):
        writer.put(line(str(number)))
    assert not writer.drain(0.01)
    reader.may_go_on.set()
    assert writer.drain(_PATIENCE)
    assert reader.said() == [("0", None), ("1", None), ("2", None), ("3", None), ("log lines lost", 6)]


def test_what_can_not_be_written_is_counted() -> None:
    """As on a full disk, twice, until there is room again; how many were lost is told once."""
    reader = Reader()
    writer = LogWriter(reader.write)
    for text in ("one", "two"):
        reader.faults = [OSError(28, "No space left on device")]
        writer.put(line(text))
        assert writer.drain(_PATIENCE)
    for text in ("three", "four"):
        writer.put(line(text))
        assert writer.drain(_PATIENCE)
    assert reader.said() == [("three", None), ("log lines lost", 2), ("four", None)]


def test_a_child_writes_too() -> None:
    """It has no thread of its parent's, which may have been writing when it was made."""
    reader, writing = os.pipe()
    stuck = Reader()
    stuck.may_go_on.clear()
    sinks = [stuck.write]
    writer = LogWriter(lambda lines: sinks[0](lines))
    writer.put(line("parent"))
    assert stuck.stands_still.wait(_PATIENCE)
    child = os.fork()
    if child == 0:
        try:
            sinks[0] = lambda lines: os.write(writing, lines)
            writer.put(line("child"))
            writer.drain(_PATIENCE)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    stuck.may_go_on.set()
    assert writer.drain(_PATIENCE)
    assert os.read(reader, 1000) == line("child")
    assert stuck.said() == [("parent", None)]
    os.close(reader)
    os.close(writing)
