"""The table in docs/connect/exchanges.md is what the rows say. ``python -m tests.connectors.ccxt.test_docs`` renews it."""

from __future__ import annotations

import re
from pathlib import Path

from app.connectors.ccxt.exchanges import ROWS
from app.connectors.ccxt.family import family_class
from app.connectors.unserved import UNSERVED

PAGE = Path(__file__).parents[3] / "docs" / "connect" / "exchanges.md"
PLACE = re.compile(r"(<!-- family: [^>]*-->\n).*(<!-- /family -->)", re.DOTALL)


def table() -> str:
    """The rows, and the names that are not served."""
    lines = [
        "| name | order types | times in force | market buy in | settles | dead-man's switch |",
        "|---|---|---|---|---|---|",
    ]
    for name in sorted(ROWS):
        can = family_class(name).capabilities
        holder = "the gateway" if can.countdown == "none" else "the exchange as well"
        cells = (
            ", ".join(can.order_types),
            ", ".join(can.times_in_force),
            ", ".join(can.market_buy_in),
            can.settles,
            holder,
        )
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    lines += ["", "| not served | why |", "|---|---|"]
    return "\n".join([*lines, *(f"| `{name}` | {UNSERVED[name]} |" for name in sorted(UNSERVED))]) + "\n"


def renewed(text: str) -> str:
    """``text`` with the table of now."""
    return PLACE.sub(lambda place: place[1] + table() + place[2], text)


def test_the_table_is_true() -> None:
    """Every name, and nothing else."""
    text = PAGE.read_text(encoding="utf-8")
    assert PLACE.search(text)
    assert renewed(text) == text


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
