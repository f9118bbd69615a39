"""Taking the port that a server listens on, and saying in a sentence why it can't be had and what to do."""

from __future__ import annotations

import errno
import socket


class CanNotListen(Exception):
    """The address and port can't be had; the text says why, and which setting to change."""


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the address; port 0 takes a free one. Raises ``CanNotListen``."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        # A server that has just stopped leaves connections behind, which must not keep the next one from its port.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise CanNotListen(_reason(error, host, port)) from error
    bound.set_inheritable(True)
    return bound


def _reason(error: OSError, host: str, port: int) -> str:
    # getaddrinfo has numbers of its own, which mean other things as errno.
    match None if isinstance(error, socket.gaierror) else error.errno:
        case errno.EADDRINUSE:
            return (
                f"Port {port} on {host} is in use by another program, perhaps by another Ordergate."
                f" Stop that one, or choose another port with PORT, such as: PORT={_other(port)} make run"
            )
        case errno.EACCES:
            return (
                f"The system does not give port {port} to this user. Choose one above 1023 with PORT, such as PORT=8000"
            )
        case errno.EADDRNOTAVAIL:
            return (
                f"{host} is not an address of this machine. Choose one with HOST: 127.0.0.1, or 0.0.0.0 for all of them"
            )
        case None:
            return f"The name '{host}' has no address. Choose one with HOST: 127.0.0.1, or 0.0.0.0 for all of them"
    return f"It is not possible to listen on {host}, port {port}: {error.strerror}. Choose others with HOST and PORT"


def _other(port: int) -> int:
    return port + 1 if port < 65535 else port - 1
