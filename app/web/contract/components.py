"""Documents that do not come by HTTP, held to the same schemas: what a command is given is read, checked and refused as the body of
the request would be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.errors import UnreadableBody
from app.web.contract.body import decode
from app.web.contract.faults import Fault
from app.web.contract.names import BodyNames
from app.web.contract.schema import CompiledSchema
from openapi import load_spec

_REFERENCE = "#/components/schemas/"


class Component:
    """One schema of the contract, by its name."""

    def __init__(self, name: str) -> None:
        schemas = load_spec()["components"]["schemas"]
        self._definition: dict[str, Any] = _resolved({"$ref": _REFERENCE + name}, schemas)

    def check(self, document: Any) -> Any:
        """``document`` with decimals exact and defaults filled in. Raises ``SchemaViolation`` with every fault, also for names that
        the schema does not have.
        """
        faults: list[Fault] = []
        ignored: list[str] = []
        BodyNames(self._definition).sort_out(document, ("body",), faults, ignored)
        return CompiledSchema(self._definition).check(document, ("body",), faults)


def value_of(text: str) -> Any:
    """What ``text`` says: the JSON value that it is, or else the text itself."""
    try:
        return decode(text.encode())
    except UnreadableBody:
        return text


def _resolved(node: Any, schemas: Mapping[str, Any]) -> Any:
    """``node`` with every reference replaced by what it refers to; what is asked for does not refer to itself."""
    if isinstance(node, Mapping):
        reference = node.get("$ref")
        if isinstance(reference, str):
            return _resolved(schemas[reference.removeprefix(_REFERENCE)], schemas)
        return {name: _resolved(part, schemas) for name, part in node.items()}
    if isinstance(node, list):
        return [_resolved(part, schemas) for part in node]
    return node
