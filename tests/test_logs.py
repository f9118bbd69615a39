"""Log lines: those of a moment go out together, none is lost, none changes places, and each is one JSON object."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest

from app import logs
from app.log_writer import LogWriter
from app.logs import BufferedLog

#: What a process logs that uses everything: an order's line, values that JSON has no form for, an exception, a library's record.
_SPEAKER = """
import asyncio, logging
from datetime import UTC, datetime
from decimal import Decimal
import structlog
from app.logs import configure_logging
configure_logging(lambda: datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC))
log = structlog.get_logger("x")

async def main():
    structlog.contextvars.bind_contextvars(request_id="r1")
    log.info("order filled", amount=Decimal("0.10"), events=["accepted"], reason=None)
    structlog.contextvars.clear_contextvars()
    log.info("odd", key=ValueError("a"), big=2**70)
    try:
        raise ZeroDivisionError("by zero")
    except ZeroDivisionError:
        log.exception("failed")
    log.info("before")
    logging.getLogger("library").warning("said %s", "so \\udcff")
    log.info("last words")

asyncio.run(main())
"""


class Writes(LogWriter):
    """A writer that writes at once, and remembers each write."""

    def __init__(self) -> None:
        self.text = b""
        self.parts: list[list[str]] = []

    def put(self, lines: bytes) -> None:
        self.parts.append([json.loads(line)["event"] for line in lines.splitlines()])
        self.text += lines

    def drain(self, seconds: float) -> bool:
        return True


def said(text: str) -> dict[str, Any]:
    return {"event": text}


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Writes:
    """A stream, and a moment that is over as soon as the loop comes round."""
    monkeypatch.setattr(logs, "_FLUSH_SECONDS", 0.001)
    return Writes()


async def test_lines_of_a_moment_share_a_write(stream: Writes) -> None:
    """Lines go out in their order, in one write, when the moment is over, and those of the next in another."""
    log = BufferedLog(stream)
    log.info(said("one"))
    log.info(said("two"))
    assert stream.parts == []
    await asyncio.sleep(0.05)
    assert stream.parts == [["one", "two"]]
    log.info(said("three"))
    await asyncio.sleep(0.05)
    assert stream.parts == [["one", "two"], ["three"]]


@pytest.mark.parametrize("level", ["warning", "error", "critical"])
async def test_a_warning_goes_out_at_once(stream: Writes, level: str) -> None:
    """What an operator must see waits for nothing, and what came before it stays before it."""
    log = BufferedLog(stream)
    log.info(said("order"))
    getattr(log, level)(said("trouble"))
    assert stream.parts == [["order", "trouble"]]
    await asyncio.sleep(0.05)
    assert stream.parts == [["order", "trouble"]]


async def test_a_thread_s_line_goes_out_at_once(stream: Writes) -> None:
    """A line from a thread does not wait for the loop, and what was said before it stays before it."""
    log = BufferedLog(stream)
    log.info(said("loop"))
    await asyncio.to_thread(log.info, said("thread"))
    assert stream.parts == [["loop", "thread"]]


def test_without_a_loop_nothing_waits(stream: Writes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the loop starts and after it has ended a line goes out at once, with what the loop left behind."""
    # A busy machine may take longer to end a loop than lines are buffered.
    monkeypatch.setattr(logs, "_FLUSH_SECONDS", 60)
    log = BufferedLog(stream)
    log.info(said("start"))
    assert stream.parts == [["start"]]
    asyncio.run(say(log, "last words"))
    assert stream.parts == [["start"]]
    log.info(said("end"))
    assert stream.parts == [["start"], ["last words", "end"]]


def test_another_loop_is_served_too(stream: Writes) -> None:
    """Lines that one loop never wrote out do not keep a later loop from writing its own."""
    log = BufferedLog(stream)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "_FLUSH_SECONDS", 60)
        asyncio.run(say(log, "left"))
    asyncio.run(say(log, "later", wait=0.05))
    assert stream.parts == [["left", "later"]]


async def say(log: BufferedLog, text: str, wait: float = 0) -> None:
    log.info(said(text))
    await asyncio.sleep(wait)


class Silent:
    """A value that can't say what it is."""

    def __str__(self) -> str:
        raise RuntimeError


async def test_one_odd_value_costs_no_other_line(stream: Writes) -> None:
    """Half a sign is written as it can be, and what has no text at all is told to be missing."""
    log = BufferedLog(stream)
    for event in (said("good"), said("half \udcff"), {"event": "silent", "value": Silent()}, said("good")):
        log.info(event)
    await asyncio.sleep(0.05)
    assert stream.parts == [["good", "half \udcff", "a line could not be made", "good"]]


