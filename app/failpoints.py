"""Named places at which a test may kill the process, so that every durable or network step is proven to survive it.

``reach("journal.intent.after_commit")`` does nothing unless ``ORDERGATE_FAILPOINT`` names the place; then the process dies on the
spot as by SIGKILL, without clean-up. ``NAME@N`` dies the Nth time it is reached. The crash tests collect the names from the
source, so a new step without a test fails the suite.
"""

from __future__ import annotations

import os
import signal

_NAME, _, _COUNT = os.environ.get("ORDERGATE_FAILPOINT", "").partition("@")
_LEFT = [int(_COUNT or 1)]


def reach(name: str) -> None:
    """Die here if the environment says so."""
    if name == _NAME:
        _LEFT[0] -= 1
        if _LEFT[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
