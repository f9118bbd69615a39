"""Why a server can't listen is told in a sentence that names the setting to change."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from app.web.listening import CanNotListen, bind


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_free_port_is_taken(host: str) -> None:
    """Callers can connect to it once it listens."""
    with closing(bind(host, 0)) as bound:
        bound.listen()
        socket.create_connection((host, bound.getsockname()[1])).close()


@pytest.mark.parametrize(
    ("host", "told"), [("127.0.0.1", "Port {} on 127.0.0.1 is in use"), ("::1", "Port {} on ::1 is in use")]
)
def test_a_port_in_use_is_named(host: str, told: str) -> None:
    """With another one to choose."""
    with closing(bind(host, 0)) as bound:
        bound.listen()
        port = bound.getsockname()[1]
        with pytest.raises(CanNotListen) as refused:
            bind(host, port)
    assert told.format(port) in str(refused.value)
    assert "PORT=" in str(refused.value)


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("192.0.2.1", "192.0.2.1 is not an address of this machine. Choose one with HOST"),
        ("no-such-host.invalid", "The name 'no-such-host.invalid' has no address. Choose one with HOST"),
    ],
)
def test_an_address_that_is_none_of_ours_is_named(host: str, told: str) -> None:
    """192.0.2.0/24 is for documentation (RFC 5737), and no name ends in .invalid (RFC 6761)."""
    with pytest.raises(CanNotListen, match=told.replace(".", r"\.")):
        bind(host, 0)
