"""Pages of the long lists, orders and fills: which rows a search is about, how many they are, and those of one page.

Rows are of one *kind* if they have the same account, connector and pair and, for orders, the same status. Triggers of the database
count the rows of each kind and month as they come (``order_counts`` and ``fill_counts``), so that the true total of a search is a
sum over a few rows; between two times, only what lies in the first and the last month is counted. A page is put together from the
newest rows of each kind that is asked for, which one index has in their order. Neither depends on how long the journal is.

Everything here reads. Nothing here knows cursors' texts or callers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    Table,
    TextClause,
    func,
    select,
    tuple_,
    union_all,
)

T = TypeVar("T")
Condition = ColumnElement[bool] | TextClause
Arm = Sequence[Condition]

#: Kinds whose newest rows are put together to a page. Each costs as much as a small page; SQLite joins five hundred at most.
_MOST_ARMS = 64
#: So few rows are best fetched and sorted, whatever their kinds are.
_FEW_ROWS = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[T]):
    """How one kind of page is read: from where, sorted by what, and how a row becomes an item and a cursor.

    The last column of ``sort`` names a row.
    """

    source: FromClause
    columns: tuple[Column[Any], ...]
    sort: tuple[Column[Any], ...]
    newest_first: bool
    item: Callable[[Any], T]
    cursor: Callable[[Any], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted(Listing[T]):
    """A listing whose rows are counted: ``counts`` is the table, ``kind`` what makes a kind, in the order of the index that has
    the rows of a kind in theirs; ``fields`` are the columns by which a search can be narrowed, by name.
    """

    counts: Table
    kind: tuple[Column[Any], ...]
    fields: Mapping[str, Column[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What to look for: any of the values of each field in ``wanted``, between two times, beyond a position, so many rows."""

    wanted: Mapping[str, Sequence[str]] = field(default_factory=dict)
    start_at: datetime | None = None
    end_at: datetime | None = None
    after: tuple[Any, ...] | None = None
    limit: int

    @property
    def has_bounds(self) -> bool:
        return self.start_at is not None or self.end_at is not None


def find_all(
    connection: Connection, listing: Listing[Any], conditions: Sequence[Condition], search: Search
) -> tuple[Sequence[Row[Any]], int]:
    """The rows of a page that meet ``conditions``, and how many do in all. Reads as many rows as do."""
    total = connection.scalar(select(func.count()).select_from(listing.source).where(*conditions))
    query = select(*listing.columns).select_from(listing.source).where(*conditions, *_position(listing, search))
    return connection.execute(_sorted(query, listing).limit(search.limit)).all(), total or 0


def find_counted(connection: Connection, listing: Counted[Any], search: Search) -> tuple[Sequence[Row[Any]], int]:
    """The rows of a page, and how many there are in all, however many that are."""
    kinds = _kinds(connection, listing, search)
    total = sum(kinds.values())
    if not total:
        return (), 0
    arms = _arms(listing, search, list(kinds), total)
    source = _source(listing, search)
    if search.has_bounds:
        total = _whole_months(connection, listing, search)
        total += _count(
            connection, source, [[*arm, *part] for arm in arms for part in _parts_of_months(listing, search)]
        )
    conditions = [*_bounds(listing, search), *_position(listing, search)]
    page = _newest(listing, source, [[*arm, *conditions] for arm in arms], search.limit)
    return connection.execute(page).all(), total


def _kinds(connection: Connection, listing: Counted[Any], search: Search) -> dict[tuple[Any, ...], int]:
    """How many rows there are of each kind that the search asks for; kinds without rows are left out."""
    columns = [listing.counts.c[column.name] for column in listing.kind]
    number = func.sum(listing.counts.c.number)
    query = select(*columns, number).where(*_wanted(listing, search)).group_by(*columns).having(number > 0)
    # PostgreSQL's sum is a Decimal.
    return {tuple(row[:-1]): int(row[-1]) for row in connection.execute(query)}


def _wanted(listing: Counted[Any], search: Search) -> list[Condition]:
    return [listing.counts.c[name].in_(tuple(values)) for name, values in search.wanted.items()]


