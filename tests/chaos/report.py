"""docs/build/chaos-report.md: one section per exchange, with the table of its last campaigns."""

from __future__ import annotations

from collections.abc import Sequence

from tests.chaos.campaign import Result

_TITLE = "# The last long rehearsals\n\n[promise.md](promise.md) says what is done.\n"
_HEADING = "\n## "


def with_results(report: str, results: Sequence[Result], table: str) -> str:
    """``report`` with ``table`` as the section of its exchange; the sections of other exchanges stay."""
    first = results[0]
    seconds = sum(result.seconds for result in results)
    command = f"make chaos EXCHANGE={first.exchange} REPORT=1 SECONDS={seconds:.0f} SEED={first.seed}"
    sections = dict(section.split("\n", 1) for section in report.split(_HEADING)[1:])
    sections[first.exchange] = f"\nWritten by `{command}`.\n\n{table}"
    return "\n".join([_TITLE, *(f"## {name}\n\n{body.strip()}\n" for name, body in sections.items())])
