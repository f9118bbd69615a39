"""docs/build/architecture.md against the program: the ten files, and the modules that its figures name."""

from __future__ import annotations

import re
from pathlib import Path

from tools.walks import ROOT, walks

PAGE = (ROOT / "docs" / "build" / "architecture.md").read_text(encoding="utf-8")
#: Named in the figure of an order, but entered only after an error answer of the exchange.
AFTER_AN_ERROR = {"app.connectors.common.judging", "app.connectors.binance.outcomes"}
#: The most modules that an order may enter, twelve of them the edge: a newcomer follows it in an evening (docs/adr/0012-rooms.md,
#: 0027-callers-and-guards.md, 0030-safety.md).
MOST_MODULES = 76
MOST_LINES = 2_630
#: What may stop an order on its way: the figure must lead to them who look for that.
STOPS = {
    "app.services.markets.rules",
    "app.services.orders.admitting",
    "app.journal.permits",
    "app.services.orders.leaving",
    "app.services.orders.inflight",
}


def section(title: str) -> str:
    """The text under a heading of the page."""
    _, _, rest = PAGE.partition(f"## {title}\n")
    assert rest, f"the page has no section '{title}'"
    return rest.partition("\n## ")[0]


def figures() -> dict[str, list[str]]:
    """The modules that each figure names, in the order of the figures."""
    blocks = re.findall(r"```\n(.*?)```", section("Three walks"), re.DOTALL)
    named = [
        [path.removesuffix(".py").replace("/", ".") for path in re.findall(r"app/[\w/]+\.py", block)]
        for block in blocks
    ]
    return dict(zip(("order", "fill", "crash"), named, strict=True))


def test_every_file_that_the_page_names_exists() -> None:
    """Also outside of the figures."""
    named = set(re.findall(r"\b(?:app|openapi|tools|tests)/[\w/]+\.\w+", PAGE))
    assert len(named) > 20
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_ten_files_are_an_evening() -> None:
    """They exist, they are ten, and they are short enough together."""
    files = re.findall(r"^\| `([^`]+)` \|", section("Ten files for an evening"), re.MULTILINE)
    assert len(files) == 10
    assert sum(len(Path(ROOT, file).read_text(encoding="utf-8").splitlines()) for file in files) <= MOST_LINES


def test_figures_name_modules_on_the_way() -> None:
    """Every module that a figure names is entered by a real walk, and an order enters few enough to be followed.

    One test, because the walks take some seconds.
    """
    walked = walks(times=2)
    for walk, named in figures().items():
        assert len(named) > 5
        assert sorted(set(named) - set(walked[walk]) - AFTER_AN_ERROR) == [], walk
    assert sorted(STOPS - set(figures()["order"])) == []
    assert len(walked["order"]) <= MOST_MODULES, walked["order"]
