"""The pages as something to run: their fenced blocks, and what each is expected to print.

A block in ``sh`` or ``python`` is run as it stands; one in another language is not. A ``json`` block right after a command is what
it answers: every field of it must be there, texts equal up to a "…", numbers of any size. A ``text`` block right after it must be
its output, lines that hold a "…" left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

#: What a reader fills in, which a test sets in the environment.
_FILLED_IN = re.compile(r"^export (?:PASSWORD|GATEWAY)=.*\n", re.MULTILINE)

RUN = ("sh", "python")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block that is run. ``expected`` is the language and text of the block after it, None without one."""

    line: int
    language: str
    text: str
    expected: tuple[str, str] | None


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page that are run, in their order."""
    text = page.read_text(encoding="utf-8")
    found = list(_FENCE.finditer(text))
    blocks = []
    for block, after in zip_longest(found, found[1:]):
        if block[1] in RUN:
            shows = after is not None and after[1] in ("json", "text") and not text[block.end() : after.start()].strip()
            blocks.append(
                Block(
                    line=text.count("\n", 0, block.start()) + 1,
                    language=block[1],
                    text=_FILLED_IN.sub("", block[2]),
                    expected=(after[1], after[2]) if after is not None and shows else None,
                )
            )
    return blocks


def faults_in(expected: tuple[str, str], output: str) -> list[str]:
    """What the output lacks of what the page shows."""
    language, shown = expected
    if language == "json":
        answers = [json.loads(line) for line in output.splitlines() if line.startswith(("{", "["))]
        return _missing(json.loads(shown), answers[-1], "") if answers else [f"no JSON: {output}"]
    wanted = [line for line in shown.splitlines() if line and "…" not in line]
    return [line for line in wanted if line not in output.splitlines()]


def _missing(shown: Any, answer: Any, place: str) -> list[str]:
    if isinstance(shown, Mapping):
        if not isinstance(answer, Mapping):
            return [f"{place}: no object"]
        lost = [f"{place}.{name}: not there" for name in shown if name not in answer]
        return lost + [
            fault
            for name, each in shown.items()
            if name in answer
            for fault in _missing(each, answer[name], f"{place}.{name}")
        ]
    if isinstance(shown, Sequence) and not isinstance(shown, str):
        if not isinstance(answer, list) or len(answer) < len(shown):
            return [f"{place}: {answer} instead of {shown}"]
        return [
            fault
            for index, (each, theirs) in enumerate(zip(shown, answer, strict=False))
            for fault in _missing(each, theirs, f"{place}[{index}]")
        ]
    if isinstance(shown, str) and "…" in shown:
        return [] if isinstance(answer, str) and answer.startswith(shown.split("…")[0]) else [f"{place}: {answer}"]
    if isinstance(shown, float) or (isinstance(shown, int) and not isinstance(shown, bool)):
        return [] if isinstance(answer, (int, float)) else [f"{place}: {answer} is no number"]
    return [] if shown == answer else [f"{place}: {answer} instead of {shown}"]
