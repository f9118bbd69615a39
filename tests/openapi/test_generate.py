"""The generator: what it spells for each kind of schema, and that the tree holds what it would write."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from openapi.generate import generated_files, main

ROOT = Path(__file__).resolve().parent.parent.parent
ENUMS = Path("app/domain/enums.py")
SCHEMAS = Path("app/handlers/schemas.py")

REF = "#/components/schemas/"
#: How OpenAPI 3.0 spells a value that is null and nothing else, beside the type that it stands in for.
NULL = {"nullable": True, "enum": [None]}

SPEC: dict[str, Any] = {
    "components": {
        "schemas": {
            "Colour": {"type": "string", "enum": ["red", "deep-blue"], "description": "Which `paint`."},
            "Bare": {"type": "string", "enum": ["A"]},
            "Span": {"type": "string", "enum": ["5m", "1h"], "x-as-text": True},
            "Money": {"type": "string", "format": "decimal", "nullable": True},
            "Limit": {"type": "integer", "default": 100},
            "Amount": {
                "anyOf": [{"type": "number", "format": "decimal"}, {"type": "string", "format": "decimal"}],
            },
            "MaybeAmount": {
                "anyOf": [
                    {"type": "number", "format": "decimal", "nullable": True},
                    {"type": "string", "format": "decimal"},
                ],
            },
            "Names": {"type": "array", "nullable": True, "items": {"type": "string"}},
            "Box": {
                "type": "object",
                "description": "A box. " + "It holds a great many things that have to be named one after another. " * 2,
                "required": ["text", "colour", "tint", "size"],
                "properties": {
                    "text": {"type": "string"},
                    "maybe": {"type": "string", "nullable": True},
                    "colour": {"$ref": f"{REF}Colour"},
                    "tint": {"allOf": [{"$ref": f"{REF}Colour"}], "default": "deep-blue"},
                    "size": {"type": "integer", "default": 3},
                    "limit": {"$ref": f"{REF}Limit"},
                    "price": {"type": "number", "format": "decimal"},
                    "money": {"$ref": f"{REF}Money"},
                    "amount": {"$ref": f"{REF}Amount"},
                    "maybe_amount": {"$ref": f"{REF}MaybeAmount"},
                    "weight": {"type": "number"},
                    "is_open": {"type": "boolean"},
                    "made_at": {"type": "string", "format": "date-time"},
                    "since": {"type": "integer", "format": "unix-milliseconds", "nullable": True},
                    "names": {"$ref": f"{REF}Names"},
                    "colours": {"type": "array", "items": {"$ref": f"{REF}Colour"}},
                    "lids": {"type": "array", "items": {"$ref": f"{REF}Lid"}},
                    "lid": {"$ref": f"{REF}Lid"},
                    "rows": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
                    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                    "by_name": {"type": "object", "additionalProperties": {"$ref": f"{REF}Lid"}},
                    "anything": {"nullable": True},
                    "status": {"type": "string", "nullable": True, "enum": ["x", None]},
                    "span": {"allOf": [{"$ref": f"{REF}Span"}], "default": "5m"},
                    "maybe_colour": {"anyOf": [{"$ref": f"{REF}Colour"}, {"type": "string", **NULL}]},
                    "maybe_lid": {"anyOf": [{"$ref": f"{REF}Lid"}, {"type": "object", **NULL}]},
                },
            },
            "Lid": {"type": "object", "properties": {"text": {"type": "string"}}},
            "BigBox": {
                "allOf": [{"$ref": f"{REF}Lid"}, {"type": "object", "required": ["side"], "properties": {"side": {}}}],
                "required": ["text", "width"],
                "properties": {"width": {"type": "integer"}},
            },
        }
    }
}

BOX = {
    "text": "String(required=True)",
    "maybe": "String(allow_none=True)",
    "colour": "Enum(enums.Colour, by_value=True, required=True)",
    "tint": "Enum(enums.Colour, by_value=True, load_default=enums.Colour.DEEP_BLUE)",
    "size": "Integer(load_default=3)",
    "limit": "Integer(load_default=100)",
    "price": "DecimalNumber()",
    "money": "DecimalText(allow_none=True)",
    "amount": "DecimalNumber()",
    "maybe_amount": "DecimalNumber(allow_none=True)",
    "weight": "Float()",
    "is_open": "Boolean()",
    "made_at": "UtcDateTime()",
    "since": "UnixMilliseconds(allow_none=True)",
    "names": "List(fields.String(), allow_none=True)",
    "colours": "List(fields.Enum(enums.Colour, by_value=True))",
    "lids": "List(fields.Nested(lambda: LidSchema()))",
    "lid": "Nested(lambda: LidSchema())",
    "rows": "List(fields.List(fields.Integer()))",
    "labels": "Dict(keys=fields.String(), values=fields.String())",
    "by_name": "Dict(keys=fields.String(), values=fields.Nested(lambda: LidSchema()))",
    "anything": "Raw(allow_none=True)",
    "status": "String(allow_none=True)",
    "span": "String(load_default='5m')",
    "maybe_colour": "Enum(enums.Colour, by_value=True, allow_none=True)",
    "maybe_lid": "Nested(lambda: LidSchema(), allow_none=True)",
}


def classes(text: str) -> dict[str, str]:
    """The classes of a generated file by name, without the blank lines around them."""
    parts = text.split("\n\n\nclass ")[1:]
    return {part.partition("(")[0]: "class " + part.rstrip("\n") for part in parts}


def test_enums_are_spelled() -> None:
    """An enum becomes a ``StrEnum`` whose members are its values in capitals, with its description as docstring."""
    assert classes(generated_files(SPEC)[ENUMS]) == {
        "Colour": (
            'class Colour(StrEnum):\n    """Which ``paint``."""\n\n    RED = "red"\n    DEEP_BLUE = "deep-blue"'
        ),
        "Bare": 'class Bare(StrEnum):\n\n    A = "A"',
    }


def test_fields_are_spelled() -> None:
    """Each kind of property becomes the field that converts it, with its default, duty and nullability."""
    lines = classes(generated_files(SPEC)[SCHEMAS])["BoxSchema"].splitlines()
    assert [line.strip() for line in lines if " = " in line] == [f"{key} = fields.{kind}" for key, kind in BOX.items()]


def test_parts_of_a_schema_are_joined() -> None:
    """The properties of an object's parts come before its own, and either may say what is required."""
    assert classes(generated_files(SPEC)[SCHEMAS])["BigBoxSchema"] == (
        "class BigBoxSchema(Schema):\n"
        "    text = fields.String(required=True)\n"
        "    side = fields.Raw(required=True)\n"
        "    width = fields.Integer(required=True)"
    )


