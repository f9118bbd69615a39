"""The report has a section for every exchange."""

from __future__ import annotations

from tests.chaos.campaign import Result
from tests.chaos.report import with_results


def result(exchange: str, seed: int) -> Result:
    return Result(
        name="somewhere",
        exchange=exchange,
        seed=seed,
        seconds=60,
        calls=1,
        orders=1,
        entries=1,
        kills={},
        faults={},
        doubted=0,
        converged_after=1.0,
        violations=(),
    )


def test_a_new_table_takes_the_place_of_the_exchanges_last_one() -> None:
    """The sections of other exchanges stay as they are."""
    report = with_results("", [result("paper", 1)], "| one |\n")
    report = with_results(report, [result("binance", 2), result("binance", 2)], "| two |\n")
    again = with_results(report, [result("paper", 3)], "| three |\n")

    assert "SECONDS=60 SEED=1" in report
    assert "| one |" in report
    assert "SEED=1" not in again
    assert "| one |" not in again
    assert "## paper\n\nWritten by `make chaos EXCHANGE=paper REPORT=1 SECONDS=60 SEED=3`.\n\n| three |\n" in again
    assert "## binance\n\nWritten by `make chaos EXCHANGE=binance REPORT=1 SECONDS=120 SEED=2`.\n\n| two |\n" in again
    assert with_results(again, [result("paper", 3)], "| three |\n") == again
