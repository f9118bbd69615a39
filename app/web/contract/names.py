"""The names that a caller may use in one place of an operation: its body, its query string or its headers.

A name that the contract does not have is ignored, which callers of hummingbot-api need, and named in the answer's ``Ignored-
Fields``. It is refused where it is plain that something was meant: it is nearly a known name, what others call a known one, or
asks for something that the operation does not do. What is wrong about a name is found out only for names that are not known, so a
request that has none of them pays for one difference of two sets.
"""

from __future__ import annotations

from collections.abc import Iterable, KeysView, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from app.domain.suggestions import normal, shortened
from app.web.contract.faults import Fault, Location, fault
from app.web.contract.vocabulary import ORDINARY_HEADERS, ROW_WORDS, SYNONYMS

#: What an answer names of the ignored names: enough to see one's mistake, too little to fill a log.
_MOST_NAMED = 20
_LONGEST_NAMED = 60

#: Shorter words have too many neighbours for one edit to say that they are meant. A query string has few names, and nobody keeps
#: notes of their own there.
_SHORTEST_TYPO = 5
_SHORTEST_IN_QUERY = 4

_PLACES = {
    "body": "the body",
    "path": "the path",
    "query": "the query string",
    "header": "the headers",
    "message": "the message",
}

#: Headers that mean something to the operations that have them.
_MEANINGFUL = {b"idempotency-key": "Idempotency-Key", b"if-match": "If-Match", b"preview-token": "Preview-Token"}


class Names:
    """The names that ``place`` of an operation has. ``not_done`` are words, normalised, for what it does not do, with what to do
    instead; ``elsewhere`` are the names of its other places, where a name may belong. Unless it ``takes_others``, no name is
    ignored.
    """

    def __init__(
        self,
        place: str,
        names: Iterable[str],
        *,
        not_done: Mapping[str, str] | None = None,
        elsewhere: Iterable[Names] = (),
        is_list: bool = False,
        takes_others: bool = True,
        with_synonyms: bool = True,
    ) -> None:
        self.place = place
        self.known = frozenset(names)
        self._not_done = not_done or {}
        self._elsewhere = tuple(elsewhere)
        self._takes_others = takes_others
        self._row_words = ROW_WORDS if is_list else frozenset()
        self._meant: dict[str, str] = {}
        for name in sorted(self.known):
            self._meant.setdefault(normal(name), name)
        for name in sorted(self.known):
            for word in (*_numbers(normal(name)), *(SYNONYMS.get(name, ()) if with_synonyms else ())):
                if word not in self._not_done:
                    self._meant.setdefault(word, name)
        self._shortest = _SHORTEST_IN_QUERY if place == "query" else _SHORTEST_TYPO
        self._typos = {
            part: name
            for name in sorted(self.known, reverse=True)
            if len(normal(name)) >= self._shortest
            for part in shortened(normal(name))
        }

    def unknown(self, given: KeysView[str]) -> Sequence[str]:
        """The names of ``given`` that are not known."""
        return sorted(given - self.known)

    def meant(self, name: str) -> str | None:
        """The known name that ``name`` nearly is, or that it is another word for."""
        word = normal(name)
        found = self._meant.get(word)
        if found is None:
            found = next((self._meant[each] for each in _numbers(word) if each in self._meant), None)
        # A letter may be missing.
        least = self._shortest - 1 if self.place == "query" else self._shortest
        if found is None and least <= len(word) <= _LONGEST_NAMED:
            found = next((self._typos[each] for each in sorted(shortened(word)) if each in self._typos), None)
        return found

    def advice(self, name: str) -> str | None:
        """What to do instead of ``name``; None where it may be ignored."""
        word = normal(name)
        if not word:
            return None
        for place in (self, *self._elsewhere):
            if word in place._not_done and word not in self._meant:
                return f"'{_shown(name)}' is not supported. {place._not_done[word]}"
        near = self.meant(name)
        if near is not None:
            return f"There is no '{_shown(name)}' in {_PLACES[self.place]}. Did you mean '{near}'?"
        for other in self._elsewhere:
            near = other.meant(name)
            if near is not None:
                return (
                    f"There is no '{_shown(name)}' in {_PLACES[self.place]}: '{near}' belongs in {_PLACES[other.place]}"
                )
        if word in self._row_words:
            return f"This list can't be filtered by '{_shown(name)}'. Its filters are {', '.join(sorted(self.known))}"
        if not self._takes_others:
            return (
                f"There is no '{_shown(name)}' in {_PLACES[self.place]}, which may have {', '.join(sorted(self.known))}"
            )
        return None

    def sort_out(self, given: Mapping[str, Any], location: Location, faults: list[Fault], ignored: list[str]) -> None:
        """Add what is wrong about unknown names of ``given`` to ``faults``, and the others to ``ignored``."""
        for name in self.unknown(given.keys()):
            self.judge(name, given[name], location, faults, ignored)

    def judge(self, name: str, value: Any, location: Location, faults: list[Fault], ignored: list[str]) -> None:
        """Add what is wrong about the unknown ``name`` to ``faults``, or the name to ``ignored``."""
        advice = self.advice(name)
        if advice is None:
            ignored.append(".".join(map(str, (*location[1:], name))))
        else:
            faults.append(fault("extra_forbidden", (*location, name[:_LONGEST_NAMED]), advice, value))


