"""Turns measurements into docs/appendix/performance.md: the targets, a section for each part, and the machine and versions."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.contenders import PEERS, ROOT, WORK
from benchmarks.figures import medians
from benchmarks.targets import target_table

_PAGE = ROOT / "docs" / "appendix" / "performance.md"
_PLOT = ROOT / "docs" / "appendix" / "performance.png"
_BEGIN = "<!-- measured: begin -->"
_END = "<!-- measured: end -->"
_OURS = (
    "connexion",
    "flask",
    "uvicorn",
    "gunicorn",
    "uvloop",
    "msgspec",
    "jsonschema-rs",
    "SQLAlchemy",
    "psycopg",
    "python-binance",
    "aiohttp",
)
_THEIRS = ("fastapi", "pydantic", "ccxt", "python-binance", "uvicorn", "aiohttp", "connexion", "flask", "gunicorn")

#: The number of appends, each waiting for the disk, of which the median is taken.
_SYNCS = 200


def conditions() -> dict[str, str]:
    """The machine and the versions, as they are now."""
    return {
        "at": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "machine": f"{os.cpu_count()} processors ({_processor()}), Linux {platform.release()}, Python {platform.python_version()}",
        "disk": f"{_sync_microseconds():.0f}",
        "ours": ", ".join(f"{name} {metadata.version(name)}" for name in _OURS),
        "theirs": _peer_versions(),
    }


def write_report(measured: Mapping[str, Any], sections: Mapping[str, tuple[str, Callable[[Any], str]]]) -> None:
    """Replace the measured part of docs/appendix/performance.md, and draw the plot beside it.

    ``measured`` has, by part, what ``run`` stored; ``sections`` the title of each part and the function that makes its Markdown.
    """
    found = {part: measured[part]["data"] for part in sections if part in measured}
    parts = [f"### Targets\n\n{target_table(found)}"]
    for part, data in found.items():
        title, section = sections[part]
        parts.append(f"### {title}\n\n{_when(measured[part])}\n\n{section(data)}")
    newest = max(measured.values(), key=lambda each: str(each["conditions"]["at"]))
    parts.append(f"### Machine and versions\n\n{_conditions(newest['conditions'])}")
    page = _PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    text = "\n".join(parts)
    _PAGE.write_text(f"{before}{_BEGIN}\n\n{text}\n{_END}{after}", encoding="utf-8")
    if "peers" in found:
        _plot(found["peers"]["rows"])


def _when(stored: Mapping[str, Any]) -> str:
    return f"Measured {stored['conditions']['at']}{stored['taken'] and '; ' + stored['taken']}."


def _conditions(known: Mapping[str, str]) -> str:
    return (
        f"{known['machine']}. An append of 4 KB that waits for the disk takes {known['disk']} us (median).\n\n"
        f"Ordergate: {known['ours']}.\n\nPeers: {known['theirs']}.\n"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _sync_microseconds() -> float:
    """How long a small append that waits for the disk takes where the journals are: the minimum cost of a durable commit."""
    WORK.mkdir(exist_ok=True)
    times = []
    with tempfile.TemporaryFile(dir=WORK) as file:
        for _ in range(_SYNCS):
            started = time.perf_counter_ns()
            os.write(file.fileno(), b"\0" * 4096)
            os.fdatasync(file.fileno())
            times.append(time.perf_counter_ns() - started)
    return sorted(times)[_SYNCS // 2] / 1000


def _peer_versions() -> str:
    code = f"import importlib.metadata as m; print(', '.join(n + ' ' + m.version(n) for n in {_THEIRS!r}))"
    return subprocess.run(
        [PEERS / "bin" / "python", "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


def _plot(rows: Any) -> None:
    data = WORK / "medians.json"
    data.write_text(
        json.dumps([[title, latency, concurrency, medians(runs)] for title, latency, concurrency, runs in rows])
    )
    plot = ROOT / "benchmarks" / "plot.py"
    subprocess.run([PEERS / "bin" / "python", plot, data, _PLOT], check=True)
