"""The first table in docs/connect/exchanges.md is what the connectors say. ``python -m tests.connectors.test_docs`` renews it."""

from __future__ import annotations

import re
from pathlib import Path

from app.connectors.registry import connector_class

PAGE = Path(__file__).parents[2] / "docs" / "connect" / "exchanges.md"
PLACE = re.compile(r"(<!-- connectors: [^>]*-->\n).*(<!-- /connectors -->)", re.DOTALL)

EXCHANGES = {
    "paper": "the embedded paper exchange, spot",
    "paper_perpetual": "the embedded paper exchange, perpetuals",
    "binance": "Binance spot",
    "binance_perpetual": "Binance USD-M futures",
    "binance_perpetual_testnet": "the testnet of Binance USD-M futures",
}
HELD_BY = {"none": "the gateway", "pair": "the exchange as well"}


def table() -> str:
    """The connectors of their own."""
    lines = ["| name | exchange | order types | dead-man's switch |", "|---|---|---|---|"]
    for name, exchange in EXCHANGES.items():
        can = connector_class(name).capabilities
        lines.append(f"| `{name}` | {exchange} | {', '.join(can.order_types)} | {HELD_BY[can.countdown]} |")
    return "\n".join(lines) + "\n"


def renewed(text: str) -> str:
    """``text`` with the table of now."""
    return PLACE.sub(lambda place: place[1] + table() + place[2], text)


def test_the_table_is_true() -> None:
    """Every connector of its own, and what it can do; the family's countdowns are in its own table."""
    text = PAGE.read_text(encoding="utf-8")
    assert PLACE.search(text)
    assert renewed(text) == text


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
