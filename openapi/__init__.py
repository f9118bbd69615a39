"""The contract: ``trading.yaml`` is the source of truth for paths, schemas, security and problem types.

Connexion routes by it, ``generate.py`` derives the marshmallow schemas and enums from it, and callers' tools read it. This
package only says where it is; it holds no behaviour.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

SPEC_PATH = Path(__file__).with_name("trading.yaml")


def load_spec() -> dict[str, Any]:
    """The contract as a fresh dictionary that the caller may change."""
    # The safe loader in C where PyYAML has it: the pure one takes the better part of a second at each start.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loaded = yaml.load(SPEC_PATH.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both loaders are the safe one
    assert isinstance(loaded, dict)
    return loaded
