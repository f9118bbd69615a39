"""The bounds on what anybody may send, on real sockets: nobody may make the server hold much, or wait for long."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from app.web.server import connections as connections_module
from app.web.server.limits import MAX_HEAD, MAX_HEADERS, Limits
from app.web.server.protocol import MAX_PIPELINED
from tests.web.server.serving import Served, connect, is_alive, read_all, read_answer, served, statuses

HEAD = b"POST /x HTTP/1.1\r\nHost: x\r\n"
GET = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"
SOON = Limits(receiving=0.1, sending=0.1)


@pytest.fixture(params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest) -> Iterator[Served]:
    """A server on either loop."""
    with served(loop=request.param) as running:
        yield running


@pytest.fixture
def hasty() -> Iterator[Served]:
    """A server that waits for nobody."""
    with served(SOON, keep_alive=0.1) as running:
        yield running


def talk(server: Served, *parts: bytes) -> bytes:
    """What the server says to ``parts`` until it closes the connection."""
    with connect(server.address) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except ConnectionError:
            pass  # closed while we were still sending, which is what a request without an end is for
        return read_all(connection)


# -- heads -------------------------------------------------------------------------------------------------------------


def test_a_usual_request_and_one_after_it_pass(server: Served) -> None:
    """The limit is on the head alone: a body of any size and the next head start from nothing, also where one read has both."""
    body = b"x" * (2 * MAX_HEAD)
    one = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    two = HEAD + b"Content-Length: 0\r\nX: " + b"y" * (MAX_HEAD // 2) + b"\r\n\r\n"
    with connect(server.address) as connection:
        connection.sendall(one + two)
        assert read_answer(connection) == (200, f"2 {len(body)}".encode())
        assert read_answer(connection) == (200, b"3 0")


@pytest.mark.parametrize("start", [HEAD + b"X-A: ", b"GET /", HEAD], ids=["value", "url", "many"])
def test_a_head_without_an_end_is_refused(server: Served, start: bytes) -> None:
    """One endless header, an endless address or endless headers end the connection with 431."""
    part = b"a: b\r\n" * 1000 if start == HEAD else b"a" * 6000
    answer = talk(server, start, *[part] * (MAX_HEAD // 6000 + 1))
    assert answer.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"X: " + b"y" * MAX_HEAD + b"\r\n\r\n",
        b"GET /" + b"y" * MAX_HEAD + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        HEAD + b"a: b\r\n" * MAX_HEADERS + b"\r\n",
    ],
    ids=["value", "url", "many"],
)
def test_a_large_head_that_comes_at_once_is_refused_too(server: Served, head: bytes) -> None:
    """The limit does not depend on how the bytes arrive."""
    answer = talk(server, head)
    assert statuses(answer) == [431]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "head_too_large"
    assert server.seen == []


def test_trailers_are_not_kept(server: Served) -> None:
    """What a caller sends after a chunked body changes nothing."""
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Late: 1\r\n\r\n"
    with connect(server.address) as connection:
        connection.sendall(chunked)
        assert read_answer(connection) == (200, b"2 3")
        assert is_alive(connection)


# -- what two readers could understand differently ----------------------------------------------------------------------

INNER = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (HEAD + b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
        (b"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
        (HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
        (HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"Content-Length: 0\r\nContent-Length: 40\r\n\r\n", 400),
        (HEAD + b"Content-Length: 0, 0\r\n\r\n", 400),
        (HEAD + b"Content-Length: +0\r\n\r\n", 400),
        (HEAD + b"Content-Length : 0\r\n\r\n", 400),
        (HEAD + b"Content-Length: 0x0\r\n\r\n", 400),
        (HEAD + b"X: a\r\n b\r\n\r\n", 400),
        (HEAD + b"X: a\0b\r\n\r\n", 400),
        (HEAD + b"X: a\rb\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: x\n\n", 400),
        (b"GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (HEAD + b"Host: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x, y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a@x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", 400),
        (HEAD + b"Content-Length: -1\r\n\r\n", 400),
        (HEAD + b"Content-Length: 18446744073709551616\r\n\r\n", 400),
        (HEAD + b"Content-Length: 1_0\r\n\r\n", 400),
        (HEAD + b"Content-Length: 0\r\n 5\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"X: a\nContent-Length: 5\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\na\r\n0\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;a\nx\r\n0\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: a\r\n b\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 50\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\na\r\n0\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"GET / HTTP/3.7\r\nHost: x\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 505),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
    ],
)
def test_a_request_that_a_proxy_may_read_otherwise_is_refused(server: Served, head: bytes, status: int) -> None:
    """It is answered, the connection ends, and what it carries behind it is never taken for a request."""
    answer = talk(server, head + INNER)
    assert statuses(answer) == [status]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == status
    assert "/smuggled" not in server.seen


def test_nothing_is_taken_after_a_request_that_ends_the_connection(server: Served) -> None:
    """The caller itself has said that there is no other."""
    answer = talk(server, b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + INNER)
    assert statuses(answer) == [200]
    assert server.seen == ["/x"]


def test_a_bad_request_behind_a_good_one_takes_no_answer_of_its(server: Served) -> None:
    """The good one is answered first and alone; an answer to the other before it would be taken for its own."""
    answer = talk(server, GET + HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n")
    assert statuses(answer) == [200]


def test_a_bad_body_behind_a_good_request_takes_no_answer_of_its(server: Served) -> None:
    """The same where the parser fails later."""
    answer = talk(server, GET + HEAD + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n")
    assert statuses(answer) == [200]


def test_many_requests_at_once_are_answered_up_to_a_number(server: Served) -> None:
    """Then the connection ends: the server does not hold thousands that wait for each other."""
    answer = talk(server, GET * 2000)
    assert 2 <= len(statuses(answer)) <= MAX_PIPELINED + 2
    assert set(statuses(answer)) == {200}
    assert len(server.seen) == len(statuses(answer))


# -- other protocols that are offered ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "offer",
    [
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
        b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
        b"Connection: upgrade\r\nUpgrade: TLS/1.0\r\n",
    ],
)
def test_a_post_with_an_offer_of_another_protocol_is_answered(server: Served, offer: bytes) -> None:
    """In HTTP/1.1, and the connection goes on, as Java's own client expects."""
    with connect(server.address) as connection:
        for _ in range(2):
            connection.sendall(HEAD + offer + b"Content-Length: 3\r\n\r\nabc" + GET)
            assert read_answer(connection)[1].endswith(b" 3")
            assert read_answer(connection) == (200, b"1 0")


