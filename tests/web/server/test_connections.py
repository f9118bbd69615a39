"""How many connections there may be, and which one goes where there are too many."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from app.domain.errors import TooManyStreams
from app.web.addresses import party
from app.web.server import limits as limits_module
from app.web.server import turns as turns_module
from app.web.server.limits import Limits, backlog, room
from app.web.server.protocol import SLICE
from tests.web.server.serving import Served, connect, is_alive, read_answer, served, statuses

MOST = 6
SIGN_IN = b"GET /in HTTP/1.1\r\nHost: x\r\n\r\n"
WAIT = b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def server() -> Iterator[Served]:
    """A server of few connections."""
    with served(Limits(connections=MOST)) as running:
        yield running


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """What a test opens, to be closed."""
    with ExitStack() as stack:
        yield stack


def signed_in(server: Served, stack: ExitStack, source: str = "127.0.0.1") -> socket.socket:
    connection = stack.enter_context(connect(server.address, source))
    connection.sendall(SIGN_IN)
    assert read_answer(connection)[0] == 200
    return connection


def test_strangers_make_room_for_each_other_the_oldest_first(server: Served, opened: ExitStack) -> None:
    """Whoever comes is heard, and there are never more than may be."""
    idle = [opened.enter_context(connect(server.address)) for _ in range(3 * MOST)]
    assert is_alive(opened.enter_context(connect(server.address)))
    assert len(server.connections) == MOST
    assert [is_alive(each) for each in idle] == [False] * (2 * MOST + 1) + [True] * (MOST - 1)


def test_a_caller_who_has_signed_in_stays(server: Served, opened: ExitStack) -> None:
    """However many strangers come after."""
    known = signed_in(server, opened)
    for _ in range(3 * MOST):
        opened.enter_context(connect(server.address))
    assert is_alive(known)
    assert is_alive(signed_in(server, opened))


def test_the_party_with_most_connections_loses_one(server: Served, opened: ExitStack) -> None:
    """A flood from one address does not touch those of others."""
    other = opened.enter_context(connect(server.address, "127.0.0.2"))
    flood = [opened.enter_context(connect(server.address, "127.0.0.3")) for _ in range(3 * MOST)]
    assert is_alive(other)
    assert is_alive(opened.enter_context(connect(server.address, "127.0.0.4")))
    assert not is_alive(flood[0])


def test_a_stranger_who_is_being_answered_goes_last(server: Served, opened: ExitStack) -> None:
    """Those who only wait go before."""
    waiting = opened.enter_context(connect(server.address))
    waiting.sendall(WAIT)
    while "/wait" not in server.seen:
        assert is_alive(opened.enter_context(connect(server.address)))
    for _ in range(3 * MOST):
        opened.enter_context(connect(server.address))
    assert is_alive(opened.enter_context(connect(server.address)))
    waiting.setblocking(False)
    with pytest.raises(BlockingIOError):
        waiting.recv(1)


def test_idle_connections_of_known_callers_make_room_where_there_are_no_strangers(
    server: Served, opened: ExitStack
) -> None:
    """Their callers open them again."""
    known = [signed_in(server, opened) for _ in range(MOST)]
    assert is_alive(opened.enter_context(connect(server.address)))
    assert [is_alive(each) for each in known] == [False] + [True] * (MOST - 1)


def test_where_nobody_can_go_a_newcomer_is_told_so(server: Served, opened: ExitStack) -> None:
    """With 503, before it has sent anything."""
    for _ in range(MOST):
        known = signed_in(server, opened)
        known.sendall(WAIT)
    while server.seen.count("/wait") < MOST:
        pass
    newcomer = opened.enter_context(connect(server.address))
    answer = newcomer.recv(65536)
    assert statuses(answer) == [503]
    assert b"retry-after: 1" in answer


def test_streams_leave_room_for_others(opened: ExitStack) -> None:
    """A user may have some, and all users together leave connections to those who do not stream."""
    with served(Limits(connections=8, streams=3)) as small:
        for _ in range(8):
            signed_in(small, opened)
        first, second, third, *others = small.connections._known
        for each in (first, second, third):
            each.begin_stream()
        with pytest.raises(TooManyStreams, match="3 event streams"):
            others[0].begin_stream()
        first.end_stream()
        others[0].begin_stream()
        for number, each in enumerate(others[1:]):
            each.username = f"user{number}"
        for each in others[1:4]:
            each.begin_stream()
        with pytest.raises(TooManyStreams):
            others[4].begin_stream()


@pytest.fixture
def one_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second turn never comes."""
    monkeypatch.setattr(turns_module, "PAUSE", 3600.0)


