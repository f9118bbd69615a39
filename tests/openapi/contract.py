"""The contract as tests read it: its operations, and its schemas in the JSON Schema that a validator knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from openapi import load_spec

SPEC = load_spec()
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

_FORMATS = FormatChecker(())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_aware_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path."""

    path: str
    method: str
    node: Mapping[str, Any]
    shared_parameters: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_secured(self) -> bool:
        """Whether it asks for credentials, by itself or by the contract's default."""
        return bool(self.node.get("security", SPEC.get("security")))

    def parameters(self) -> Iterator[Mapping[str, Any]]:
        for parameter in (*self.shared_parameters, *self.node.get("parameters", ())):
            yield resolve(parameter)

    def responses(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for status, response in self.node["responses"].items():
            yield status, resolve(response)


def operations(spec: Mapping[str, Any] = SPEC) -> list[Operation]:
    """Every operation of the contract."""
    return [
        Operation(path=path, method=method, node=item[method], shared_parameters=tuple(item.get("parameters", ())))
        for path, item in spec["paths"].items()
        for method in _METHODS
        if method in item
    ]


def resolve(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """The node that a reference names, or the node itself. Raises ``KeyError`` where a reference leads nowhere."""
    if "$ref" not in node:
        return node
    found: Any = SPEC
    for step in node["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return resolve(found)


def json_schema(node: Any) -> Any:
    """An OpenAPI 3.0 schema in JSON Schema 2020-12: references resolved, ``nullable`` spelled as a type."""
    if isinstance(node, list):
        return [json_schema(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    node = resolve(node)
    made = {key: value if key in ("enum", "example") else json_schema(value) for key, value in node.items()}
    for bound in ("Minimum", "Maximum"):
        if made.pop(f"exclusive{bound}", False):
            made[f"exclusive{bound}"] = made.pop(bound.lower())
    return {"anyOf": [made, {"type": "null"}]} if made.pop("nullable", False) is True else made


def faults(schema: Any, value: Any) -> list[str]:
    """What is wrong with ``value`` by an OpenAPI schema, in words; nothing if it is valid."""
    validator = Draft202012Validator(json_schema(schema), format_checker=_FORMATS)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def examples(node: Mapping[str, Any]) -> list[Any]:
    """The examples of a media type or a parameter."""
    named = [resolve(example)["value"] for example in node.get("examples", {}).values()]
    return [*([node["example"]] if "example" in node else []), *named]