def _whole_months(connection: Connection, listing: Counted[Any], search: Search) -> int:
    """How many rows there are in the months that lie between the bounds entirely."""
    month = listing.counts.c.month
    between = [
        *([] if search.start_at is None else [month > _month(search.start_at)]),
        *([] if search.end_at is None else [month < _month(search.end_at)]),
    ]
    return int(
        connection.scalar(select(func.sum(listing.counts.c.number)).where(*_wanted(listing, search), *between)) or 0
    )


def _parts_of_months(listing: Counted[Any], search: Search) -> list[list[Condition]]:
    """The rest between the bounds: a part of the first month and one of the last, or of the only one."""
    moment, start_at, end_at = listing.sort[0], search.start_at, search.end_at
    if start_at is not None and end_at is not None and _month(start_at) >= _month(end_at):
        return [_bounds(listing, search)]
    parts: list[list[Condition]] = []
    if start_at is not None:
        parts.append([moment >= start_at, moment < _begin(start_at, months=1)])
    if end_at is not None:
        parts.append([moment >= _begin(end_at), moment <= end_at])
    return parts


def _month(moment: datetime) -> str:
    """The month of ``moment`` as the counts have it."""
    return moment.astimezone(UTC).isoformat()[:7]


def _begin(moment: datetime, months: int = 0) -> datetime:
    """The first moment of the month of ``moment``, or of one after it."""
    first = moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return first.replace(year=first.year + (first.month + months - 1) // 12, month=(first.month + months - 1) % 12 + 1)


def _arms(listing: Counted[Any], search: Search, kinds: Sequence[tuple[Any, ...]], total: int) -> Sequence[Arm]:
    """The conditions of a search as alternatives, each of which an index answers in the order of the page."""
    if not search.wanted:
        return [[]]
    if len(kinds) > _MOST_ARMS:
        everything = [listing.fields[name].in_(tuple(values)) for name, values in search.wanted.items()]
        return [[tuple_(*listing.kind).in_(kinds), *everything]] if total <= _FEW_ROWS else [everything]
    in_kind = {column.name for column in listing.kind}
    rest = [listing.fields[name].in_(tuple(each)) for name, each in search.wanted.items() if name not in in_kind]
    return [[*(column == value for column, value in zip(listing.kind, kind, strict=True)), *rest] for kind in kinds]


def _count(connection: Connection, source: FromClause, arms: Sequence[Arm]) -> int:
    counts = [select(func.count().label("number")).select_from(source).where(*arm) for arm in arms]
    if len(counts) == 1:
        return connection.scalar(counts[0]) or 0
    return int(connection.scalar(select(func.sum(union_all(*counts).subquery().c.number))) or 0)


def _newest(listing: Counted[Any], source: FromClause, arms: Sequence[Arm], limit: int) -> Select[Any]:
    """The first rows of all ``arms`` together."""
    query = select(*listing.columns).select_from(listing.source)
    if len(arms) == 1:
        return _sorted(query.where(*arms[0]), listing).limit(limit)
    places = select(*listing.sort).select_from(source)
    # Each in a select of its own, because neither database takes an order and a limit inside a union.
    firsts = [select(_sorted(places.where(*arm), listing).limit(limit).subquery()) for arm in arms]
    both = union_all(*firsts).subquery()
    names = [both.c[column.name] for column in listing.sort]
    order = [name.desc() if listing.newest_first else name for name in names]
    chosen = select(names[-1]).order_by(*order).limit(limit)
    return _sorted(query.where(listing.sort[-1].in_(chosen)), listing)


def _source(listing: Counted[Any], search: Search) -> FromClause:
    """The listing's own table where the search names no column of another: to count and to find places then needs no join."""
    own = listing.sort[0].table
    return own if all(listing.fields[name].table is own for name in search.wanted) else listing.source


def _sorted(query: Select[Any], listing: Listing[Any]) -> Select[Any]:
    return query.order_by(*[each.desc() if listing.newest_first else each for each in listing.sort])


def _position(listing: Listing[Any], search: Search) -> list[Condition]:
    if search.after is None:
        return []
    position = tuple_(*listing.sort)
    return [position < search.after if listing.newest_first else position > search.after]


def _bounds(listing: Listing[Any], search: Search) -> list[Condition]:
    moment = listing.sort[0]
    return [
        *([] if search.start_at is None else [moment >= search.start_at]),
        *([] if search.end_at is None else [moment <= search.end_at]),
    ]
