"""WebSockets on real sockets: what a caller can't make the server hold, and how every handshake is answered."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.web.server import turns as turns_module
from app.web.server.limits import Limits
from app.web.server.websocket import MAX_FRAGMENTS, MAX_MESSAGE
from tests.web.server.serving import Served, connect, is_alive, read_all, served, statuses

TEXT, BINARY, CONTINUED, CLOSE, PING = 0x1, 0x2, 0x0, 0x8, 0x9
FIN, PACKED = 0x80, 0x40
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
UPGRADE = b"Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"


@pytest.fixture
def server() -> Iterator[Served]:
    """A server whose sockets answer with the length of each message."""
    with served(Limits(sending=0.2)) as running:
        yield running


def frame(kind: int, payload: bytes = b"", *, flags: int = FIN) -> bytes:
    """A frame of a caller, masked with zeros."""
    size = len(payload)
    if size < 126:
        length = struct.pack("!B", 0x80 | size)
    else:
        length = struct.pack("!BH", 0x80 | 126, size) if size < 65536 else struct.pack("!BQ", 0x80 | 127, size)
    return bytes([flags | kind]) + length + bytes(4) + payload


def opened(server: Served, path: bytes = b"/ws", headers: bytes = b"", *, receives: int = 0) -> socket.socket:
    """A socket after its handshake."""
    connection = connect(server.address, receives=receives)
    connection.sendall(b"GET " + path + b" HTTP/1.1\r\n" + UPGRADE + KEY + headers + b"\r\n")
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        part = connection.recv(1)
        assert part, head
        head += part
    assert head.startswith(b"HTTP/1.1 101 ")
    return connection


def received(connection: socket.socket, size: int) -> bytes:
    """So many bytes from the server."""
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        assert part, data
        data += part
    return data


def close_code(data: bytes) -> int:
    """The code of the close frame that ``data`` ends with."""
    at = data.rindex(b"\x88")
    return int(struct.unpack("!H", data[at + 2 : at + 4])[0])


def test_messages_are_answered_one_after_another(server: Served) -> None:
    """Whole ones, in fragments, and many in one piece."""
    with opened(server) as connection:
        connection.sendall(frame(TEXT, b"abc") + frame(TEXT, b"a", flags=0) + frame(CONTINUED, b"b"))
        assert received(connection, 6) == b"\x81\x013\x81\x012"
        connection.sendall(frame(TEXT, b"x") * 3000)
        assert received(connection, 9000) == b"\x81\x011" * 3000
        connection.sendall(frame(PING, b"?"))
        assert received(connection, 3) == b"\x8a\x01?"


def _send_until_closed(connection: socket.socket, block: bytes) -> None:
    """Send without end, until the server closes the connection."""
    with contextlib.suppress(ConnectionError):
        while True:
            connection.sendall(block)


def _memory() -> int:
    """The process's own memory in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    "sent", [frame(PING, b"x" * 125), frame(TEXT, b"x" * 1000), frame(TEXT)], ids=["pings", "texts", "empty"]
)
def test_who_sends_and_never_reads_fills_nothing(server: Served, sent: bytes) -> None:
    """The server reads no more of it while it can't write, and lets go of it in the end: the caller's own writing stops."""
    before = _memory()
    with opened(server, b"/loud", receives=4096) as connection:
        _send_until_closed(connection, sent * (200_000 // len(sent)))
    server.wait_until_closed()
    assert _memory() - before < 100_000_000


@pytest.mark.parametrize("kind", [TEXT, BINARY])
@pytest.mark.parametrize("size", [MAX_MESSAGE + 1, 15_000_000])
def test_a_large_message_ends_the_socket(server: Served, kind: int, size: int) -> None:
    """By its declared length, before it has come."""
    with opened(server) as connection:
        connection.sendall(frame(kind, b"x" * size)[:1000])
        assert close_code(read_all(connection)) == 1009


def test_a_message_of_many_fragments_ends_the_socket(server: Served) -> None:
    """Empty ones cost, too."""
    with opened(server) as connection:
        connection.sendall(frame(TEXT, b"", flags=0) + frame(CONTINUED, b"", flags=0) * (MAX_FRAGMENTS + 1))
        assert close_code(read_all(connection)) == 1009
    with opened(server) as connection:
        connection.sendall(frame(TEXT, b"x" * 40_000, flags=0) + frame(CONTINUED, b"x" * 40_000, flags=0))
        assert close_code(read_all(connection)) == 1009


def test_a_compressed_bomb_does_not_go_off(server: Served) -> None:
    """The limit is on the unpacked size."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -12)
    bomb = packer.compress(bytes(50_000_000)) + packer.flush(zlib.Z_SYNC_FLUSH)
    assert len(bomb) < MAX_MESSAGE
    before = _memory()
    with opened(
        server, headers=b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=12\r\n"
    ) as connection:
        connection.sendall(frame(BINARY, bomb[:-4], flags=FIN | PACKED))
        assert close_code(read_all(connection)) == 1009
    assert _memory() - before < 20_000_000


def test_a_refused_caller_is_not_listened_to(server: Served) -> None:
    """After the close was sent only its echo counts."""
    with opened(server, b"/refused") as connection:
        assert close_code(received(connection, 4)) == 4001
        _send_until_closed(connection, frame(PING) * 1000)
    server.wait_until_closed()


@pytest.mark.parametrize(
    ("request_line", "headers", "status"),
    [
        (b"GET /ws HTTP/1.1\r\n", UPGRADE, 400),
        (b"GET /ws HTTP/1.1\r\n", UPGRADE + b"Sec-WebSocket-Key: short\r\n", 400),
        (b"GET /ws HTTP/1.1\r\n", UPGRADE.replace(b"13", b"12") + KEY, 400),
        (b"GET /ws?" + b"x" * 9000 + b" HTTP/1.1\r\n", UPGRADE + KEY, 400),
        (b"GET /ws HTTP/1.1\r\n", UPGRADE + KEY + b"X: " + b"x" * 9000 + b"\r\n", 400),
    ],
)
def test_a_handshake_that_can_not_be_taken_is_answered(
    server: Served, request_line: bytes, headers: bytes, status: int
) -> None:
    """Whatever is wrong with it, and the connection ends."""
    with connect(server.address) as connection:
        connection.sendall(request_line + headers + b"\r\n")
        assert statuses(read_all(connection)) == [status]
    server.wait_until_closed()


def test_a_handshake_behind_a_request_that_is_not_answered_is_no_handshake(server: Served) -> None:
    """Its answer would be mixed up with the other's."""
    with connect(server.address) as connection:
        connection.sendall(
            b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n" + b"GET /ws HTTP/1.1\r\n" + UPGRADE + KEY + b"\r\n"
        )
        connection.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert statuses(read_all(connection)) == [200, 200, 200]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\x81\x01a", 1002),
        (frame(PING, b"a", flags=0), 1002),
        (frame(PING, b"a" * 126), 1002),
        (frame(CLOSE, b"a"), 1002),
        (frame(TEXT, b"a", flags=FIN | PACKED), 1002),
        (frame(PING, b"a", flags=FIN | 0x20), 1002),
        (frame(0x3), 1002),
        (frame(CONTINUED, b"a"), 1002),
        (frame(TEXT, b"a", flags=0) + frame(TEXT, b"b"), 1002),
        (frame(CLOSE, b"\x03\xe7"), 1002),
        (b"\x82\xff" + b"\xff" * 8 + bytes(4), 1009),
        (frame(TEXT, b"\xff\xfe"), 1007),
        (frame(TEXT, b"\xe2\x82", flags=0) + frame(CONTINUED, b"\xff"), 1007),
    ],
)
def test_what_is_no_frame_ends_the_socket_without_a_log(
    server: Served, caplog: pytest.LogCaptureFixture, sent: bytes, code: int
) -> None:
    """With the close code for it; anybody could fill the log with such frames."""
    with opened(server) as connection:
        connection.sendall(sent)
        answer = read_all(connection)
    assert close_code(answer) == code
    server.wait_until_closed()
    assert caplog.records == []


def test_pings_are_answered_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends many, on however many sockets, has them answered a few at a time, and what is behind is not read."""
    monkeypatch.setattr(turns_module, "PAUSE", 3600.0)
    ping = frame(PING, b"x" * 120)
    with served() as server, opened(server) as first, connect(server.address) as other:
        other.sendall(b"GET /ws HTTP/1.1\r\n" + UPGRADE + KEY + b"\r\n")
        for each in (first, other):
            with contextlib.suppress(TimeoutError):
                each.settimeout(0.1)
                each.sendall(ping * 100_000)
        assert len(server.connections.turns) == 2
        assert server.seen == ["/ws"]


def test_others_are_served_beside_a_socket_that_sends_small_frames_without_end(server: Served) -> None:
    """Its frames are taken in slices."""
    with opened(server) as busy, connect(server.address) as other:
        busy.settimeout(0.01)
        for _ in range(20):
            with contextlib.suppress(TimeoutError, ConnectionError):
                busy.sendall(frame(CONTINUED, b"", flags=0x0) * 10 + frame(PING) * 20_000)
            assert is_alive(other)
