"""Log lines: those of one round of the loop go out together, none is lost and none changes places."""

from __future__ import annotations

import asyncio
from io import BytesIO

from app.logs import GatheredLines


class Writes(BytesIO):
    """A stream that remembers each write."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[bytes] = []

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.parts.append(data)
        return super().write(data)


async def test_lines_of_a_round_share_a_write() -> None:
    """Lines written while the loop runs other work go out in their order, in one write, when the round ends."""
    stream = Writes()
    lines = GatheredLines(stream)
    lines.write(b"one\n")
    lines.write(b"two\n")
    assert stream.parts == []
    await asyncio.sleep(0)
    assert stream.parts == [b"one\ntwo\n"]
    lines.write(b"three\n")
    await asyncio.sleep(0)
    assert stream.parts == [b"one\ntwo\n", b"three\n"]


async def test_a_thread_s_line_goes_out_at_once() -> None:
    """A line from a thread does not wait for the loop, and what was written before it stays before it."""
    stream = Writes()
    lines = GatheredLines(stream)
    lines.write(b"loop\n")
    await asyncio.to_thread(lines.write, b"thread\n")
    assert stream.getvalue() == b"loop\nthread\n"


def test_without_a_loop_nothing_waits() -> None:
    """Before the loop starts and after it has ended a line goes out at once, with what the loop left behind."""
    stream = Writes()
    lines = GatheredLines(stream)
    lines.write(b"start\n")
    assert stream.parts == [b"start\n"]

    async def stopping() -> None:
        lines.write(b"last words\n")

    loop = asyncio.new_event_loop()
    task = loop.create_task(stopping())
    task.add_done_callback(lambda _: loop.stop())
    loop.run_forever()
    loop.close()
    lines.write(b"end\n")
    assert stream.getvalue() == b"start\nlast words\nend\n"


def test_another_loop_is_served_too() -> None:
    """Lines that one loop never wrote out do not keep a later loop from writing its own."""
    stream = Writes()
    lines = GatheredLines(stream)
    left = asyncio.new_event_loop()

    async def write(line: bytes) -> None:
        lines.write(line)

    write_now = left.create_task(write(b"left\n"))
    write_now.add_done_callback(lambda _: left.stop())
    left.run_forever()
    left.close()
    asyncio.run(write_and_wait(lines, b"later\n"))
    assert stream.getvalue() == b"left\nlater\n"


async def write_and_wait(lines: GatheredLines, line: bytes) -> None:
    """Write a line and let the round end."""
    lines.write(line)
    await asyncio.sleep(0)