def test_a_value_may_log_while_its_line_is_made(stream: Writes) -> None:
    """Nobody waits for himself."""
    log = BufferedLog(stream)

    class Talkative:
        def __str__(self) -> str:
            log.info(said("inner"))
            return "outer's"

    log.info({"event": "outer", "value": Talkative()})
    assert sorted(text for part in stream.parts for text in part) == ["inner", "outer"]


def test_a_process_that_is_about_to_stop_can_write_everything(stream: Writes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal's own end leaves no time for the moment to pass."""
    log = BufferedLog(stream)
    monkeypatch.setattr(logs, "_configured", [log])
    asyncio.run(say(log, "last words"))
    logs.flush()
    assert stream.parts == [["last words"]]


def test_every_line_is_one_json_object() -> None:
    """With time, level and request; no value is lost, and what the loop had not written is written at the end."""
    spoken = subprocess.run([sys.executable, "-c", _SPEAKER], capture_output=True, text=True, check=True)
    filled, odd, failed, before, library, last = [json.loads(line) for line in spoken.stderr.splitlines()]
    stamp = "2026-01-02T03:04:05.000678Z"
    assert filled == {
        "amount": "0.10",
        "events": ["accepted"],
        "reason": None,
        "event": "order filled",
        "request_id": "r1",
        "level": "info",
        "timestamp": stamp,
    }
    assert (odd["key"], str(odd["big"])) == ("a", str(2**70))
    assert failed["level"] == "error"
    assert "ZeroDivisionError: by zero" in failed["exception"]
    assert before["event"] == "before"
    assert (library["event"], library["level"]) == ("said so \udcff", "warning")
    assert last == {"event": "last words", "level": "info", "timestamp": stamp}


# -- repetitions --------------------------------------------------------------------------------------------------------


def lines(stream: Writes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.text.splitlines()]


def test_a_storm_of_warnings_is_two_lines() -> None:
    """A full disk: thousands of refused orders, each with an id of its own. The first is written, the rest are counted."""
    stream, now = Writes(), [0.0]
    log = BufferedLog(stream, lambda: now[0])
    for number in range(2800):
        log.warning({"event": "outcome not recorded", "level": "warning", "order_id": f"o{number}", "error": "Full"})
    log.warning({"event": "outcome not recorded", "level": "warning", "order_id": "x", "error": "Locked"})
    assert [line["order_id"] for line in lines(stream)] == ["o0", "x"]
    now[0] = 11.0
    log.info({"event": "well again", "level": "info"})
    assert lines(stream)[2:] == [
        {"event": "well again", "level": "info"},
        {"event": "outcome not recorded", "level": "warning", "order_id": "o2799", "error": "Full", "repeated": 2799},
    ]
    log.warning({"event": "outcome not recorded", "level": "warning", "order_id": "later", "error": "Full"})
    assert lines(stream)[-1]["order_id"] == "later"


def test_the_number_is_written_at_the_end_too() -> None:
    """A process that stops within the time leaves no count behind."""
    stream = Writes()
    log = BufferedLog(stream, lambda: 0.0)
    for _ in range(3):
        log.warning({"event": "w", "level": "warning"})
    log.close()
    assert [line.get("repeated") for line in lines(stream)] == [None, 2]


def test_errors_about_different_orders_are_all_written() -> None:
    """An alarm is about its order; only one that is the same in everything but its request repeats another."""
    stream = Writes()
    log = BufferedLog(stream, lambda: 0.0)
    for number in range(3):
        log.error({"event": "order adopted", "level": "error", "order_id": f"o{number}", "request_id": f"r{number}"})
        log.error({"event": "failed", "level": "error", "exception": "Traceback", "request_id": f"r{number}"})
    log.close()
    said = [(line["event"], line.get("order_id"), line.get("repeated")) for line in lines(stream)]
    assert said == [
        ("order adopted", "o0", None),
        ("failed", None, None),
        ("order adopted", "o1", None),
        ("order adopted", "o2", None),
        ("failed", None, 2),
    ]


def test_so_many_kinds_are_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered is bounded; beyond it, everything is written."""
    monkeypatch.setattr(logs, "_MOST_KINDS", 2)
    stream = Writes()
    log = BufferedLog(stream, lambda: 0.0)
    for name in ("a", "b", "c", "a", "b", "c"):
        log.warning({"event": name, "level": "warning"})
    assert [line["event"] for line in lines(stream)] == ["a", "b", "c", "c"]
