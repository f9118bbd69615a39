"""docs/build/simulation-report.md: one section for each command that wrote one."""

from __future__ import annotations

import resource
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.simulation.campaign import Sum

PATH = Path(__file__).resolve().parents[2] / "docs" / "build" / "simulation-report.md"

_TITLE = "# The last long simulations\n\n[promise.md](promise.md) says what is done.\n"
_HEADING = "\n## "


def table(total: Sum, seconds: float) -> str:
    """What worlds added up to, as tables in Markdown."""
    rows = {
        "worlds": f"{total.worlds:,}",
        "orders in the journals": f"{total.orders:,}",
        "calls by callers": f"{total.calls:,}",
        "entries in the journals": f"{total.entries:,}",
        "crashes of a process": f"{total.deaths:,}",
        "processes that stood still": f"{total.crashes['stood still']:,}",
        "faults of network and exchange": f"{total.faults.total():,}",
        "orders in doubt, settled": f"{total.doubted:,}",
        "of them proven never to have arrived": f"{total.presumed:,}",
        "simulated hours": f"{total.seconds / 3600:,.1f}",
        "callbacks": f"{total.steps:,}",
        "longest time to settle, in simulated seconds": f"{total.longest_settling:.0f}",
        "seconds that it took": f"{seconds:.0f}",
        "processor seconds of the worlds": f"{total.processor_seconds:.0f}",
        "orders per processor second": f"{total.orders / max(total.processor_seconds, 0.001):.0f}",
        "most memory of a world, MB": f"{total.memory:.0f}",
        "memory of the campaign itself, MB": f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}",
        "worlds with a violation": f"{len(total.broken)}",
    }
    return "\n".join(
        [
            "| | |",
            "|---|---|",
            *(f"| {name} | {value} |" for name, value in rows.items()),
            "",
            *_counted("worlds with", total.kinds),
            "",
            *_counted("what callers did", total.deeds),
            "",
            *_counted("where processes died", total.crashes),
            "",
            *_counted("faults", total.faults),
            "",
        ]
    )


def _counted(title: str, counts: Mapping[str, int]) -> list[str]:
    return [f"| {title} | times |", "|---|---|", *(f"| {name} | {counts[name]:,} |" for name in sorted(counts))]


def write_rows(section: str, command: str, table: Sequence[str], *, is_whole: bool = False) -> None:
    """Write a table as the section of a command. Unless it ``is_whole``, rows of earlier runs stay, by their names in the first
    column.
    """
    if is_whole:
        write(section, command, "\n".join(table))
        return
    head, rows = list(table[:2]), list(table[2:])
    before = [line for line in _sections().get(section, "").splitlines() if line.startswith("| ")]
    names = {_first(row): row for row in [*before, *rows]}
    names.pop(_first(head[0]), None)
    write(section, command, "\n".join([*head, *names.values()]))


def _first(row: str) -> str:
    return row.split("|")[1].strip()


def _sections() -> dict[str, str]:
    old = PATH.read_text() if PATH.exists() else ""
    return dict(each.split("\n", 1) for each in old.split(_HEADING)[1:])  # type: ignore[misc]


def write(section: str, command: str, text: str) -> None:
    """Write ``text`` as the section of a command; other sections stay."""
    sections = _sections()
    sections[section] = f"\nWritten by `{command}`.\n\n{text}"
    PATH.write_text("\n".join([_TITLE, *(f"## {name}\n\n{body.strip()}\n" for name, body in sections.items())]))
