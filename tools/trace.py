"""Runs ``python -m app ARGUMENTS``, after a first argument of its own, and notes which modules of ``app`` a piece of work enters.

The file imports nothing of the repository, so that ``walks`` can start it in any checkout. Each line on standard input is answered
with one line of JSON on the file descriptor that the first argument names: the modules whose functions were entered since the line
before, on any thread, in the order of their first entry. Module and class bodies do not count.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import threading
from types import FrameType
from typing import Any

_PREFIX = "app."
_entered: dict[str, None] = {}


def _note(frame: FrameType, event: str, _: Any) -> None:
    if event == "call":
        module = frame.f_globals.get("__name__", "")
        if module.startswith(_PREFIX) and frame.f_code.co_name != "<module>" and "__module__" not in frame.f_locals:
            _entered.setdefault(module)


def _obey(descriptor: int) -> None:
    sys.setprofile(None)
    answers = os.fdopen(descriptor, "w")
    for _ in sys.stdin:
        modules = list(_entered)
        # Before the answer, because the next walk may begin as soon as that is read.
        _entered.clear()
        print(json.dumps(modules), file=answers, flush=True)


if __name__ == "__main__":
    sys.path.insert(0, "")
    threading.Thread(target=_obey, args=(int(sys.argv.pop(1)),), daemon=True).start()
    threading.setprofile(_note)
    sys.setprofile(_note)
    sys.argv[0] = "app"
    runpy.run_module("app", run_name="__main__", alter_sys=True)
