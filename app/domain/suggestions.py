"""What somebody may have meant by a name that there is not: "did you mean", for fields, pairs, accounts, connectors and paths.

Names are compared without case and without what parts their words. Nothing here knows what the names are for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SEPARATORS = re.compile(r"[\W_]+")

#: Shorter words have too many neighbours for one edit to say that they are meant.
SHORTEST_TYPO = 4
#: A longer text is no name that somebody mistyped.
LONGEST = 100
_MOST = 3


def normal(name: str) -> str:
    """``name`` in lower case without what parts its words."""
    return _SEPARATORS.sub("", name.lower())


def shortened(word: str) -> set[str]:
    """``word``, and what is left of it without one letter: two words that share one of these are one edit apart, or hardly more."""
    return {word, *(word[:index] + word[index + 1 :] for index in range(len(word)))}


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The sentence " Did you mean a or b?" with the names nearest to ``name``, and nothing where none is near."""
    found = nearest(name, known)
    return f" Did you mean {' or '.join(found)}?" if found else ""


def nearest(name: str, known: Iterable[str]) -> Sequence[str]:
    """At most three of ``known``: those that differ in spelling only; else those one letter away; else those that begin with
    ``name`` or that it begins with; else those of the same words in another order.
    """
    word = normal(name)
    if not word or len(word) > LONGEST:
        return []
    words = [(each, normal(each)) for each in known]
    typos = shortened(word) if len(word) >= SHORTEST_TYPO else set()
    parts = _parts(name)
    tests = (
        lambda other, _: other == word,
        lambda other, _: abs(len(other) - len(word)) < 2 and not typos.isdisjoint(shortened(other)),
        lambda other, _: len(word) > 2 and (other.startswith(word) or word.startswith(other)),
        lambda _, each: len(parts) > 1 and _parts(each) == parts,
    )
    for test in tests:
        found = [each for each, other in words if test(other, each)]
        if found:
            return sorted(found, key=lambda each: (abs(len(each) - len(name)), each))[:_MOST]
    return []


def listed(names: Sequence[str], most: int = 10) -> str:
    """``names`` separated by commas, the first ``most`` of them."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _parts(name: str) -> list[str]:
    return sorted(part for part in _SEPARATORS.split(name.lower()) if part)
