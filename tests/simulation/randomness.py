"""Random numbers by purpose, all from one seed: what is drawn for one purpose does not change what is drawn for another."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable
from typing import Any


def stream(seed: int, *purpose: object) -> random.Random:
    """The random numbers of one purpose."""
    text = "/".join(str(each) for each in (seed, *purpose))
    return random.Random(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()))


def replace_entropy(seed: int) -> None:
    """Let the operating system's random bytes come from the seed, for the rest of this process."""
    take_entropy_from(stream(seed, "entropy").randbytes)


def take_entropy_from(source: Callable[[int], bytes]) -> None:
    """Let the operating system's random bytes come from ``source``, for the rest of this process."""
    os.urandom = source
    # The standard library's own generators took the function by name when they were imported.
    vars(random)["_urandom"] = source


def chance(source: random.Random, probability: float) -> bool:
    """Whether something of this probability happens."""
    return source.random() < probability


def pick(source: random.Random, weights: dict[Any, float]) -> Any:
    """One of the keys of ``weights``."""
    return source.choices(list(weights), list(weights.values()))[0]
