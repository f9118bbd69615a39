"""The projection is the fold of the journal, whatever happens to an order and in whatever groups it is written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.enums import EventKind
from app.domain.events import OrderEvent
from app.domain.fill import Fill
from app.domain.lifecycle import FIRST_STATE
from tests.clock import START
from tests.journal.orders import INTENDED, key, order
from tests.journal.replaying import replay

AMOUNTS = st.decimals(min_value=0, max_value=2, places=8)
MOMENTS = st.integers(0, 10**9).map(lambda n: START + timedelta(microseconds=n))
TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)

FILLS = st.builds(
    Fill,
    exchange_fill_id=st.integers(1, 6).map(str),
    price=AMOUNTS,
    amount=AMOUNTS,
    fee=AMOUNTS.map(lambda fee: fee - 1),
    fee_currency=st.sampled_from([None, "BNB", "USDT"]),
    filled_at=MOMENTS,
)

EVENTS = st.builds(
    OrderEvent,
    kind=st.sampled_from([kind for kind in EventKind if kind not in FIRST_STATE]),
    at=MOMENTS,
    source=st.sampled_from(["answer", "stream", "recovery"]),
    exchange_at=st.none() | MOMENTS,
    exchange_order_id=TEXTS,
    amount=st.none() | AMOUNTS,
    fill=st.none() | FILLS,
    reason_code=st.none() | st.sampled_from(["vanished", "other"]),
    reason=TEXTS,
    evidence=TEXTS,
)

STEPS = st.lists(st.tuples(st.integers(0, 2), st.lists(EVENTS, max_size=4), st.booleans()), max_size=8)


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, amount=st.none() | AMOUNTS)
async def test_every_order_equals_its_replay(
    empty_journals: Callable[[], Any], steps: list[tuple[int, list[OrderEvent], bool]], amount: Decimal | None
) -> None:
    """Random events on three orders, alone or in groups: each stored order equals its replay, the totals equal its stored
    fills, no fill is stored twice, and the sequence has no gaps.
    """
    async with empty_journals() as journal:
        for number in range(3):
            await journal.open_order(order(f"o{number}", amount=amount), INTENDED)
        waiting = []
        for number, events, is_end_of_group in steps:
            waiting.append(journal.record(key(f"o{number}"), lambda _order, _fills, events=events: events))
            if is_end_of_group:
                await asyncio.gather(*waiting)
                waiting = []
        await asyncio.gather(*waiting)

        for number in range(3):
            stored = journal.find_order(key(f"o{number}"))
            fills = [trade.fill for trade in journal.known_fills(key(f"o{number}"))]
            assert stored is not None
            assert stored == replay(journal, key(f"o{number}"))
            assert stored.filled_amount == sum(fill.amount for fill in fills)
            assert stored.filled_quote == sum(fill.amount * fill.price for fill in fills)
            assert len(fills) == len({fill.exchange_fill_id for fill in fills})
            last = journal.history(key(f"o{number}"))[-1]
            assert (last.state, last.status, last.filled_amount) == (stored.state, stored.status, stored.filled_amount)
        entries = journal.tail(0, limit=10_000)
        assert [entry.seq for entry in entries] == list(range(1, journal.head() + 1))
