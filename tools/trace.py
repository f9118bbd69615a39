"""Runs ``python -m app ARGUMENTS`` and notes which modules of ``app`` a piece of work enters.

The file imports nothing of the repository, so that ``walks`` can start it in any checkout. Each line on standard input is answered
with one line of JSON on standard error: the modules whose functions were entered since the line before, on any thread, in the order
of their first entry. Module and class bodies do not count.
"""

from __future__ import annotations

import json
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


def _obey() -> None:
    sys.setprofile(None)
    for _ in sys.stdin:
        print(json.dumps(list(_entered)), file=sys.stderr, flush=True)
        _entered.clear()


if __name__ == "__main__":
    sys.path.insert(0, "")
    threading.Thread(target=_obey, daemon=True).start()
    threading.setprofile(_note)
    sys.setprofile(_note)
    sys.argv[0] = "app"
    runpy.run_module("app", run_name="__main__", alter_sys=True)