@pytest.mark.usefixtures("one_turn")
def test_strangers_take_turns_and_known_callers_do_not_wait(opened: ExitStack) -> None:
    """Neither on the connection on which they signed in, nor on a new one with the same credentials."""
    with served() as server:
        credentials = b"Authorization: Basic eDp5\r\n\r\n"
        known = opened.enter_context(connect(server.address))
        known.sendall(SIGN_IN[:-2] + credentials)
        assert read_answer(known)[0] == 200
        strangers = [opened.enter_context(connect(server.address)) for _ in range(20)]
        for each in strangers:
            each.sendall(b"GET /stranger HTTP/1.1\r\nHost: x\r\n\r\n")
        other = opened.enter_context(connect(server.address))
        other.sendall(SIGN_IN[:-2] + credentials)
        assert read_answer(other)[0] == 200
        while len(server.connections.turns) < len(strangers):
            assert is_alive(known)
        assert "/stranger" not in server.seen
        for each in strangers:
            each.close()
        while len(server.connections.turns):
            assert is_alive(known)
        assert "/stranger" not in server.seen


@pytest.mark.usefixtures("one_turn")
def test_who_was_refused_takes_a_turn_next(opened: ExitStack) -> None:
    """Also a known caller, whose floods of nonsense would keep others waiting."""
    with served() as server:
        connection = signed_in(server, opened)
        connection.sendall(b"GET /unread HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_answer(connection)[0] == 401
        connection.sendall(b"GET /stranger HTTP/1.1\r\nHost: x\r\n\r\n")
        while not len(server.connections.turns):
            pass
        assert "/stranger" not in server.seen


@pytest.mark.usefixtures("one_turn")
def test_a_long_piece_is_parsed_in_turns(opened: ExitStack) -> None:
    """Each six bytes of it may be a chunk, and a known caller's, too."""
    with served() as server:
        connection = signed_in(server, opened)
        body = b"1\r\nx\r\n" * SLICE
        connection.sendall(b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body[:-7])
        while not len(server.connections.turns):
            pass
        assert server.seen == ["/in"]


def test_descriptors_bound_the_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal and the exchanges keep some, and the kernel hands over only as many as there are left for."""
    for descriptors in (64, 128, 256, 1024):
        monkeypatch.setattr(resource, "getrlimit", lambda _, most=descriptors: (most, most))
        monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
        monkeypatch.setattr(limits_module.os, "listdir", lambda _: ["descriptor"] * 30)
        fitting, queued = room(Limits()), backlog(Limits())
        assert fitting >= 2
        assert 30 + fitting + queued < descriptors
    assert room(Limits(connections=10)) == 10


def test_the_process_takes_the_descriptors_that_it_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """A usual soft limit is 1024, the hard one far above."""
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 524288))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: asked.append(limits))
    backlog(Limits(connections=3000))
    ((soft, hard),) = asked
    assert 3000 < soft < hard == 524288


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9%eth0", "2001:db8:1:2::"),
        ("unix:x", "unix:x"),
        ("", ""),
    ],
)
def test_a_party_is_an_address_or_a_network(host: str, expected: str) -> None:
    """Of IPv6, everybody has more addresses than there are connections."""
    assert party(host) == expected
