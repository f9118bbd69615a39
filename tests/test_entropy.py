"""Random bits for names: fresh ones each time, of the asked size, and in a child process others than in its parent."""

from __future__ import annotations

import os
from itertools import pairwise

from app.entropy import Entropy


def test_no_name_comes_twice() -> None:
    """More names than a page holds are all different."""
    entropy = Entropy()
    names = [entropy.token(8) for _ in range(2000)]
    assert len(set(names)) == 2000
    assert {len(name) for name in names} == {16}


def test_bits_fill_the_asked_width_and_no_more() -> None:
    """Every bit up to the asked count comes up, and none above it."""
    entropy = Entropy()
    for count in (1, 7, 8, 9, 80):
        seen = [entropy.bits(count) for _ in range(400)]
        assert max(seen).bit_length() <= count
        ones = 0
        for each in seen:
            ones |= each
        assert ones == (1 << count) - 1


def test_a_page_is_handed_out_once() -> None:
    """Bytes follow one another without overlap, and what is left of a page that is too short is not used."""
    entropy = Entropy()
    taken = [entropy.bytes(1500) for _ in range(5)]
    assert all(one != other for one, other in pairwise(taken))
    assert [len(each) for each in taken] == [1500] * 5


def test_a_child_process_has_its_own() -> None:
    """After a fork the child does not hand out the rest of its parent's page."""
    entropy = Entropy()
    entropy.token(8)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, entropy.bytes(16))
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reader, 16)
    os.close(reader)
    os.close(writer)
    assert theirs != entropy.bytes(16)