class BodyNames:
    """The names of an object of the body and of the objects in it. An object that is a dictionary by the contract takes any."""

    def __init__(
        self, schema: Mapping[str, Any], *, not_done: Mapping[str, str] | None = None, elsewhere: Iterable[Names] = ()
    ) -> None:
        members = _members(schema)
        self.names = Names("body", members, not_done=not_done, elsewhere=elsewhere, is_list="account_names" in members)
        self._takes_any = not members or "additionalProperties" in schema
        #: The known names where all others are ignored; None where there are no others.
        self.ignoring = None if self._takes_any else self.names.known
        deeper = {name: BodyNames(node) for name, node in members.items() if _members(node)}
        self._deeper = tuple(deeper.items())

    def sort_out(self, document: Any, location: Location, faults: list[Fault], ignored: list[str]) -> None:
        """As ``Names.sort_out``, for every object of ``document``."""
        if type(document) is not dict:
            return
        if not self._takes_any and not document.keys() <= self.names.known:
            self.names.sort_out(document, location, faults, ignored)
        for name, deeper in self._deeper:
            deeper.sort_out(document.get(name), (*location, name), faults, ignored)


class HeaderNames:
    """The header names of an operation, and the ordinary ones that nobody means by it."""

    def __init__(self, names: Iterable[str], body: Names | None = None) -> None:
        # Of the body's fields only the order's id is one that other gateways take as a header; X-Client-Id names a program.
        ids = frozenset() if body is None else body.known & {"client_order_id"}
        elsewhere = [Names("body", ids, with_synonyms=False)]
        self._names = Names("header", names, elsewhere=elsewhere)
        self._expected = ORDINARY_HEADERS | {name.lower().encode("ascii") for name in self._names.known}

    def sort_out(self, headers: Mapping[bytes, bytes], faults: list[Fault], ignored: list[str]) -> None:
        """Add headers that are nearly a known one to ``faults``; all others are left alone, as everywhere in HTTP."""
        if headers.keys() <= self._expected:
            return
        for raw in sorted(headers.keys() - self._expected):
            name = raw.decode("latin-1")
            advice = self._names.advice(name) or self._names.advice(name.removeprefix("x-"))
            if advice is not None:
                faults.append(
                    fault("extra_forbidden", ("header", name[:_LONGEST_NAMED]), advice, headers[raw].decode("latin-1"))
                )
        ignored += [name for raw, name in _MEANINGFUL.items() if raw in headers and name not in self._names.known]


def header_value(names: Iterable[str]) -> bytes:
    """The value of ``Ignored-Fields``: the names, escaped as in a URL, separated by commas."""
    listed = list(dict.fromkeys(names))
    shown = [quote(name[:_LONGEST_NAMED], safe="[]") for name in listed[:_MOST_NAMED]]
    if len(listed) > _MOST_NAMED:
        shown.append("...")
    return ", ".join(shown).encode("ascii")


def _members(schema: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The properties of an object, those of its parts among them."""
    found: dict[str, Mapping[str, Any]] = {}
    for keyword in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(keyword, ()):
            found.update(_members(part))
    return {**found, **schema.get("properties", {})}


def _numbers(word: str) -> tuple[str, ...]:
    """``word`` as singular and plural."""
    if word.endswith("s"):
        return (word[:-1], word + "es")
    return (word + "s",)


def _shown(name: str) -> str:
    return name if len(name) <= _LONGEST_NAMED else name[:_LONGEST_NAMED] + "..."
