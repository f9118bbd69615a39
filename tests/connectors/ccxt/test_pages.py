"""Lists that come page by page, in answers as the exchanges document them: what is on the second page is found, and a list that
could not be read to its end proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from app.connectors.ccxt.exchanges import ROWS
from app.connectors.ccxt.pages import HIGHEST, LOWEST, Page, Pages, read_moving, read_pages
from app.connectors.rows import unreadable_rows
from app.domain.errors import ExchangeReadError
from app.domain.order import OrderRef
from app.domain.reports import OrderReport
from tests.connectors.ccxt.paged import MINE, MORE, PAGED, Paged
from tests.connectors.ccxt.test_answers import answer
from tests.connectors.ccxt.verbs import pair_of, ref_of
from tests.connectors.ccxt.wired import Exchange, line, wired

#: The times in a request, in milliseconds.
TIMES = re.compile(r"\b1[67]\d{11}\b")

MOVING = Pages(size=3, parameter="page", counts="pages")
GOING_ON = {
    "moving": MOVING,
    "by id": Pages(size=3, parameter="after", cursor=("rows", LOWEST, "id")),
    "by cursor": Pages(size=3, parameter="after", cursor=("next",)),
}


def cases(*kinds: str) -> list[Any]:
    return [pytest.param(case, id=f"{case.name}-{case.kind}") for case in PAGED if case.kind in kinds]


def two_pages(case: Paged, last: Sequence[int] = (MINE,)) -> list[Any]:
    """A full page of others, and one with ``last``."""
    return [answer(200, case.page(case.others, MORE)), answer(200, case.page(last))]


def report_of(ref: OrderRef, filled: int) -> OrderReport:
    """The order, of which so much is filled."""
    return OrderReport(
        order_id=ref.client_order_id,
        exchange_order_id=str(MINE),
        trading_pair=ref.trading_pair,
        state="filled",
        filled_amount=Decimal(filled),
    )


def check_second(case: Paged, exchange: Exchange, first: int = 0) -> None:
    """The second page was asked for by what the documentation says, and by nothing else that the first was not."""
    one, two = (set(line(exchange.requests[first + place]).split()) for place in (0, 1))
    assert {field for field in two - one if not field.startswith("/")} == set(case.second.split())


@pytest.mark.parametrize("case", cases("open"))
async def test_an_open_order_on_the_second_page_is_listed(case: Paged) -> None:
    """In the list of all pairs, which a comparison reads, and in that of one."""
    async with wired(ROWS[case.name]) as (connector, exchange):
        for pair in (None, pair_of(connector)):
            exchange.requests.clear()
            exchange.answers = two_pages(case) * (2 if case.pages.counts else 1)
            listed = await connector.fetch_open_orders(pair)
            assert exchange.answers == []
            assert {str(each) for each in (*case.others, MINE)} <= {each.exchange_order_id for each in listed}
            assert ref_of(connector).client_order_id in {each.order_id for each in listed}
            assert unreadable_rows(listed) == ()
            check_second(case, exchange)


@pytest.mark.parametrize("case", cases("open"))
async def test_a_list_that_can_not_go_on_hides_any_order(case: Paged) -> None:
    """As where nobody knows how an exchange goes on: a full page says nothing of the orders that are not on it."""
    async with wired(ROWS[case.name]) as (connector, exchange):
        pages = Pages(size=case.pages.size, asks=case.pages.asks)
        connector.row = replace(connector.row, open_pages=pages)  # type: ignore[misc]
        exchange.answers = two_pages(case)[:1]
        assert [row.may_be(ref_of(connector)) for row in unreadable_rows(await connector.fetch_open_orders())] == [True]
        if connector.row.settles == "by_listing":
            exchange.answers = two_pages(case)[:1]
            with pytest.raises(ExchangeReadError, match="does not list all"):
                await connector._listed(
                    ref_of(connector), connector._symbol(pair_of(connector)), await connector._pairs()
                )


@pytest.mark.parametrize("case", cases("open"))
async def test_an_order_of_a_pair_that_is_not_listed_hides_no_other(case: Paged) -> None:
    """Its row can't be read, since nobody can tell its unit, but is named; ours is read beside it."""
    async with wired(ROWS[case.name]) as (connector, exchange):
        exchange.answers = [answer(200, case.page((2_000, MINE), strange="XYZ_ABC"))]
        listed = await connector.fetch_open_orders()
        assert [each.exchange_order_id for each in listed] == [str(MINE)]
        assert [row.exchange_order_id for row in unreadable_rows(listed)] == ["2000"]


