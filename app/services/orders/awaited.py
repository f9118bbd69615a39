"""The orders whose answers this process waits for, and what streams say of them meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from app.clock import Clock
from app.domain.events import OrderEvent
from app.domain.observation import observe
from app.domain.order import Anomaly, Order, OrderKey
from app.domain.reports import OrderReport
from app.journal.units.orders import Decide

#: Takes a report that no answer has taken along.
TakeBack = Callable[[OrderKey, OrderReport], None]


class Said(list[tuple[OrderReport, TakeBack]]):
    """What streams have said of one order while an answer about it was awaited, in the order in which it came."""

    def before_and_after(self, decide: Decide, clock: Clock) -> Decide:
        """What the streams said and then what ``decide`` decides, each on the order as those before leave it. A rejection comes
        after it, since the answer tells why.
        """
        steps = [
            *(_decide_on(report, clock) for report, _ in self if report.state != "rejected"),
            decide,
            *(_decide_on(report, clock) for report, _ in self if report.state == "rejected"),
        ]
        return partial(_decide_in_turn, steps)

    def is_ahead_of(self, order: Order) -> bool:
        """Whether the streams count fills that ``order`` does not have."""
        return any(report.filled_amount > order.filled_amount for report, _ in self)


class Awaited:
    """The orders whose answers this process waits for, and what streams have said of them meanwhile.

    Most of that the answer says as well. So it waits, and is recorded with the answer, in one commit. Who puts a report here keeps
    a reference to it, and takes it out again if the answer is too slow.
    """

    def __init__(self) -> None:
        self._said: dict[OrderKey, Said] = {}

    def __contains__(self, key: OrderKey) -> bool:
        """Whether an answer about the order is awaited, which will be recorded here, or what became of it."""
        return key in self._said

    @contextmanager
    def answer(self, key: OrderKey) -> Iterator[None]:
        """Within it an answer about the order is awaited and recorded. What nobody has taken by then is given back."""
        if key in self._said:  # a cancel while the order is being placed, or another cancel
            yield
            return
        self._said[key] = Said()
        try:
            yield
        finally:
            _give_back(key, self._said.pop(key))

    def put(self, key: OrderKey, report: OrderReport, take_back: TakeBack) -> bool:
        """Let ``report`` wait for the answer about the order. False if none is awaited."""
        said = self._said.get(key)
        if said is None:
            return False
        said.append((report, take_back))
        return True

    def take_out(self, key: OrderKey, report: OrderReport) -> bool:
        """See to it that ``report`` waits no longer. False if it does not wait any more."""
        said = self._said.get(key, Said())
        left = Said(each for each in said if each[0] is not report)
        if len(left) == len(said):
            return False
        self._said[key] = left
        return True

    @contextmanager
    def said(self, key: OrderKey) -> Iterator[Said]:
        """Within it all that waits about the order is recorded, and waits no longer. If that raises, it is given back."""
        said = self._said.get(key)
        if not said:
            yield Said()
            return
        self._said[key] = Said()
        try:
            yield said
        except BaseException:
            _give_back(key, said)
            raise


def _give_back(key: OrderKey, said: Said) -> None:
    for report, take_back in said:
        take_back(key, report)


def _decide_on(report: OrderReport, clock: Clock) -> Decide:
    """What a report of a stream adds to the order."""

    def decide(order: Order, known_fills: frozenset[str]) -> Sequence[OrderEvent]:
        evidence, now = f"the exchange's stream said {report.state}", clock.now()
        return observe(order, report, known_fills=known_fills, at=now, source="stream", evidence=evidence).events

    return decide


def _decide_in_turn(steps: Sequence[Decide], order: Order, known_fills: frozenset[str]) -> Sequence[OrderEvent]:
    events: list[OrderEvent] = []
    for step in steps:
        decided = step(order, known_fills)
        for event in decided:
            # What the lifecycle does not allow becomes an anomaly in the journal, which changes nothing.
            with suppress(Anomaly):
                order = order.apply(event)
        known_fills |= {event.fill.exchange_fill_id for event in decided if event.fill is not None}
        events += decided
    return events
