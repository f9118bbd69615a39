"""Real servers, in each of the ways in which one is started."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.chaos.processes import Process, environment, free_port, wait_until_ready
from tests.web.server.serving import connect, read_answer, statuses

#: Looked for in everything that a server writes.
CANARY = "canary-7f3a-password"
TOKEN = base64.b64encode(f"admin:{CANARY}".encode()).decode()
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
HEALTH = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
GUNICORN = ("-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app")

WAYS = {
    "serve": ("-m", "app", "serve"),
    "gunicorn": GUNICORN,
    "gunicorn with its own file": ("-m", "gunicorn", "wsgi:app"),
    "gunicorn with every log": (*GUNICORN, "--log-level", "debug", "--access-logfile", "-", "--error-logfile", "-"),
    "uvicorn": ("-m", "uvicorn", "wsgi:app", "--host", "127.0.0.1"),
}


@contextmanager
def server(directory: Path, arguments: Sequence[str], **settings: str) -> Iterator[tuple[Process, int]]:
    """A server on a port of its own, and what it has written so far."""
    port = free_port()
    env = environment(directory / "data", port, ORDERGATE_PASSWORD=CANARY, **settings)
    if "uvicorn" in arguments:
        arguments = [*arguments, "--port", str(port)]
    process = Process(arguments, env, directory / "server.log")
    process.start()
    try:
        wait_until_ready(port, process)
        yield process, port
    finally:
        process.terminate()


def handshake(port: int, path: str, headers: str = "") -> int:
    """The status of a WebSocket's handshake."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{UPGRADE}{headers}\r\n".encode())
        return int(connection.recv(4096).split(b" ")[1])


@pytest.mark.parametrize("way", WAYS)
def test_no_way_of_starting_writes_credentials(tmp_path: Path, way: str) -> None:
    """Existing clients send them in a socket's address, which servers log; a proxy may make a plain request of it."""
    queries = (
        f"token={TOKEN}",
        f"tok%65n={TOKEN}",
        f"username=admin&password={CANARY}",
        f"since=0&username=admin&p%61ssword={CANARY}",
        f"token={TOKEN[:-4]}AAAA",
        f"username={CANARY}&password=wrong",
    )
    with server(tmp_path, WAYS[way]) as (process, port):
        for query in queries:
            for path in ("/ws/orders", "/ws/market-data"):
                assert handshake(port, f"{path}?{query}") == 101
            assert handshake(port, f"/ws/none?{query}") == 403
            for path in ("/ws/orders", "/health/live", "/none"):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                connection.request("GET", f"{path}?{query}", headers={"Authorization": f"Basic {TOKEN}"})
                assert connection.getresponse().status in (200, 404, 426)
                connection.close()
        assert handshake(port, "/ws/orders", f"Authorization: Basic {TOKEN}\r\n") == 101
        if way != "uvicorn":  # a server that is not ours leaves such a handshake without an answer
            assert handshake(port, f"/ws/orders?token={TOKEN}", "X: " + "y" * 9000 + "\r\n") == 400
        process.terminate()
        written = process.output()
    for secret in (CANARY, quote(CANARY), TOKEN, TOKEN[:-4]):
        assert secret not in written


@pytest.mark.parametrize("way", ["serve", "gunicorn"])
def test_a_server_of_few_descriptors_is_not_deafened(tmp_path: Path, way: str) -> None:
    """Idle connections, half a head and half a body from strangers: traders and health are answered as before."""
    order = json.dumps(
        {
            "account_name": "master_account",
            "connector_name": "paper",
            "trading_pair": "BTC-USDT",
            "trade_type": "BUY",
            "amount": 1,
            "order_type": "LIMIT",
            "price": 100,
        }
    )
    head = f"POST /trading/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {TOKEN}\r\nContent-Type: application/json\r\n"
    placing = f"{head}Content-Length: {len(order)}\r\n\r\n{order}".encode()
    limiting = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (96, 96)); os.execv(sys.argv[1], sys.argv[1:])"
    limited = ("-c", limiting, sys.executable, *WAYS[way])
    with server(tmp_path, limited) as (_, port), ExitStack() as stack:
        trader = stack.enter_context(connect(("127.0.0.1", port)))
        for begun in (
            b"",
            b"\r\n",
            b"GET / HT",
            b"POST /trading/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
        ):
            trader.sendall(placing)
            assert read_answer(trader)[0] == 201
            for number in range(100):
                stranger = stack.enter_context(connect(("127.0.0.1", port)))
                stranger.sendall(begun)
                if number % 4 == 3:
                    # More than wait to be accepted at once would be dropped by the kernel, and tried again after a second.
                    trader.sendall(HEALTH)
                    assert read_answer(trader)[0] == 200
            with connect(("127.0.0.1", port)) as newcomer:
                newcomer.sendall(placing)
                assert read_answer(newcomer)[0] == 201
            with connect(("127.0.0.1", port)) as probe:
                probe.sendall(b"GET /health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                assert statuses(probe.recv(4096)) == [200]
