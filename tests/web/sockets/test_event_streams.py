"""The events over server-sent events and over a WebSocket, from the real server, across its restarts."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.chaos.processes import PASSWORD, Process, environment, free_port, wait_until_ready

CREDENTIALS = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
HEADERS = {"Authorization": f"Basic {CREDENTIALS}"}
ORDER = {
    "account_name": "master_account", "connector_name": "paper", "trading_pair": "BTC-USDT", "trade_type": "BUY",
    "amount": "0.01", "order_type": "LIMIT", "price": "100000",
}  # fmt: skip


class Server:
    """The real server, which a test may restart."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.process = Process(
            ["-m", "app", "serve"], environment(directory / "data", self.port), directory / "server.log"
        )

    def start(self) -> None:
        self.process.start()
        wait_until_ready(self.port, self.process)

    def place(self, **terms: Any) -> dict[str, Any]:
        """Place an order and return the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        body = json.dumps({**ORDER, **terms})
        connection.request("POST", "/trading/orders", body, {**HEADERS, "Content-Type": "application/json"})
        answer = connection.getresponse()
        placed: dict[str, Any] = json.loads(answer.read())
        connection.close()
        assert answer.status == 201, placed
        return placed

    def events(self, count: int, query: str = "", **headers: str) -> list[dict[str, Any]]:
        """The first ``count`` messages of the stream that are about orders."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", f"/trading/events{query}", headers={**HEADERS, **headers})
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.getheader("content-type") == "text/event-stream"
        taken: list[dict[str, Any]] = []
        last_id = ""
        while len(taken) < count:
            line = answer.readline().decode().rstrip("\n")
            if line.startswith("id: "):
                last_id = line[4:]
            elif line.startswith("data: "):
                message = json.loads(line[6:])
                assert str(message["seq"]) == last_id
                if message["type"] != "balance":
                    taken.append(message)
        connection.close()
        return taken

    def socket(self, query: str) -> ClientConnection:
        return connect(f"ws://127.0.0.1:{self.port}/ws/orders{query}", open_timeout=60)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the module."""
    server = Server(tmp_path_factory.mktemp("streams"))
    server.start()
    yield server
    server.process.kill()


def test_a_stream_tells_an_order_s_life(server: Server) -> None:
    """Intended, accepted, filled: with the order's state after each, and the fill with its fee."""
    placed = server.place()
    events = [event for event in server.events(3, "?since=0") if event["order_id"] == placed["order_id"]]
    assert [(event["type"], event["kind"], event["state"]) for event in events] == [
        ("order", "intended", "pending"),
        ("order", "accepted", "open"),
        ("fill", "filled", "filled"),
    ]
    assert events[-1]["fill"]["amount"] == "0.01"
    assert events[-1]["status"] == "FILLED"


def test_a_stream_continues_where_the_caller_was_across_a_restart(server: Server) -> None:
    """By ``Last-Event-ID``: nothing missed, nothing twice, though the server was killed in between."""
    server.place()
    before = server.events(3, "?since=0")
    server.process.kill()
    server.start()
    server.place()
    everything = server.events(len(before) + 3, "?since=0")
    after = server.events(len(everything) - len(before), **{"Last-Event-ID": str(before[-1]["seq"])})
    assert [event["seq"] for event in [*before, *after]] == [event["seq"] for event in everything]


def test_a_socket_shows_the_same_messages(server: Server) -> None:
    """The token of existing clients opens it; the first message says that it is open."""
    placed = server.place(order_type="LIMIT", price="1500")
    with server.socket(f"?since=0&trading_pairs=BTC-USDT&token={CREDENTIALS}") as socket:
        assert json.loads(socket.recv(10)) == {"type": "connected"}
        seen = []
        while not seen or seen[-1].get("order_id") != placed["order_id"]:
            seen.append(json.loads(socket.recv(10)))
        shown = [message for message in seen if message["type"] != "balance"]
        assert shown == server.events(len(shown), "?since=0")
        socket.send('{"action":"ping"}')
        message = json.loads(socket.recv(10))
        while message["type"] in ("order", "fill", "balance"):
            message = json.loads(socket.recv(10))
        assert message == {"type": "pong"}


