"""Lists that an exchange shows page by page: how one goes on, and whether what was read is all of it.

Only a list that was read to its end proves that something is not in it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

#: In a way through an answer: of all rows, what is lowest there as a number, or highest, where a list begins with what is oldest.
LOWEST, HIGHEST = -1, -2

#: The most pages of a list.
_MOST_PAGES = 40

#: How often a list that moves is read before it counts as one that can't be read.
_MOST_READINGS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """How one list of an exchange comes.

    ``size`` is the most rows that one answer has, 0 where it has them all. It is given to ccxt's call as its limit, unless ``asks``
    are the parameters by which pages of that size are asked for. ``parameter`` is what the list goes on by, empty where it can't.
    It carries what an answer has at the end of the way ``cursor``, or else what is counted: the number of the page, from 1 on, or
    that of the rows before it. ``beside`` goes with it on later pages.

    A way through the answer names fields. One through ``LOWEST`` or ``HIGHEST`` leads to the last row of a page: there a page that
    is not full is the last. Any other leads to what the exchange says of the next page, and to nothing on the last.
    """

    size: int = 0
    asks: Mapping[str, Any] = field(default_factory=dict)
    parameter: str = ""
    cursor: tuple[str | int, ...] = ()
    counts: Literal["", "pages", "rows"] = ""
    beside: Mapping[str, Any] = field(default_factory=dict)

    @property
    def limit(self) -> int | None:
        """What is given to ccxt's call."""
        return None if self.asks else self.size or None

    def number_for(self, count: int) -> int:
        """The number of pages that ``count`` rows take."""
        return min(_MOST_PAGES, 1 + (count - 1) // self.size) if self.size else 1

    def is_last(self, page: Page) -> bool:
        """Whether nothing follows ``page``."""
        if self.cursor and LOWEST not in self.cursor and HIGHEST not in self.cursor:
            return not page.count or not _at(page.answer, self.cursor)
        return not self.size or page.count < self.size

    def after(self, page: Page, number: int) -> Mapping[str, Any] | None:
        """By what the list goes on after its page ``number``, None where nobody can tell."""
        if not self.parameter:
            return None
        if self.counts:
            return {self.parameter: number + 1 if self.counts == "pages" else number * self.size, **self.beside}
        found = _at(page.answer, self.cursor)
        return None if found in (None, "") else {self.parameter: str(found), **self.beside}


#: A list that comes as a whole, and one that has a hundred rows at most and does not go on.
WHOLE, HUNDRED = Pages(), Pages(size=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer: the ``rows`` that are of interest, how many it had (``count``), and the ``answer`` itself."""

    rows: Sequence[Any]
    count: int
    answer: Any


@dataclass(slots=True, kw_only=True)
class Listing:
    """What was read: ``rows``, each once, and whether that is the whole list; of how many ``pages``, and whether rows were on
    more than one of them.
    """

    rows: list[Any] = field(default_factory=list)
    names: set[tuple[Any, Any]] = field(default_factory=set)
    is_whole: bool = False
    pages: int = 0
    has_repeats: bool = False

    def take(self, rows: Sequence[Any]) -> bool:
        """Add what earlier pages don't have, and return whether ``rows`` are of any use."""
        new = [row for row in rows if _name(row)[0] is None or _name(row) not in self.names]
        self.pages += 1
        self.has_repeats |= len(new) < len(rows)
        self.names.update(map(_name, rows))
        self.rows += new
        return bool(new) or not rows


Ask = Callable[[Mapping[str, Any]], Awaitable[Page]]


async def read_pages(
    pages: Pages, ask: Ask, is_enough: Callable[[Sequence[Any]], bool] | None = None, *, most: int = _MOST_PAGES
) -> Listing:
    """The list, to its end, or until its rows are enough, or to its page ``most``. ``ask`` answers to parameters with one page."""
    found, more = Listing(), dict[str, Any]()
    while found.pages < most:
        page = await ask({**pages.asks, **more})
        # A page that repeats what was read leads nowhere, whatever its length.
        if not found.take(page.rows) or (is_enough is not None and is_enough(found.rows)):
            return found
        if pages.is_last(page):
            found.is_whole = True
            return found
        following = pages.after(page, found.pages)
        if following is None or following == more:
            return found
        more = dict(following)
    return found


async def read_moving(pages: Pages, ask: Ask) -> Listing:
    """The list to its end, although rows leave it meanwhile.

    Where a page is named by its number, each row that leaves moves those behind it to the page before, which was read already. None
    did if all that was read is still there afterwards, and nothing came twice because of new rows.
    """
    found = await read_pages(pages, ask)
    for _ in range(_MOST_READINGS - 1):
        if not found.is_whole or not pages.counts or found.pages == 1:
            return found
        again = await read_pages(pages, ask)
        if again.is_whole and not found.has_repeats and found.names <= again.names:
            return again
        found = again
    found.is_whole = False
    return found


def _name(row: Any) -> tuple[Any, Any]:
    """What tells a row from others: a trade may be in a list with both of its orders."""
    return (row.get("id"), row.get("order")) if isinstance(row, dict) else (None, None)


def _at(answer: Any, way: Sequence[str | int]) -> Any:
    """What ``answer`` has at the end of ``way``, None where there is nothing."""
    for place, name in enumerate(way):
        if name in (LOWEST, HIGHEST):
            found = [_at(row, way[place + 1 :]) for row in answer] if isinstance(answer, list) else []
            if not found or not all(str(each).isdecimal() for each in found):
                return None
            return (min if name == LOWEST else max)(found, key=int)
        answer = answer.get(name) if isinstance(answer, dict) else None
    return answer
