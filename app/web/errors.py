"""What can go wrong before a handler is reached, as part of the domain's error tree.

    RequestError
    ├── UnknownPath             404
    ├── MethodNotAllowed        405  says which methods the path has
    ├── BodyTooLarge            413
    └── UnsupportedMediaType    415

Beside the tree stand ``ClientGone``, after which nobody waits for an answer, and ``StartupRefused``, which stops the server from
starting with a contract that it can't keep. Nothing that a handler or service raises belongs here.
"""

from __future__ import annotations

from collections.abc import Iterable

from app.domain.errors import RequestError


class UnknownPath(RequestError):
    """The contract has no such path."""

    status = 404
    code = "not_found"
    title = "Not found"

    def __init__(self) -> None:
        super().__init__("Not Found")


class MethodNotAllowed(RequestError):
    """The path exists, but not with this method. ``allowed`` are those it has."""

    status = 405
    code = "method_not_allowed"
    title = "Method not allowed"

    def __init__(self, allowed: Iterable[str]) -> None:
        super().__init__("Method Not Allowed")
        self.allowed = tuple(sorted(allowed))


class BodyTooLarge(RequestError):
    """The body has more bytes than the settings allow."""

    status = 413
    code = "body_too_large"
    title = "Body too large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body is larger than {limit} bytes")


class UnsupportedMediaType(RequestError):
    """The body is declared as something other than JSON in UTF-8."""

    status = 415
    code = "unsupported_media_type"
    title = "Unsupported media type"

    def __init__(self) -> None:
        super().__init__("The body must be application/json")


class ClientGone(Exception):
    """The caller hung up while the request was being read: nothing was done, and there is nobody to answer."""


class StartupRefused(Exception):
    """The contract and the code do not fit together; the server must not start. The text names the operation."""
