"""Whether the contract still keeps what the last release promised.

    python -m tools.compatibility            compares with tools/contract/released.yaml; exit code 1, and names each break
    python -m tools.compatibility --release  stores the contract as the release's

A break is a change after which a program that worked may fail. What callers send may only widen, what they read may only narrow:
a request takes all that it took, an answer holds all that it held, and no word, type or status comes that callers could not expect.
Texts and examples are free. Words that may come at any time are marked ``x-may-grow``. A break is allowed where the version says
so.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = ROOT / "openapi" / "trading.yaml"
RELEASED = ROOT / "tools" / "contract" / "released.yaml"

Node = Mapping[str, Any]

_METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
#: Bounds by whether a greater number takes less.
_BOUNDS = {
    "minimum": True, "minLength": True, "minItems": True, "minProperties": True,
    "maximum": False, "maxLength": False, "maxItems": False, "maxProperties": False,
}  # fmt: skip
#: What is either the same or another value, of which nobody can say that it is wider.
_EXACT = ("pattern", "format", "multipleOf", "uniqueItems", "exclusiveMinimum", "exclusiveMaximum")


def main(arguments: list[str]) -> int:
    """Compare, or store."""
    parser = argparse.ArgumentParser(description="Compare the contract with the last release's.")
    parser.add_argument("--release", action="store_true", help="store the contract as the release's")
    if parser.parse_args(arguments).release:
        shutil.copy(CONTRACT, RELEASED)
        return 0
    old, new = (yaml.safe_load(path.read_text(encoding="utf-8")) for path in (RELEASED, CONTRACT))
    found = breaks(old, new)
    versions = f"{old['info']['version']} to {new['info']['version']}"
    sys.stdout.write("".join(f"{each}\n" for each in found))
    if not found or may_break(old["info"]["version"], new["info"]["version"]):
        return 0
    sys.stdout.write(
        f"{len(found)} breaks from {versions}. Keep what was promised (a new name beside the old one), or raise the version: "
        "the major one, or the minor one below 1.0.\n"
    )
    return 1


def may_break(old: str, new: str) -> bool:
    """Whether a change of version announces breaks (Semantic Versioning)."""
    before, after = ([int(part) for part in version.split(".")[:2]] for version in (old, new))
    return after[0] > before[0] or (after[0] == before[0] == 0 and after[1] > before[1])


def breaks(old: Node, new: Node) -> list[str]:
    """Every break from ``old`` to ``new``, each as its place and a sentence."""
    return list(dict.fromkeys(_Comparison(old=old, new=new).paths()))


@dataclass(frozen=True, kw_only=True)
class _Comparison:
    old: Node
    new: Node

    def paths(self) -> Iterator[str]:
        now = dict(self.new["paths"])
        now |= {item["x-also-at"]: item for item in self.new["paths"].values() if "x-also-at" in item}
        before = dict(self.old["paths"])
        before |= {item["x-also-at"]: item for item in self.old["paths"].values() if "x-also-at" in item}
        for path, item in before.items():
            if path not in now:
                yield f"{path}: the path is gone"
                continue
            for method in _METHODS:
                if method in item and method not in now[path]:
                    yield f"{method.upper()} {path}: the operation is gone"
                elif method in item:
                    yield from self._operation(f"{method.upper()} {path}", item, now[path], method)

    def _operation(self, place: str, old_item: Node, new_item: Node, method: str) -> Iterator[str]:
        old, new = old_item[method], new_item[method]
        if old.get("operationId") != new.get("operationId"):
            yield f"{place}: the operation has another id, which generated clients are named by"
        if "security" in new and new["security"] and not old.get("security", self.old.get("security")):
            yield f"{place}: it asks for credentials now"
        yield from self._parameters(place, self._named(self.old, old_item, old), self._named(self.new, new_item, new))
        yield from self._body(place, self._old(old.get("requestBody", {})), self._new(new.get("requestBody", {})))
        yield from self._answers(place, old["responses"], new["responses"])

    def _parameters(
        self, place: str, old: Mapping[tuple[str, str], Node], new: Mapping[tuple[str, str], Node]
    ) -> Iterator[str]:
        for key, parameter in old.items():
            where = f"{place}: parameter {key[1]}"
            if key not in new:
                yield f"{where} is gone"
                continue
            if new[key].get("required") and not parameter.get("required"):
                yield f"{where} is required now"
            yield from self._schema(where, parameter.get("schema", {}), new[key].get("schema", {}), is_sent=True)
        for key in new.keys() - old.keys():
            if new[key].get("required"):
                yield f"{place}: parameter {key[1]} is new and required"

    def _body(self, place: str, old: Node, new: Node) -> Iterator[str]:
        if new.get("required") and not old.get("required"):
            yield f"{place}: a body is required now"
        for media_type, content in old.get("content", {}).items():
            if media_type not in new.get("content", {}):
                yield f"{place}: a body of {media_type} is not taken any more"
                continue
            after = new["content"][media_type].get("schema", {})
            yield from self._schema(f"{place}: body", content.get("schema", {}), after, is_sent=True)

    def _answers(self, place: str, old: Node, new: Node) -> Iterator[str]:
        for status, response in old.items():
            if status not in new:
                # An error that can't happen any more surprises nobody.
                if status.startswith("2"):
                    yield f"{place}: {status} is gone"
                continue
            before, after = self._old(response), self._new(new[status])
            for name in before.get("headers", {}).keys() - after.get("headers", {}).keys():
                yield f"{place}: {status} has no header {name} any more"
            for media_type, content in before.get("content", {}).items():
                if media_type not in after.get("content", {}):
                    yield f"{place}: {status} comes as {media_type} no more"
                    continue
                schema = after["content"][media_type].get("schema", {})
                yield from self._schema(f"{place}: {status}", content.get("schema", {}), schema, is_sent=False)
        for status in new.keys() - old.keys():
            if status.startswith(("2", "3")):
                yield f"{place}: {status} is a new answer of success, which callers do not know to read"

    # -- schemas --------------------------------------------------------------------------------------------------------

    def _schema(
        self, place: str, old: Node, new: Node, *, is_sent: bool, within: frozenset[tuple[str, str]] = frozenset()
    ) -> Iterator[str]:
        """The breaks of a value: ``is_sent`` by callers, or read by them."""
        pair = (str(old.get("$ref")), str(new.get("$ref")))
        if pair in within and None not in (old.get("$ref"), new.get("$ref")):
            return
        within = within | {pair}
        before, after = _flat(old, self._old), _flat(new, self._new)
        yield from _values(place, before, after, is_sent=is_sent)
        yield from self._fields(place, before, after, is_sent=is_sent, within=within)
        for part in ("items", "additionalProperties"):
            one, other = before.get(part), after.get(part)
            if isinstance(one, Mapping) and isinstance(other, Mapping):
                yield from self._schema(
                    f"{place}/{'*' if part != 'items' else '[]'}", one, other, is_sent=is_sent, within=within
                )
            elif part == "additionalProperties" and other is False and one is not False and is_sent:
                yield f"{place}: other fields are refused now"
        yield from self._union(place, before.get("anyOf", []), after.get("anyOf", []), is_sent=is_sent, within=within)

    def _fields(
        self, place: str, old: Node, new: Node, *, is_sent: bool, within: frozenset[tuple[str, str]]
    ) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        was, must = set(old.get("required", ())), set(new.get("required", ()))
        for name, node in before.items():
            if name in after:
                yield from self._schema(f"{place}/{name}", node, after[name], is_sent=is_sent, within=within)
            else:
                yield f"{place}/{name} is gone"
        for name in sorted(must - was) if is_sent else ():
            yield f"{place}/{name} is required now"
        for name in sorted((was - must) & after.keys()) if not is_sent else ():
            yield f"{place}/{name} may be absent now"

    def _union(
        self, place: str, old: list[Node], new: list[Node], *, is_sent: bool, within: frozenset[tuple[str, str]]
    ) -> Iterator[str]:
        """Each form that must be understood needs one on the other side that takes it."""
        wanted, offered = (old, new) if is_sent else (new, old)
        if not wanted or not offered:
            if len(old) != len(new):
                yield f"{place}: it is {'a choice of forms now' if new else 'no choice of forms any more'}"
            return
        for index, form in enumerate(wanted):
            pairs = ((form, other) if is_sent else (other, form) for other in offered)
            if not any(not list(self._schema(place, *pair, is_sent=is_sent, within=within)) for pair in pairs):
                yield f"{place}: form {index + 1} of the {'old' if is_sent else 'new'} choice has no match"

    # -- references -----------------------------------------------------------------------------------------------------

    def _old(self, node: Node) -> Node:
        return _resolved(node, self.old)

    def _new(self, node: Node) -> Node:
        return _resolved(node, self.new)

    @staticmethod
    def _named(spec: Node, item: Node, operation: Node) -> dict[tuple[str, str], Node]:
        nodes = [_resolved(each, spec) for each in (*item.get("parameters", ()), *operation.get("parameters", ()))]
        return {(node["in"], node["name"]): node for node in nodes}


def _resolved(node: Node, spec: Node) -> Node:
    while "$ref" in node:
        found: Any = spec
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        node = found
    return node


def _flat(node: Node, resolve: Any) -> dict[str, Any]:
    """``node`` with its reference followed, its ``allOf`` merged, and a choice of something or null as something nullable."""
    flat = dict(resolve(node))
    parts = flat.pop("allOf", [])
    forms = [form for form in flat.get("anyOf", []) if form.get("enum") != [None]]
    if len(forms) == 1:
        flat["nullable"] = len(flat.pop("anyOf")) == 2
        parts = [*parts, *forms]
    for part in parts:
        merged = _flat(part, resolve)
        for key, value in merged.items():
            if key == "properties":
                flat[key] = {**value, **flat.get(key, {})}
            elif key == "required":
                flat[key] = [*value, *flat.get(key, ())]
            else:
                flat.setdefault(key, value)
    return flat


def _values(place: str, old: Node, new: Node, *, is_sent: bool) -> Iterator[str]:
    """The breaks of what a single value may be."""
    if old.get("type") != new.get("type"):
        wider = {("integer", "number"), (old.get("type"), None)} if is_sent else {("number", "integer")}
        if (old.get("type"), new.get("type")) not in wider:
            yield f"{place}: {old.get('type', 'anything')} became {new.get('type', 'anything')}"
    if bool(old.get("nullable")) != bool(new.get("nullable")) and bool(new.get("nullable")) != is_sent:
        yield f"{place}: {'null is refused' if is_sent else 'it may be null'} now"
    yield from _words(place, old, new, is_sent=is_sent)
    if is_sent and "enum" in old and "enum" not in new:
        return  # a bound keeps out none of a few words
    for name, is_lower in _BOUNDS.items():
        one, other = old.get(name), new.get(name)
        if one == other:
            continue
        is_wider = other is None or (one is not None and (other < one) == is_lower)
        if is_wider != is_sent:
            yield f"{place}: {name} was {one} and is {other}"
    for name in _EXACT:
        one, other = old.get(name), new.get(name)
        if one != other and (other is not None if is_sent else one is not None):
            yield f"{place}: {name} was {one} and is {other}"


def _words(place: str, old: Node, new: Node, *, is_sent: bool) -> Iterator[str]:
    before, after = (None if "enum" not in node else set(node["enum"]) - {None} for node in (old, new))
    if is_sent and after is not None:
        lost = ["any other"] if before is None else sorted(before - after)
        if lost:
            yield f"{place}: {', '.join(map(str, lost))} is not taken any more"
    if not is_sent and before is not None and not new.get("x-may-grow"):
        come = ["any word"] if after is None else sorted(after - before)
        if come:
            yield f"{place}: {', '.join(map(str, come))} may come now"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
