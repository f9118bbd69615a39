"""The exchange's own words in an error answer, for people. What an answer proves is never read from them."""

from __future__ import annotations

from typing import Any

#: Names of fields that hold a sentence, the more exact ones first: OKX has one for the call and one for each order.
_NAMES = (
    "sMsg",
    "retMsg",
    "errorMessage",
    "error_description",
    "err-msg",
    "message",
    "msg",
    "label",
    "detail",
    "reason",
    "error",
    "errors",
    "response",
)
#: Where the sentences of single orders stand.
_HOLDERS = ("data", "result", "response", "statuses", "errors", "error", "list")
_DEEPEST = 5


def words_in(payload: Any) -> str | None:
    """The sentences of ``payload``, the most exact ones; None where there is none."""
    found = _words(payload, _DEEPEST)
    return "; ".join(dict.fromkeys(found)) or None


def _words(node: Any, depth: int) -> list[str]:
    if depth == 0:
        return []
    if isinstance(node, list):
        return [text for each in node for text in (_texts(each) or _words(each, depth - 1))]
    if not isinstance(node, dict):
        return []
    inner = [
        text for name in _HOLDERS if isinstance(node.get(name), (dict, list)) for text in _words(node[name], depth - 1)
    ]
    own = next((texts for name in _NAMES if (texts := _texts(node.get(name)))), [])
    return inner or own


def _texts(value: Any) -> list[str]:
    """A sentence that stands alone; not a flag such as ``"true"``, nor a number."""
    if not isinstance(value, str):
        return []
    text = value.strip()
    return [text] if any(each.isalpha() for each in text) else []
