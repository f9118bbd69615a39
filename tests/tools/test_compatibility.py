"""The comparer of contracts: each kind of break is found in what is sent or what is read, and its opposite is none."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools import compatibility
from tools.compatibility import CONTRACT, RELEASED, breaks, main, may_break

REF = "#/components/schemas/"
NULL = {"type": "string", "nullable": True, "enum": [None]}

SPEC: dict[str, Any] = {
    "info": {"version": "1.2.3"},
    "security": [{"basic": []}],
    "paths": {
        "/o": {
            "x-also-at": "/o/",
            "post": {
                "operationId": "o.add",
                "parameters": [
                    {"name": "wait", "in": "query", "schema": {"type": "integer", "minimum": 0, "maximum": 60}},
                    {"name": "key", "in": "header", "required": True, "schema": {"type": "string"}},
                ],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": f"{REF}Box"}}}},
                "responses": {
                    "200": {
                        "headers": {"ETag": {"schema": {"type": "string"}}},
                        "content": {"application/json": {"schema": {"$ref": f"{REF}Box"}}},
                    },
                    "400": {"content": {"application/json": {"schema": {"type": "object"}}}},
                },
            },
        },
        "/open": {"get": {"operationId": "o.open", "security": [], "responses": {"200": {}}}},
    },
    "components": {
        "schemas": {
            "Word": {"type": "string", "enum": ["a", "b"]},
            "Box": {
                "type": "object",
                "required": ["n", "word"],
                "properties": {
                    "n": {"type": "integer", "minimum": 1, "maximum": 9},
                    "word": {"$ref": f"{REF}Word"},
                    "maybe": {"anyOf": [{"$ref": f"{REF}Word"}, NULL]},
                    "text": {"type": "string", "pattern": "^x$", "maxLength": 5},
                    "amount": {"anyOf": [{"type": "number", "maximum": 5}, {"type": "string"}, {"type": "boolean"}]},
                    "boxes": {"type": "array", "items": {"$ref": f"{REF}Box"}},
                    "by": {"type": "object", "additionalProperties": {"type": "integer"}},
                },
            },
        }
    },
}

Change = Callable[[dict[str, Any]], object]


def changed(change: Change) -> dict[str, Any]:
    spec = copy.deepcopy(SPEC)
    change(spec)
    return spec


def operation(spec: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = spec["paths"]["/o"]["post"]
    return found


def box(spec: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = spec["components"]["schemas"]["Box"]
    return found


def fields(spec: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = box(spec)["properties"]
    return found


def test_nothing_changed() -> None:
    """Also where a schema holds itself."""
    assert breaks(SPEC, SPEC) == []


#: A change and the breaks that it is, each by its place and a part of the sentence.
BREAKS: list[tuple[str, Change, list[str]]] = [
    ("path", lambda s: s["paths"].pop("/open"), ["/open: the path is gone"]),
    (
        "method",
        lambda s: s["paths"]["/open"].update(put=s["paths"]["/open"].pop("get")),
        ["GET /open: the operation is"],
    ),
    ("other spelling", lambda s: s["paths"]["/o"].pop("x-also-at"), ["/o/: the path is gone"]),
    ("id", lambda s: operation(s).update(operationId="o.put"), ["POST /o: the operation has another id"]),
    ("credentials", lambda s: s["paths"]["/open"]["get"].update(security=[{"basic": []}]), ["GET /open: it asks for"]),
    ("parameter", lambda s: operation(s)["parameters"].pop(0), ["POST /o: parameter wait is gone"]),
    ("required parameter", lambda s: operation(s)["parameters"][0].update(required=True), ["wait is required now"]),
    (
        "new required parameter",
        lambda s: operation(s)["parameters"].append({"name": "x", "in": "query", "required": True}),
        ["parameter x is new and required"],
    ),
    (
        "less of a parameter",
        lambda s: operation(s)["parameters"][0]["schema"].update(maximum=9),
        ["maximum was 60"],
    ),
    ("required body", lambda s: operation(s)["requestBody"].update(required=True), ["a body is required now"]),
    ("body", lambda s: operation(s).pop("requestBody"), ["a body of application/json is not taken"]),
    ("success", lambda s: operation(s)["responses"].update({"202": {}}), ["202 is a new answer of success"]),
    ("no success", lambda s: operation(s)["responses"].pop("200"), ["200 is gone"]),
    ("header", lambda s: operation(s)["responses"]["200"].pop("headers"), ["200 has no header ETag"]),
    (
        "media type",
        lambda s: operation(s)["responses"]["400"].update(content={}),
        ["400 comes as application/json no"],
    ),
    ("new duty", lambda s: box(s)["required"].append("text"), ["body/text is required now"]),
    ("no duty", lambda s: box(s)["required"].remove("n"), ["200/n may be absent now"]),
    ("field", lambda s: fields(s).pop("text"), ["body/text is gone", "200/text is gone"]),
    ("type", lambda s: fields(s)["n"].update(type="string"), ["body/n: integer became string", "200/n: integer"]),
    ("number", lambda s: fields(s)["n"].update(type="number"), ["200/n: integer became number"]),
    ("less", lambda s: fields(s)["n"].update(maximum=8), ["body/n: maximum was 9 and is 8"]),
    ("more", lambda s: fields(s)["n"].update(minimum=0), ["200/n: minimum was 1 and is 0"]),
    ("no bound", lambda s: fields(s)["text"].pop("maxLength"), ["200/text: maxLength was 5 and is None"]),
    (
        "pattern",
        lambda s: fields(s)["text"].update(pattern="y"),
        ["body/text: pattern was", "200/text: pattern was"],
    ),
    (
        "word",
        lambda s: s["components"]["schemas"]["Word"]["enum"].append("c"),
        ["200/word: c may come", "200/maybe: c"],
    ),
    (
        "no word",
        lambda s: s["components"]["schemas"]["Word"]["enum"].remove("b"),
        ["body/word: b is not", "body/maybe: b"],
    ),
    ("null", lambda s: fields(s)["text"].update(nullable=True), ["200/text: it may be null now"]),
    ("no null", lambda s: fields(s)["maybe"]["anyOf"].pop(), ["body/maybe: null is refused now"]),
    ("form", lambda s: fields(s)["amount"]["anyOf"].append({"type": "object"}), ["200/amount: form 4 of the new"]),
    ("no form", lambda s: fields(s)["amount"]["anyOf"].pop(), ["body/amount"]),
    (
        "items",
        lambda s: fields(s)["boxes"]["items"].update({"$ref": f"{REF}Word"}),
        ["body/boxes/[]: object", "200/boxes/[]"],
    ),
    (
        "values",
        lambda s: fields(s)["by"]["additionalProperties"].update(type="number"),
        ["200/by/*: integer became"],
    ),
    ("no others", lambda s: box(s).update(additionalProperties=False), ["body: other fields are refused now"]),
]


@pytest.mark.parametrize(("change", "told"), [case[1:] for case in BREAKS], ids=[case[0] for case in BREAKS])
def test_a_break_is_found(change: Change, told: list[str]) -> None:
    """At its place, and only in the direction in which it breaks; an operation at two paths tells it for both."""
    found = breaks(SPEC, changed(change))
    for part in told:
        assert any(part in each for each in found), found
    directions = {"body" in part for part in told if "body/" in part or "200/" in part}
    if len(directions) == 1:
        is_sent = directions.pop()
        assert all(("body" in each) == is_sent for each in found), found


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s["paths"].update({"/new": {"get": {"operationId": "n", "responses": {}}}}),
        lambda s: s["paths"].update({"/o/": {**s["paths"]["/o"]}}) or s["paths"]["/o"].pop("x-also-at"),
        lambda s: s["paths"]["/o"].update(get={"operationId": "o.get", "responses": {}}),
        lambda s: operation(s)["parameters"].append({"name": "x", "in": "query"}),
        lambda s: operation(s)["parameters"][1].pop("required"),
        lambda s: operation(s)["parameters"][0]["schema"].update(maximum=61),
        lambda s: operation(s)["responses"].update({"503": {}}),
        lambda s: operation(s)["responses"].pop("400"),
        lambda s: operation(s)["responses"]["200"]["headers"].update(Age={}),
        lambda s: fields(s).update(new={"type": "string"}),
        lambda s: s["components"]["schemas"]["Word"].update({"enum": ["a", "b", "c"], "x-may-grow": True}),
        lambda s: s["components"]["schemas"]["Word"].update(description="new", example="a"),
        lambda s: (
            s["components"]["schemas"].update(Text=fields(s)["text"])
            or fields(s).update(text={"allOf": [{"$ref": f"{REF}Text"}], "description": "by reference"})
        ),
        lambda s: fields(s).update(maybe={"type": "string", "nullable": True, "enum": ["a", "b", None]}),
    ],
)
def test_what_breaks_nobody(change: Change) -> None:
    """More to send, more to read, other words for it, and the same in another spelling."""
    assert breaks(SPEC, changed(change)) == []


def test_any_word_may_be_sent_where_a_few_could() -> None:
    """A bound beside it keeps none of the few out."""
    after = changed(lambda s: s["components"]["schemas"].update(Word={"type": "string", "maxLength": 100}))
    assert [each for each in breaks(SPEC, after) if "body" in each] == []
    assert any("any word may come now" in each for each in breaks(SPEC, after))


@pytest.mark.parametrize(
    ("old", "new", "may"),
    [
        ("0.1.0", "0.1.1", False),
        ("0.1.0", "0.2.0", True),
        ("0.9.0", "1.0.0", True),
        ("1.0.0", "1.1.0", False),
        ("1.9.0", "2.0.0", True),
        ("1.0.0", "1.0.0", False),
        ("0.2.0", "0.1.0", False),
    ],
)
def test_versions_that_may_break(old: str, new: str, may: bool) -> None:
    """As Semantic Versioning has it."""
    assert may_break(old, new) is may


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It names breaks and fails, unless the version announces them or the contract is stored as the release's."""
    for name, source in (("CONTRACT", CONTRACT), ("RELEASED", CONTRACT)):
        shutil.copy(source, tmp_path / name)
        monkeypatch.setattr(compatibility, name, tmp_path / name)
    assert main([]) == 0
    spec = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))
    del spec["paths"]["/health"]
    (tmp_path / "CONTRACT").write_text(yaml.safe_dump(spec), encoding="utf-8")
    assert main([]) == 1
    assert capsys.readouterr().out.startswith("/health: the path is gone\n1 breaks from")
    spec["info"]["version"] = "99.0.0"
    (tmp_path / "CONTRACT").write_text(yaml.safe_dump(spec), encoding="utf-8")
    assert main([]) == 0
    del spec["paths"]["/health/live"]
    spec["info"]["version"] = "0.1.0"
    (tmp_path / "CONTRACT").write_text(yaml.safe_dump(spec), encoding="utf-8")
    assert main(["--release"]) == 0
    assert main([]) == 0


def test_the_contract_keeps_what_the_last_release_promised() -> None:
    """What `make check` says, too."""
    assert RELEASED.exists()
    assert main([]) == 0
