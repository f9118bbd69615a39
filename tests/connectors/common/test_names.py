"""The common modules know no exchange, not even by name: neither in code nor in texts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import app.connectors.common as common
from app.connectors.known import KNOWN_FIELDS
from app.connectors.registry import CONNECTORS

FILES = sorted(Path(str(common.__file__)).parent.rglob("*.py"))
#: Names of markets and test networks that follow an exchange's name.
_MARKET = re.compile(r"_(perpetual|testnet|sandbox|hft|v2|v4|advanced_trade)(?=_|$)")
#: Exchanges named after a word: only the word itself names one, not another that begins with it.
_WORDS = {"architect", "backpack", "decibel", "derive", "lighter", "paper"}


def exchanges() -> set[str]:
    """The name of every exchange that the gateway knows, without its markets."""
    return {_MARKET.sub("", name) for name in (*KNOWN_FIELDS, *CONNECTORS)}


def named(text: str) -> set[str]:
    """The exchanges that ``text`` names, in any spelling: ``gate_io``, ``gate.io``, ``GateIo``."""
    found = set()
    for exchange in exchanges():
        end = r"(?![A-Za-z])" if exchange in _WORDS else ""
        if re.search(rf"(?<![a-z]){exchange.replace('_', '[ ._-]?')}{end}", text, re.IGNORECASE):
            found.add(exchange)
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_common_module_names_an_exchange(file: Path) -> None:
    """What is true of one exchange only belongs to that exchange's package."""
    assert named(f"{file.stem}\n{file.read_text(encoding='utf-8')}") == set()


def test_a_name_is_seen() -> None:
    """In every spelling, within other names, and not within other words."""
    assert {"binance", "gate_io", "hyperliquid", "paper", "injective"} <= exchanges()
    assert named("class BinanceVenue, Gate.io's limits, python-binance; the gate; derived, papers") == {
        "binance",
        "gate_io",
    }
    assert named("as Kraken does on paper") == {"kraken", "paper"}
