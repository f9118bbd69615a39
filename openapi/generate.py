"""Writes the code that follows from ``trading.yaml``: the enums of the domain and the marshmallow schemas of the handlers.

    python -m openapi.generate           writes app/domain/enums.py and app/handlers/schemas.py
    python -m openapi.generate --check   fails, naming the files, when they are not what the YAML says

Only ``components.schemas`` is read. A string with an ``enum`` under a name of its own becomes a ``StrEnum``, unless ``x-as-text``
says that the program only passes the word on; an object with ``properties`` becomes a ``Schema``. Everything else is spelled where
it is used.
"""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from openapi import load_spec

Node = Mapping[str, Any]

_ROOT = Path(__file__).resolve().parent.parent
_ENUMS = Path("app/domain/enums.py")
_SCHEMAS = Path("app/handlers/schemas.py")
_REF = "#/components/schemas/"
_WIDTH = 116
#: Names that marshmallow's schemas have themselves; the field's gets an underscore.
_TAKEN = frozenset({"unknown"})

_ENUMS_HEAD = '''"""The words of the API, one class each.

Generated from openapi/trading.yaml by openapi/generate.py: do not edit.
"""

from __future__ import annotations

from enum import StrEnum
'''

_SCHEMAS_HEAD = '''"""What travels over HTTP, as marshmallow schemas.

Generated from openapi/trading.yaml by openapi/generate.py: do not edit.
"""

from __future__ import annotations

import marshmallow

from app.domain import enums
from app.handlers.forms import fields

# One line a field, however long: the text is compared with what the contract says, not read for pleasure.
# fmt: off
# ruff: noqa: E501


class Schema(marshmallow.Schema):
    """What all schemas share: unknown fields are ignored, as callers expect."""

    class Meta:
        unknown = marshmallow.EXCLUDE
'''


def main(arguments: list[str]) -> int:
    """Write the files, or compare them; the exit code is 1 if ``--check`` found a stale one."""
    parser = argparse.ArgumentParser(description="Generate code from openapi/trading.yaml.")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check = parser.parse_args(arguments).check
    stale = []
    for path, text in generated_files(load_spec()).items():
        target = _ROOT / path
        if target.exists() and target.read_text(encoding="utf-8") == text:
            continue
        stale.append(str(path))
        if not check:
            target.write_text(text, encoding="utf-8")
    if stale:
        verb = "is stale, run `make generate`" if check else "written"
        sys.stdout.write("".join(f"{name}: {verb}\n" for name in stale))
    return 1 if check and stale else 0


def generated_files(spec: Node) -> dict[Path, str]:
    """The text of each generated file."""
    schemas: Mapping[str, Node] = spec["components"]["schemas"]
    enums = {name: node for name, node in schemas.items() if _is_enum(node)}
    objects = {name: node for name, node in schemas.items() if _properties(node, schemas)}
    generator = _SchemaText(schemas, set(enums), set(objects))
    return {
        _ENUMS: "\n\n".join([_ENUMS_HEAD, *(_enum_text(name, node) for name, node in enums.items())]),
        _SCHEMAS: "\n\n".join([_SCHEMAS_HEAD, *(generator.schema(name, node) for name, node in objects.items())]),
    }


def _is_enum(node: Node) -> bool:
    return node.get("type") == "string" and "enum" in node and not node.get("x-as-text")


def _enum_text(name: str, node: Node) -> str:
    members = "".join(f'    {_member(value)} = "{value}"\n' for value in node["enum"])
    return f"class {name}(StrEnum):\n{_docstring(node)}\n{members}"


def _member(value: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "_", value).upper()


def _docstring(node: Node) -> str:
    sentence = " ".join(str(node.get("description", "")).split()).replace("`", "``")
    if not sentence:
        return ""
    lines = textwrap.wrap(sentence, _WIDTH - 8)
    if len(lines) == 1:
        return f'    """{lines[0]}"""\n'
    return '    """' + "\n    ".join(lines) + '\n    """\n'


def _properties(node: Node, schemas: Mapping[str, Node]) -> dict[str, Node]:
    """The properties of an object, those of its ``allOf`` parts first."""
    found: dict[str, Node] = {}
    for part in node.get("allOf", ()):
        found.update(_properties(_resolve(part, schemas), schemas))
    found.update(node.get("properties", {}))
    return found


