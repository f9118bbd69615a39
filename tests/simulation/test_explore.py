"""Small worlds walked whole, and the walk itself. ``make explore`` walks more of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import product
from pathlib import Path

import pytest

from tests.simulation.branching import Ways, walk
from tests.simulation.campaign import directory, warm_up
from tests.simulation.explore import explore
from tests.simulation.sabotage import SAFEGUARDS


@pytest.fixture(scope="module")
def path() -> Iterator[Path]:
    with directory() as path:
        warm_up(path)
        yield path


def choose_twice(ways: Ways) -> None:
    """Two choices, of three and of two."""
    ways.note("way", f"{ways.choose(3)}{ways.choose(2)}")
    ways.end()


@pytest.mark.parametrize("workers", [1, 2])
def test_every_way_is_walked_once(workers: int) -> None:
    """All combinations of choices, each once."""
    walked = Counter(text for _, text in walk(choose_twice, workers=workers, seconds=30).lines)
    assert walked == Counter(f"{first}{second}" for first, second in product(range(3), range(2)))


def test_states_are_known_to_all_ways() -> None:
    """What one way has met, another has not to walk."""

    def meet(ways: Ways) -> None:
        ways.choose(2)
        ways.note("new" if ways.is_new(7) else "known")
        ways.end()

    walked = walk(meet, workers=1, seconds=30)
    assert Counter(kind for kind, _ in walked.lines) == {"new": 1, "known": 1}
    assert walked.states == 1


def test_what_fails_is_noted() -> None:
    """An exception on a way ends that way, and is told."""

    def fail(ways: Ways) -> None:
        if ways.choose(2):
            raise ValueError("on one way")

    walked = walk(fail, workers=1, seconds=30)
    assert ["on one way" in text for kind, text in walked.lines if kind == "failed"] == [True]


def test_every_death_is_walked_to_its_end(path: Path) -> None:
    """A process that may die at any step of a market order, and is started again."""
    found = explore(path, "market order, crash", workers=2, seconds=100)
    assert found.is_whole
    assert found.violations == ()
    assert found.crashes > 30
    assert found.settled > 3


def test_missing_safeguard_is_found(path: Path) -> None:
    """Fills that count twice are found in the same world, and nothing more is walked then."""
    remove = SAFEGUARDS["fill_deduplication"]
    found = explore(
        path, "order filled in two parts", workers=2, seconds=60, prepare=partial(remove), one_is_enough=True
    )
    assert not found.is_whole
    assert any("fills_equal_the_exchange" in text for text in found.violations)