def test_only_objects_become_schemas() -> None:
    """Words, numbers and lists are spelled where they are used and get no class."""
    found = classes(generated_files(SPEC)[SCHEMAS])
    assert set(found) == {"Schema", "BoxSchema", "LidSchema", "BigBoxSchema"}


def test_long_descriptions_are_wrapped() -> None:
    """A docstring of several lines is wrapped within the length that the linter allows."""
    text = generated_files(SPEC)[SCHEMAS]
    assert '    """A box. It holds' in text
    assert max(len(line) for line in text.splitlines()) <= 120


def test_what_is_spelled_runs() -> None:
    """The generated schemas load and dump with the fields of the application."""
    texts = generated_files(SPEC)
    words: dict[str, Any] = {"__name__": "words"}
    exec(texts[ENUMS], words)
    enums = SimpleNamespace(**words)
    namespace: dict[str, Any] = {"__name__": "made", "enums": enums}
    exec(texts[SCHEMAS].replace("from app.domain import enums\n", ""), namespace)
    schema = namespace["BoxSchema"]()
    loaded = schema.load({"text": "t", "colour": "red", "lid": {"text": "l", "unknown": 1}, "names": None})
    assert loaded == {
        "text": "t",
        "colour": enums.Colour.RED,
        "tint": enums.Colour.DEEP_BLUE,
        "size": 3,
        "limit": 100,
        "lid": {"text": "l"},
        "names": None,
        "span": "5m",
    }
    assert schema.dump({"colour": enums.Colour.RED, "money": None}) == {"colour": "red", "money": None}


# -- the command --------------------------------------------------------------------------------------------------------


def test_tree_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    """The generated files of the tree are what the contract says now."""
    assert main(["--check"]) == 0, capsys.readouterr().out


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the generator, the contract and the generated files."""
    shutil.copytree(ROOT / "openapi", tmp_path / "openapi", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (ENUMS, SCHEMAS):
        (tmp_path / path).parent.mkdir(parents=True)
        shutil.copy(ROOT / path, tmp_path / path)
    return tmp_path


def generate(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "openapi.generate", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=60)


def test_check_passes_on_a_fresh_copy(copy: Path) -> None:
    """Comparing files that are up to date says nothing and succeeds."""
    result = generate(copy, "--check")
    assert (result.returncode, result.stdout) == (0, ""), result.stderr


@pytest.mark.parametrize("path", [ENUMS, SCHEMAS])
def test_check_names_a_stale_file(copy: Path, path: Path) -> None:
    """A generated file that was edited by hand is named, and comparing leaves it as it is."""
    stale = (copy / path).read_text(encoding="utf-8") + "\n# by hand\n"
    (copy / path).write_text(stale, encoding="utf-8")
    result = generate(copy, "--check")
    assert (result.returncode, result.stdout) == (1, f"{path}: is stale, run `make generate`\n")
    assert (copy / path).read_text(encoding="utf-8") == stale


def test_check_sees_a_changed_contract(copy: Path) -> None:
    """A word that is new in the contract makes both files stale: the enum, and the schemas only if they use it."""
    contract = copy / "openapi/trading.yaml"
    text = contract.read_text(encoding="utf-8")
    contract.write_text(text.replace("enum: [maker, taker]\n", "enum: [maker, taker, auction]\n"), encoding="utf-8")
    assert generate(copy, "--check").stdout == f"{ENUMS}: is stale, run `make generate`\n"


def test_missing_file_is_stale(copy: Path) -> None:
    """A generated file that is not there is stale too."""
    (copy / SCHEMAS).unlink()
    assert generate(copy, "--check").returncode == 1
    assert not (copy / SCHEMAS).exists()


def test_writing_mends_what_is_stale(copy: Path) -> None:
    """Writing restores exactly the files that differ, says so, and has nothing to do the second time."""
    (copy / SCHEMAS).write_text("", encoding="utf-8")
    result = generate(copy)
    assert (result.returncode, result.stdout) == (0, f"{SCHEMAS}: written\n")
    assert (copy / SCHEMAS).read_text(encoding="utf-8") == (ROOT / SCHEMAS).read_text(encoding="utf-8")
    assert generate(copy).stdout == ""
