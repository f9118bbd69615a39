"""The contract of connectors declares nothing that the program does not read."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path

import pytest

from app.connectors.base import Connector, ConnectorContext
from app.connectors.capabilities import Capabilities, CredentialField, MarketTopic
from app.connectors.optional import OptionalVerbs

APP = Path(__file__).resolve().parents[2] / "app"
SOURCES = {path.relative_to(APP).as_posix(): path.read_text(encoding="utf-8") for path in APP.rglob("*.py")}
#: The program without the connectors: what only a connector reads of the contract, nobody uses.
USERS = {path: text for path, text in SOURCES.items() if not path.startswith("connectors/")}
#: What a connector is built with is read by the connectors.
CONNECTORS = {
    path: text
    for path, text in SOURCES.items()
    if path.startswith("connectors/") and not path.startswith("connectors/base.py")
}
VERBS = [
    name
    for declares in (Connector, OptionalVerbs)
    for name, verb in vars(declares).items()
    if callable(verb) or isinstance(verb, classmethod)
]


def attributes_read(text: str) -> set[str]:
    """The names of all attributes that a module reads."""
    return {
        node.attr
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }


def unread(names: Iterable[str], sources: Mapping[str, str], word: str) -> set[str]:
    """Those of ``names`` that no module reads which mentions ``word``."""
    return set(names).difference(*(attributes_read(text) for text in sources.values() if word in text))


@pytest.mark.parametrize(
    ("declared", "sources", "word"),
    [
        pytest.param(Capabilities, USERS, "apabilities", id="Capabilities"),
        pytest.param(CredentialField, USERS, "CredentialField", id="CredentialField"),
        pytest.param(ConnectorContext, CONNECTORS | USERS, "context", id="ConnectorContext"),
        pytest.param(MarketTopic, CONNECTORS, "topic", id="MarketTopic"),
    ],
)
def test_every_field_has_a_reader(declared: type, sources: Mapping[str, str], word: str) -> None:
    """A field that no code reads goes, or gets its reader."""
    assert unread((field.name for field in fields(declared)), sources, word) == set()


def test_every_verb_has_a_caller() -> None:
    """So does a method of the connector that the services do not call."""
    public = [name for name in VERBS if not name.startswith("_")]
    assert {"submit_order", "open_venue", "has_verb"} <= set(public)
    assert unread(public, USERS, "onnector") == set()


def test_every_function_and_class_of_the_contract_is_used() -> None:
    """Nothing stands beside the connector that the program does not import."""
    import app.connectors.base as base

    declared = {
        name
        for name, value in vars(base).items()
        if getattr(value, "__module__", None) == base.__name__ and (inspect.isfunction(value) or inspect.isclass(value))
    }
    imported = {
        alias.name
        for path, text in SOURCES.items()
        if path != "connectors/base.py"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and node.module == base.__name__
        for alias in node.names
    }
    assert declared - imported == set()


def test_a_field_without_a_reader_is_found() -> None:
    """A write, a comment and a text are no reader, and neither is a module that is about something else."""
    sources = {
        "a.py": "can = connector.capabilities\ncan.written = 1\n# can.commented\nprint('can.told', can.seen)",
        "b.py": "print(order.foreign)",
    }
    names = ["written", "commented", "told", "seen", "foreign"]
    assert unread(names, sources, "apabilities") == {"written", "commented", "told", "foreign"}
