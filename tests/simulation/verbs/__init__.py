"""What callers do, one verb a file: each module of this package has a ``VERB``, and is found by being here."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.callers import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One verb. ``weight`` is how often a caller does it, beside the weights of the others."""

    weight: float
    act: Callable[[Caller], Awaitable[None]]
    #: Whether the caller must know an order of its own; where it knows none it does not act.
    needs_order: bool = True


@cache
def all_verbs() -> Mapping[str, Verb]:
    """Every verb by its module's name, in their order."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return MappingProxyType({name: importlib.import_module(f"{__name__}.{name}").VERB for name in names})
