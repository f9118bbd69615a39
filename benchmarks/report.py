"""Turns measurements into docs/performance.md: tables of medians and ratios, with the machine and the versions named."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.contenders import PEERS, ROOT, WORK

Key = tuple[str, int, int]

_PAGE = ROOT / "docs" / "performance.md"
_BEGIN = "<!-- measured: begin -->"
_END = "<!-- measured: end -->"
_BASELINE = "FastAPI + ccxt"
_OURS = (
    "connexion",
    "flask",
    "uvicorn",
    "uvloop",
    "msgspec",
    "jsonschema-rs",
    "SQLAlchemy",
    "python-binance",
    "aiohttp",
)
_THEIRS = ("fastapi", "pydantic", "ccxt", "python-binance", "uvicorn", "aiohttp")


def write_report(medians: dict[Key, dict[str, float]], *, rounds: int, seconds: float) -> None:
    """Replace the measured part of docs/performance.md, and draw the plot beside it."""
    parts = [_conditions(rounds, seconds)]
    for latency in sorted({key[1] for key in medians}):
        parts.append(f"\n### Exchange latency {latency} ms\n\n{_table(medians, latency)}")
    measured = f"{_BEGIN}\n{''.join(parts)}\n![Orders per second and median latency](performance.png)\n{_END}"
    page = _PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    _PAGE.write_text(before + measured + after, encoding="utf-8")
    _plot(medians)


def _conditions(rounds: int, seconds: float) -> str:
    return (
        f"Measured {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} processors ({_processor()}), Linux {platform.release()}, "
        f"Python {platform.python_version()}; server pinned to one processor, exchange stub and load to the other; "
        f"{rounds} rounds of {seconds:g} s each, contenders interleaved; medians. "
        f"Ordergate: {_versions()}. Peers: {_peer_versions()}.\n"
    )


def _table(medians: dict[Key, dict[str, float]], latency: int) -> str:
    lines = [
        f"| contender | concurrency | orders/s | x {_BASELINE} | p50 ms | p90 ms | p99 ms | max ms | CPU us/order | MB | start s |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for (title, at, concurrency), row in sorted(
        medians.items(), key=lambda item: (item[0][2], -item[1]["orders_per_second"])
    ):
        if at != latency:
            continue
        baseline = medians.get((_BASELINE, latency, concurrency))
        ratio = f"{row['orders_per_second'] / baseline['orders_per_second']:.2f}" if baseline else ""
        figures = " | ".join(f"{row[name] / 1000:.2f}" for name in ("p50", "p90", "p99", "max"))
        lines.append(
            f"| {title} | {concurrency} | {row['orders_per_second']:.0f} | {ratio} | {figures} | {row['cpu_us']:.0f} |"
            f" {row['megabytes']:.0f} | {row['start_seconds']:.1f} |"
        )
    return "\n".join(lines) + "\n"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _versions() -> str:
    return ", ".join(f"{name} {metadata.version(name)}" for name in _OURS)


def _peer_versions() -> str:
    code = f"import importlib.metadata as m; print(', '.join(n + ' ' + m.version(n) for n in {_THEIRS!r}))"
    return subprocess.run(
        [PEERS / "bin" / "python", "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


def _plot(medians: dict[Key, dict[str, float]]) -> None:
    rows: list[Any] = [[*key, row] for key, row in medians.items()]
    data = WORK / "medians.json"
    data.write_text(json.dumps(rows))
    plot = ROOT / "benchmarks" / "plot.py"
    subprocess.run([PEERS / "bin" / "python", plot, data, ROOT / "docs" / "performance.png"], check=True)
