"""The failpoints of the gateway, read from its source."""

from __future__ import annotations

import ast

from tests.chaos.processes import ROOT


def named_points() -> set[str]:
    """Every failpoint's name, the argument of a call of ``reach``."""
    return {
        _name(call, path.name)
        for path in (ROOT / "app").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("reach", "failpoints.reach")
    }


def _name(call: ast.Call, file: str) -> str:
    argument = call.args[0]
    assert isinstance(argument, ast.Constant), f"{file}: the name of a failpoint must be a literal"
    return str(argument.value)