@pytest.mark.parametrize("case", cases("done"))
async def test_a_done_order_on_the_second_page_is_found(case: Paged) -> None:
    """And only a list that was read to its end says that there is none."""
    async with wired(ROWS[case.name]) as (connector, exchange):
        pairs, symbol = await connector._pairs(), connector._symbol(pair_of(connector))
        empty = next((each.page(()) for each in PAGED if each.name == case.name and each.kind == "open"), case.page(()))
        if case.name == "kraken":
            empty = {"error": [], "result": {"open": {}}}
        for last in ((MINE,), (5,)):
            exchange.requests.clear()
            exchange.answers = [answer(200, empty), *two_pages(case, last)]
            found = await connector._listed(ref_of(connector), symbol, pairs)
            assert (found is not None and found.state == "canceled") is (last == (MINE,))
            check_second(case, exchange, 1)
        exchange.answers = [answer(200, empty), *two_pages(case, case.others)[:1], answer(502, b"")]
        with pytest.raises(ExchangeReadError):
            await connector._listed(ref_of(connector), symbol, pairs)


@pytest.mark.parametrize("case", cases("fills"))
async def test_a_fill_on_the_second_page_is_found(case: Paged) -> None:
    """Of an order whose total is known, and of one that only its number is known of, whose list must have an end."""
    async with wired(ROWS[case.name]) as (connector, exchange):
        ref = ref_of(connector, str(MINE))
        connector._done[str(MINE)] = report_of(ref, 2)
        connector.row = replace(connector.row, fill_pages=replace(case.pages, size=len(case.others)))  # type: ignore[misc]
        exchange.answers = two_pages(case)
        (fill,) = await connector.fetch_fills(ref)
        assert (fill.price, fill.amount) == (Decimal("50000.5"), Decimal(2))
        check_second(case, exchange)
        connector.row = replace(connector.row, fill_pages=Pages(size=len(case.others), asks=case.pages.asks))  # type: ignore[misc]
        exchange.answers = two_pages(case)[:1]

        async def absent(_ref: Any) -> None:
            return None

        connector._find = absent  # type: ignore[method-assign]
        with pytest.raises(ExchangeReadError, match="more fills than can be read"):
            await connector.fetch_fills(ref)


@pytest.mark.parametrize("case", [case for case in cases("fills") if ROWS[case.values[0].name].fills_window])
async def test_fills_of_long_ago_are_asked_for_part_by_part(case: Paged) -> None:
    """Where an exchange shows so many days at once: each part from where the last one ended, and what is in two of them once."""
    async with wired(ROWS[case.name]) as (connector, exchange):
        ref, window = ref_of(connector, str(MINE)), connector.row.fills_window
        assert window is not None
        connector.context.clock.advance(1.5 * window.total_seconds())  # type: ignore[attr-defined]
        for filled in (2, 4):
            connector._done[str(MINE)] = report_of(ref, filled)
            exchange.requests.clear()
            exchange.answers = [answer(200, case.page(() if filled == 2 else (MINE,))), answer(200, case.page((MINE,)))]
            if filled == 2:
                assert [fill.amount for fill in await connector.fetch_fills(ref)] == [2]
            else:
                with pytest.raises(ExchangeReadError, match="does not show all fills"):
                    await connector.fetch_fills(ref)
            times = [sorted(map(int, TIMES.findall(line(request)))) for request in exchange.requests]
            assert exchange.answers == []
            assert times[0][1] == times[1][0]
            assert [until - since for since, until in times] == [window.total_seconds() * 1000] * 2


class Shown:
    """A list of the numbers in ``rows``, three to a page, newest first; ``changes`` happen to it after so many answers."""

    def __init__(self, rows: Sequence[int], changes: Mapping[int, Sequence[int]] | None = None) -> None:
        self.rows, self.changes, self.count = list(rows), dict(changes or {}), 0

    async def __call__(self, more: Mapping[str, Any]) -> Page:
        rows = [row for row in self.rows if row < int(more.get("after", 99))]
        start = 3 * (more.get("page", 1) - 1)
        shown = [{"id": row} for row in rows[start : start + 3]]
        self.count += 1
        self.rows = list(self.changes.get(self.count, self.rows))
        answer = {"rows": shown, "next": str(shown[-1]["id"]) if rows[start + 3 :] else ""}
        return Page(rows=shown, count=len(shown), answer=answer)


@pytest.mark.parametrize("pages", GOING_ON.values(), ids=GOING_ON)
@pytest.mark.parametrize("length", range(8))
async def test_a_list_of_any_length_is_read_whole(pages: Pages, length: int) -> None:
    """Also where its last page is full."""
    found = await read_moving(pages, Shown(range(length, 0, -1)))
    assert found.is_whole
    assert [row["id"] for row in found.rows] == list(range(length, 0, -1))


