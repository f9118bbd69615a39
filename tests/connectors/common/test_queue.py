"""The queue of one follower."""

from __future__ import annotations

import pytest

from app.connectors.common import queue as module
from app.connectors.common.queue import MarketQueue
from app.domain.errors import ExchangeDown
from app.domain.reports import Gap, Lost


async def test_a_follower_that_is_too_slow_gets_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has not read is bounded; a stream that is down stays down."""
    monkeypatch.setattr(module, "_MOST", 3)
    queue = MarketQueue()
    for number in range(4):
        queue.put(Gap(reason=str(number)))
    assert await queue.next() == Gap(reason="more came than could be read")
    for number in range(3):
        queue.put(Gap(reason=str(number)))
    queue.put(Lost(reason="down"))
    queue.fail(ExchangeDown("over"))
    assert await queue.next() == Lost(reason="down")
    with pytest.raises(ExchangeDown):
        await queue.next()