def _required(node: Node, schemas: Mapping[str, Node]) -> Iterator[str]:
    for part in node.get("allOf", ()):
        yield from _required(_resolve(part, schemas), schemas)
    yield from node.get("required", ())


def _resolve(node: Node, schemas: Mapping[str, Node]) -> Node:
    ref = node.get("$ref")
    return schemas[ref.removeprefix(_REF)] if ref else node


def _only_part(node: Node) -> Node:
    """The one part of an ``allOf``, which is how OpenAPI 3.0 adds a default to a reference, or of an ``anyOf`` whose other part is
    null; else the node itself.
    """
    parts = node.get("allOf") or [part for part in node.get("anyOf", ()) if part.get("enum") != [None]]
    return parts[0] if len(parts) == 1 and "properties" not in node else node


class _SchemaText:
    """Spells the schema classes."""

    def __init__(self, schemas: Mapping[str, Node], enums: set[str], objects: set[str]) -> None:
        self._schemas = schemas
        self._enums = enums
        self._objects = objects

    def schema(self, name: str, node: Node) -> str:
        """One schema class."""
        required = set(_required(node, self._schemas))
        lines = [
            f"    {key}{'_' * (key in _TAKEN)} = {self._field(child, required=key in required, key=key)}\n"
            for key, child in _properties(node, self._schemas).items()
        ]
        docstring = _docstring(node)
        return f"class {name}Schema(Schema):\n{docstring}{docstring and chr(10)}{''.join(lines)}"

    def _field(self, node: Node, *, required: bool, key: str) -> str:
        kind, arguments = self._kind(node)
        if key in _TAKEN:
            arguments.append(f'data_key="{key}"')
        target = self._target(node)
        if "default" in {**target, **node}:
            arguments.append(f"load_default={self._default(node)}")
        elif required:
            arguments.append("required=True")
        if self._nullable(target) or self._nullable(node):
            arguments.append("allow_none=True")
        return f"fields.{kind}({', '.join(arguments)})"

    def _target(self, node: Node) -> Node:
        """The node that ``node`` stands for."""
        return _resolve(_only_part(node), self._schemas)

    @staticmethod
    def _ref_name(node: Node) -> str | None:
        ref = _only_part(node).get("$ref")
        return None if ref is None else ref.removeprefix(_REF)

    @staticmethod
    def _nullable(node: Node) -> bool:
        return bool(node.get("nullable")) or any(part.get("nullable") for part in node.get("anyOf", ()))

    def _default(self, node: Node) -> str:
        default = {**self._target(node), **node}["default"]
        name = self._ref_name(node)
        return f"enums.{name}.{_member(default)}" if name in self._enums else repr(default)

    def _kind(self, node: Node) -> tuple[str, list[str]]:
        name = self._ref_name(node)
        if name in self._enums:
            return "Enum", [f"enums.{name}", "by_value=True"]
        if name in self._objects:
            return "Nested", [f"lambda: {name}Schema()"]
        target = self._target(node)
        if any(part.get("format") == "decimal" for part in target.get("anyOf", ())):
            return "DecimalNumber", []
        if target.get("type") == "array":
            kind, arguments = self._kind(target["items"])
            return "List", [f"fields.{kind}({', '.join(arguments)})"]
        if target.get("type") == "object" and "additionalProperties" in target:
            kind, arguments = self._kind(target["additionalProperties"])
            return "Dict", ["keys=fields.String()", f"values=fields.{kind}({', '.join(arguments)})"]
        return _SIMPLE.get((str(target.get("type")), target.get("format")), "Raw"), []


_SIMPLE: Mapping[tuple[str, str | None], str] = {
    ("string", None): "String",
    ("string", "decimal"): "DecimalText",
    ("string", "date-time"): "UtcDateTime",
    ("integer", None): "Integer",
    ("integer", "unix-milliseconds"): "UnixMilliseconds",
    ("number", None): "Float",
    ("number", "decimal"): "DecimalNumber",
    ("boolean", None): "Boolean",
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
