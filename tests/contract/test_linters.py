"""The contract as linters see it: their own recommended rules, none of them switched off."""

from __future__ import annotations

from openapi import SPEC_PATH
from tests.contract.conftest import Node


def test_spectral_finds_nothing(node: Node) -> None:
    """Not even a hint."""
    node("spectral", "lint", str(SPEC_PATH), "--ruleset", "spectral.yaml", "--fail-severity", "hint")


def test_redocly_finds_nothing(node: Node) -> None:
    """Neither errors nor warnings."""
    told = node("redocly", "lint", str(SPEC_PATH), "--config", "redocly.yaml", "--format", "json")
    assert '"problems": []' in told, told
