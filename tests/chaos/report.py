"""docs/chaos-report.md: one section an exchange, each with the table of its last campaigns."""

from __future__ import annotations

from collections.abc import Sequence

from tests.chaos.campaign import Result

_TITLE = "# The last long rehearsals\n\n[promise.md](promise.md) says what is done.\n"
_HEADING = "\n## "


def with_results(told: str, results: Sequence[Result], table: str) -> str:
    """The report ``told`` so far, with ``table`` in the place of the same exchange's last one; those of other exchanges stay."""
    first = results[0]
    seconds = sum(result.seconds for result in results)
    command = f"make chaos EXCHANGE={first.exchange} REPORT=1 SECONDS={seconds:.0f} SEED={first.seed}"
    sections = dict(section.split("\n", 1) for section in told.split(_HEADING)[1:])
    sections[first.exchange] = f"\nWritten by `{command}`.\n\n{table}"
    return "\n".join([_TITLE, *(f"## {name}\n\n{body.strip()}\n" for name, body in sections.items())])