def test_a_get_that_offers_what_we_do_not_speak_is_answered(server: Served) -> None:
    """Also without a body, and with the next request in the same piece."""
    with connect(server.address) as connection:
        connection.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + GET)
        assert read_answer(connection) == (200, b"2 0")
        assert read_answer(connection) == (200, b"1 0")


# -- bodies ------------------------------------------------------------------------------------------------------------


def test_a_refusal_before_the_body_reaches_a_caller_that_sends_it_all(server: Served) -> None:
    """The answer is not torn down by a reset, because the server swallows the rest for a while."""
    with connect(server.address) as connection:
        connection.sendall(b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n")
        for _ in range(80):
            connection.sendall(b"x" * 100_000)
        assert read_answer(connection) == (413, b"too large")
        assert connection.recv(1) == b""


def test_a_connection_outlives_a_refusal_whose_short_body_comes_late(server: Served) -> None:
    """Many clients send the body in a piece of its own."""
    with connect(server.address) as connection:
        connection.sendall(b"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n")
        assert read_answer(connection)[0] == 401
        connection.sendall(b"abc")
        assert is_alive(connection)


def test_the_bodies_of_refused_requests_are_not_read_for_ever(server: Served) -> None:
    """A long or chunked one ends the connection, which the answer says."""
    for head in (b"Content-Length: 9000000", b"Transfer-Encoding: chunked"):
        with connect(server.address) as connection:
            connection.sendall(b"POST /unread HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n")
            answer = read_all(connection)
        assert statuses(answer) == [401]
        assert b"connection: close" in answer


# -- time --------------------------------------------------------------------------------------------------------------


def test_a_caller_that_sends_nothing_is_let_go_of(hasty: Served) -> None:
    """Without a word, because there is no request."""
    assert talk(hasty) == b""
    hasty.wait_until_closed()


@pytest.mark.parametrize("begun", [b"G", b"GET / HT", HEAD, HEAD + b"X-A"])
def test_a_head_that_does_not_come_is_answered_with_a_time_out(hasty: Served, begun: bytes) -> None:
    """Nothing was done, so the caller may try again."""
    assert statuses(talk(hasty, begun)) == [408]
    hasty.wait_until_closed()


@pytest.mark.parametrize("kind", [b"Content-Length: 100", b"Transfer-Encoding: chunked"])
def test_a_body_that_does_not_come_is_answered_with_a_time_out(hasty: Served, kind: bytes) -> None:
    """However far it has come."""
    assert statuses(talk(hasty, HEAD + kind + b"\r\n\r\n")) == [408]
    assert statuses(talk(hasty, HEAD + kind + b"\r\n\r\n", b"2")) == [408]
    hasty.wait_until_closed()


def _drip(connection: socket.socket, drop: bytes) -> bytes:
    """Send ``drop`` again and again, until the server has had enough."""
    connection.settimeout(0.02)
    received = b""
    while True:
        try:
            connection.sendall(drop)
            part = connection.recv(65536)
        except TimeoutError:
            continue
        except ConnectionError:
            return received
        if not part:
            return received
        received += part


@pytest.mark.parametrize(
    "begun", [b"POST /", HEAD + b"X: ", HEAD + b"Content-Length: 1000000\r\n\r\n"], ids=["line", "head", "body"]
)
def test_a_caller_that_drips_is_let_go_of(hasty: Served, begun: bytes) -> None:
    """The time is for the whole, not for the next byte."""
    with connect(hasty.address) as connection:
        connection.sendall(begun)
        assert statuses(_drip(connection, b"a")) == [408]
    hasty.wait_until_closed()


@pytest.mark.parametrize("answers", [0, 1, 2])
def test_line_breaks_keep_no_connection(hasty: Served, answers: int) -> None:
    """Neither before the first request nor after any answer."""
    with connect(hasty.address) as connection:
        for _ in range(answers):
            assert is_alive(connection)
        assert _drip(connection, b"\r\n") == b""
    hasty.wait_until_closed()


def test_the_rest_of_a_refused_body_is_not_waited_for(hasty: Served) -> None:
    """The answer was sent; the connection ends all the same."""
    with connect(hasty.address) as connection:
        connection.sendall(b"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
        assert read_answer(connection)[0] == 401
        assert statuses(_drip(connection, b"a")) == []
    hasty.wait_until_closed()


def test_who_does_not_read_is_let_go_of() -> None:
    """Whether the answer is still being sent, or has been handed to the transport and the connection should end."""
    with served(SOON) as server:
        for head in (b"GET /large HTTP/1.1\r\nHost: x\r\n", b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"):
            with connect(server.address) as connection:
                connection.sendall(head + b"\r\n")
                server.wait_until_closed()


def test_a_connection_that_is_closed_ends_though_little_is_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less than what makes the transport wait for its caller."""
    monkeypatch.setattr(connections_module, "LINGER_SECONDS", 0.1)
    with served(Limits(sending=1000.0)) as server, connect(server.address) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        server.wait_until_closed()


def test_who_reads_slowly_but_reads_is_served() -> None:
    """The time is for some bytes, not for all of them."""
    with served(Limits(sending=0.5)) as server, connect(server.address) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        assert len(read_answer(connection)[1]) == 16_000_000
        assert is_alive(connection)


def test_a_waiting_caller_is_not_hurried(hasty: Served) -> None:
    """An answer may take its time: only what the caller must do is bounded."""
    with connect(hasty.address) as waiting:
        waiting.sendall(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        with connect(hasty.address) as other:
            assert _drip(other, b"\r\n") == b""  # longer than every limit
        assert len(hasty.connections) == 1
