"""The report that long runs write: a section for each command, and rows that stay until they are made anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation import report

HEAD = ["| world | states |", "|---|---|"]


def test_sections_and_rows_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of one row replaces that row alone."""
    monkeypatch.setattr(report, "PATH", tmp_path / "report.md")
    report.write("simulate", "make simulate", "all is well")
    report.write_rows("explore", "make explore", [*HEAD, "| first | 1 |", "| second | 2 |"])
    report.write_rows("explore", "make explore", [*HEAD, "| second | 3 |", "| third | 4 |"])

    report.write_rows("sabotage", "make sabotage", [*HEAD, "| first | 1 |"])
    report.write_rows("sabotage", "make sabotage", [*HEAD, "| second | 2 |"], is_whole=True)

    written = report.PATH.read_text()
    assert "## simulate\n\nWritten by `make simulate`.\n\nall is well" in written
    assert "\n".join([*HEAD, "| first | 1 |", "| second | 3 |", "| third | 4 |"]) in written
    assert written.count("| world |") == 2
    assert written.endswith("\n".join([*HEAD, "| second | 2 |"]) + "\n")
