"""The log of the clients: what was begun and ended, what was cut off."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from tests.chaos.operations import Log, Operation


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Ended calls come with their outcome, in the order of their ends; a call that was cut off is unknown and comes last."""
    log = Log(tmp_path / "operations.jsonl")
    first = Operation(client="a", verb="place", key="k", body={"amount": "0.10"})
    second = Operation(client="b", verb="read", order_id="o")
    cut_off = Operation(client="c", verb="cancel", order_id="o")
    numbers = [log.begin(each) for each in (first, second, cut_off)]
    ended = replace(second, outcome="ok", status=200, state="open")
    log.end(numbers[1], ended)
    done = replace(first, outcome="fail", status=400)
    log.end(numbers[0], done)

    assert Log(tmp_path / "operations.jsonl").read() == (ended, done, cut_off)


def test_terms_compare_as_numbers() -> None:
    """Two spellings of one number are the same terms."""
    body = {"trading_pair": "P", "trade_type": "BUY", "order_type": "LIMIT", "amount": "1.0", "price": "2"}
    one = Operation(client="a", verb="place", body=body)
    other = replace(one, body={**body, "amount": "1", "price": "2.00"})
    assert one.terms == other.terms == ("master_account", "P", "BUY", "LIMIT", Decimal(1), Decimal(2))
