"""The standard streams of a process that was started without them, as some service managers do and ``>&-`` in a shell."""

from __future__ import annotations

import os
import sys

_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def open_what_is_closed() -> None:
    """Lead closed standard streams to nowhere. Otherwise a connection or a database would get their numbers, and with them what
    libraries print.
    """
    for number, (name, mode) in enumerate(_STREAMS):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is taken, and all below this one are in use.
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - it stays open like those it stands for
