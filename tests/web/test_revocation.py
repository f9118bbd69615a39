"""A revoked key at the real server: its open streams close, and it reads and places nothing more."""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.web.sockets.test_event_streams import HEADERS, Server, server

__all__ = ["server"]

#: Far more than the second that the docs promise: the machine may be busy, and a stream that is not closed stays for ever.
_PATIENCE = 60


def call(server: Server, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=_PATIENCE)
    connection.request(method, path, json.dumps(body), {**HEADERS, "Content-Type": "application/json", **headers})
    answer = connection.getresponse()
    try:
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def read_to_the_end(socket: ClientConnection) -> None:
    while True:
        socket.recv(timeout=_PATIENCE)


@pytest.mark.parametrize(("method", "end"), [("POST", "/disable"), ("DELETE", "")])
def test_open_streams_end_with_their_key(server: Server, method: str, end: str) -> None:
    """Server-sent events end, a WebSocket is closed with 4001, whichever way the key ends; the next call is 401."""
    asked = {"name": "bot", "environment": "paper", "role": "viewer"}
    status, key = call(server, "POST", "/api-keys", asked)
    assert status == 201
    bearer = f"Bearer {key['secret']}"
    stream = http.client.HTTPConnection("127.0.0.1", server.port, timeout=_PATIENCE)
    stream.request("GET", "/trading/events", headers={"Authorization": bearer})
    answer = stream.getresponse()
    assert (answer.status, answer.readline()) == (200, b": connected\n")
    with connect(
        f"ws://127.0.0.1:{server.port}/ws/orders", additional_headers={"Authorization": bearer}, open_timeout=_PATIENCE
    ) as socket:
        assert call(server, method, f"/api-keys/{key['id']}{end}", {} if end else None)[0] == 200
        while answer.readline():
            pass
        with pytest.raises(ConnectionClosed) as closed:
            read_to_the_end(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4001
    stream.close()
    assert call(server, "GET", "/accounts/", Authorization=bearer)[0] == 401