def test_a_socket_refuses_a_stranger_and_a_bad_position(server: Server) -> None:
    """Close code 4001 for wrong credentials, with a message that says so; a bad ``since`` is named."""
    with server.socket("?token=wrong") as socket:
        assert json.loads(socket.recv(10)) == {"type": "error", "message": "Authentication failed"}
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4001
    with server.socket(f"?since=soon&token={CREDENTIALS}") as socket:
        assert "since must be a whole number" in json.loads(socket.recv(10))["message"]
    with server.socket(f"?since={'9' * 5000}&token={CREDENTIALS}") as socket:
        assert "since must be a whole number" in json.loads(socket.recv(10))["message"]


def test_a_position_that_the_journal_has_not_reached_is_refused(server: Server) -> None:
    """A stream from there would be silent, whatever happens: the answer says where the journal ends and what to do."""
    with server.socket(f"?since=99999999999&token={CREDENTIALS}") as socket:
        message = json.loads(socket.recv(10))
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
    assert message["type"] == "error"
    said = [message["message"]]
    for query, headers in (("?since=99999999999", {}), ("", {"Last-Event-ID": "99999999999"})):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        connection.request("GET", f"/trading/events{query}", headers={**HEADERS, **headers})
        answer = connection.getresponse()
        document = json.loads(answer.read())
        connection.close()
        assert (answer.status, document["code"]) == (400, "invalid_argument")
        said.append(document["detail"])
    assert [each.partition(" ")[0] for each in said] == ["since", "since", "Last-Event-ID"]
    for each in said:
        head = int(each.rpartition(" ")[2])
        assert f"the last event of this journal has the number {head}" in each
        assert "POST /trading/orders/search" in each
    # Where the answer says that the journal ends a stream begins, and the next event comes.
    with server.socket(f"?since={head}&token={CREDENTIALS}") as socket:
        assert json.loads(socket.recv(10)) == {"type": "connected"}
        placed = server.place()
        assert json.loads(socket.recv(10))["order_id"] == placed["order_id"]


def test_a_filter_that_nearly_is_one_is_refused(server: Server) -> None:
    """It would have shown everything; any other name is said to mean nothing."""
    with server.socket(f"?account_name=nobody&token={CREDENTIALS}") as socket:
        assert "Did you mean 'account_names'?" in json.loads(socket.recv(10))["message"]
    with server.socket(f"?account_names=master&token={CREDENTIALS}") as socket:
        assert "Did you mean master_account?" in json.loads(socket.recv(10))["message"]
    with server.socket(f"?since=0&account_names=deleted&token={CREDENTIALS}") as socket:
        assert json.loads(socket.recv(10)) == {"type": "connected"}
    with server.socket(f"?note=1&token={CREDENTIALS}") as socket:
        assert json.loads(socket.recv(10)) == {"type": "connected", "ignored": ["note"]}


def test_a_socket_survives_what_is_no_question(server: Server) -> None:
    """Bytes that are no text, and text that is no action, are told so; the socket goes on."""
    with server.socket(f"?token={CREDENTIALS}") as socket:
        assert json.loads(socket.recv(10)) == {"type": "connected"}
        for nonsense in (b"\x00\xff", "[" * 10_000, '"\\ud800"', "{}"):
            socket.send(nonsense)
            assert "Unknown action" in json.loads(socket.recv(10))["message"]
        socket.send('{"action": "ping"}')
        assert json.loads(socket.recv(10)) == {"type": "pong"}


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("", {"Authorization": ""}, 401),
        ("?since=-1", {}, 422),
        ("?since=x", {}, 422),
        ("", {"Last-Event-ID": "x"}, 422),
        ("", {"Last-Event-ID": "9" * 5000}, 422),
    ],
)
def test_a_stream_is_behind_the_contract(server: Server, query: str, headers: dict[str, str], status: int) -> None:
    """Credentials and parameters are checked before the stream begins."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", f"/trading/events{query}", headers={**HEADERS, **headers})
    assert connection.getresponse().status == status
    connection.close()


def test_a_server_that_stops_does_not_wait_for_its_streams(server: Server) -> None:
    """SIGTERM ends open streams and sockets at once."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", "/trading/events", headers=HEADERS)
    answer = connection.getresponse()
    assert answer.readline() == b": connected\n"
    with server.socket(f"?token={CREDENTIALS}") as socket:
        assert json.loads(socket.recv(10)) == {"type": "connected"}
        assert server.process.terminate(15) in (0, -15)
    assert b"".join(iter(answer.readline, b"")) == b"\n"
    connection.close()
