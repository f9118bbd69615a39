"""The inbox: what is put in comes out in order and in groups, whatever the two threads do meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from app.journal import inbox as module
from app.journal.inbox import Inbox


class Taker:
    """A thread that takes until the inbox is closed, and holds on after each group until it is told to go on."""

    def __init__(self, inbox: Inbox[int]) -> None:
        self.groups: list[list[int]] = []
        self.go_on = threading.Semaphore(0)
        self._inbox = inbox
        self._took = threading.Semaphore(0)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def next_group(self) -> list[int]:
        """The next group that it takes."""
        assert self._took.acquire(timeout=20)
        return self.groups[-1]

    def _run(self) -> None:
        while group := self._inbox.take():
            self.groups.append(group)
            self._took.release()
            self.go_on.acquire()


@pytest.fixture
def inbox() -> Inbox[int]:
    return Inbox(16)


@pytest.fixture
def taker(inbox: Inbox[int]) -> Iterator[Taker]:
    taker = Taker(inbox)
    yield taker
    inbox.close()
    taker.go_on.release(1000)
    taker.thread.join(20)
    assert not taker.thread.is_alive()


def test_what_is_alone_does_not_wait(inbox: Inbox[int], taker: Taker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where items come one by one, each is taken at once, however long a group might be waited for."""
    monkeypatch.setattr(module, "_GATHER", 1000.0)
    for number in range(3):
        inbox.put(number)
        assert taker.next_group() == [number]
        taker.go_on.release()


def test_who_came_together_is_waited_for(inbox: Inbox[int], taker: Taker, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a group of four the next one is complete with four, and taken without waiting any longer."""
    monkeypatch.setattr(module, "_GATHER", 1000.0)
    inbox.put(0)
    assert taker.next_group() == [0]
    for number in range(1, 5):
        inbox.put(number)
    taker.go_on.release()
    assert taker.next_group() == [1, 2, 3, 4]
    taker.go_on.release()
    for number in range(5, 9):
        inbox.put(number)
        time.sleep(0.005)
    assert taker.next_group() == [5, 6, 7, 8]


def test_a_crowd_that_has_gone_is_soon_forgotten(inbox: Inbox[int], taker: Taker) -> None:
    """A few groups after a large one nobody is waited for any more."""
    for number in range(12):
        inbox.put(number)
    alone = len(taker.next_group())
    taken = alone
    while taken < 12:
        taker.go_on.release()
        taken += len(taker.next_group())
    for number in range(12, 28):
        taker.go_on.release()
        inbox.put(number)
        assert taker.next_group() == [number]
    assert inbox._usual == 1


def test_a_group_has_a_largest_size(inbox: Inbox[int]) -> None:
    """More than the most stays for the next group."""
    for number in range(40):
        inbox.put(number)
    inbox.close()
    assert [len(inbox.take()) for _ in range(4)] == [16, 16, 8, 0]


def test_closing_wakes_and_loses_nothing(inbox: Inbox[int], taker: Taker) -> None:
    """A taker that waits for ever is woken; what was put in before still comes out."""
    time.sleep(0.01)
    inbox.close()
    taker.thread.join(20)
    assert taker.groups == []
    late: Inbox[int] = Inbox(16)
    late.put(1)
    late.close()
    assert late.take() == [1]
    assert late.take() == []
    assert len(late) == 0


def test_two_threads_lose_nothing_and_keep_the_order() -> None:
    """A hundred thousand items from a thread that now hurries and now dawdles all come out, in their order."""
    inbox: Inbox[int] = Inbox(64)
    taken: list[int] = []

    def take() -> None:
        while group := inbox.take():
            taken.extend(group)

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    for number in range(100_000):
        inbox.put(number)
        if number % 997 == 0:
            time.sleep(0.0005)
    inbox.close()
    thread.join(60)
    assert taken == list(range(100_000))