#: After the first page of 6 5 4 | 3 2 1: orders that leave, come, and come and leave at once.
MOVES = {
    "leaves": {1: (5, 4, 3, 2, 1)},
    "leaves and comes": {1: (7, 5, 4, 3, 2, 1)},
    "comes, and leaves later": {1: (7, 6, 5, 4, 3, 2, 1), 2: (6, 5, 4, 3, 2, 1)},
    "leaves each time": {1: (5, 4, 3, 2, 1), 3: (9, 5, 4, 3, 2, 1), 4: (5, 4, 3, 2, 1), 6: (9, 5, 4, 3, 2, 1)},
}


@pytest.mark.parametrize("pages", GOING_ON.values(), ids=GOING_ON)
@pytest.mark.parametrize("changes", MOVES.values(), ids=MOVES)
async def test_what_is_there_all_the_time_is_in_a_whole_list(
    pages: Pages, changes: Mapping[int, Sequence[int]]
) -> None:
    """Where pages have numbers, an order that leaves moves the others to pages that were read: 3 is on none of them then."""
    found = await read_moving(pages, Shown((6, 5, 4, 3, 2, 1), changes))
    assert not found.is_whole or {1, 2, 3, 4, 5} <= {row["id"] for row in found.rows}


async def test_no_order_of_events_hides_what_is_there() -> None:
    """Orders come and leave between any two answers."""
    wholes = 0
    for seed in range(1_000):
        luck = Random(seed)
        steady = set(luck.sample(range(1, 10), 5))
        rows, changes = list(range(9, 0, -1)), dict[int, Sequence[int]]()
        for count in range(1, 25):
            leaving = [row for row in rows if row not in steady]
            if leaving and luck.random() < 0.3:
                rows.remove(luck.choice(leaving))
            if luck.random() < 0.3:
                rows.insert(0, 9 + count)
            changes[count] = tuple(rows)
        found = await read_moving(MOVING, Shown(range(9, 0, -1), changes))
        assert not found.is_whole or steady <= {row["id"] for row in found.rows}, seed
        wholes += found.is_whole
    assert wholes > 50


async def test_a_page_that_repeats_what_was_read_leads_nowhere() -> None:
    """As where an exchange ignores what a list is to go on by, or goes in the other direction: not even a short page is an end."""

    async def ignoring(more: Mapping[str, Any]) -> Page:
        rows = [{"id": row} for row in ((3, 2) if more else (3, 2, 1))]
        return Page(rows=rows, count=len(rows), answer={"rows": rows, "next": "1"})

    for pages in GOING_ON.values():
        found = await read_pages(pages, ignoring)
        assert not found.is_whole
        assert len(found.rows) == 3


@pytest.mark.parametrize(
    ("times", "is_whole"),
    [((), True), ((1, 2, 3), False), ((1, 2, 2, 2, 3), False), ((1, 1, 2, 2, 3, 4), True), ((1, 2, 2, 3, 4), True)],
)
async def test_a_list_that_goes_on_from_a_time_has_all_of_it(times: Sequence[int], is_whole: bool) -> None:
    """Oldest first, and with the time itself, so that pages share rows. A page of one time only can't go on, and where the last
    page is full, the one behind it shows nothing new, as one that is not asked for in the right way.
    """

    async def from_time(more: Mapping[str, Any]) -> Page:
        rows = [{"id": number, "time": time} for number, time in enumerate(times) if time >= int(more.get("since", 0))][
            :3
        ]
        return Page(rows=rows, count=len(rows), answer=rows)

    found = await read_pages(Pages(size=3, parameter="since", cursor=(HIGHEST, "time")), from_time)
    assert found.is_whole is is_whole
    assert [row["id"] for row in found.rows] == list(range(len(found.rows)))
    assert len(found.rows) == len(times) or not is_whole


async def test_a_list_without_an_end_is_not_whole() -> None:
    """However many pages it has."""

    async def endless(more: Mapping[str, Any]) -> Page:
        rows = [{"id": 3 * more.get("page", 1) + each} for each in range(3)]
        return Page(rows=rows, count=3, answer=rows)

    assert not (await read_pages(MOVING, endless)).is_whole


def test_every_list_that_goes_on_has_pages_here() -> None:
    """What a row says of a list is tried with answers of its exchange, or of the same exchange's other market."""
    has = {(ROWS[case.name].ccxt_id, case.kind, str(case.pages)) for case in PAGED}
    said = {
        (row.ccxt_id, kind, str(pages))
        for row in ROWS.values()
        for kind, pages in (("open", row.open_pages), ("done", row.done_pages), ("fills", row.fill_pages))
        if pages.parameter
    }
    assert said == has
