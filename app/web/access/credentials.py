"""Reading what a caller states of itself: names, passwords and keys, from the value of an ``Authorization`` header.

Nothing here decides whether they are right. It must not log or quote credentials.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

from app.domain.api_key import PREFIX, key_id_in

#: Bytes of base64 that any sane name and password fit into.
_LONGEST = 2048

#: How a caller states who it is.
HOW = (
    "Send the header 'Authorization: Basic ' with the base64 form of user:password, as curl -u user:password does,"
    " or 'Authorization: Bearer ' with an API key"
)

#: What to look at where a name and a password open nothing; the same whatever the name, so that it tells nothing about it.
CHECK = (
    "Check the user and the password; `ordergate user password` on the server sets another one. An API key is sent as"
    " 'Authorization: Bearer ', or as the password with the key's id, not its name, as the user"
)

#: The scheme under which the token of a console's session goes to the authenticator.
SESSION = b"Session "


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A user name and a password as a caller gave them."""

    username: str
    password: str = field(repr=False)


def parse_basic(authorization: bytes) -> Credentials | None:
    """The credentials in the value of an ``Authorization`` header; None if it is not well-formed Basic."""
    scheme, _, encoded = authorization.partition(b" ")
    if scheme.lower() != b"basic" or len(encoded) > _LONGEST:
        return None
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        return None
    username, colon, password = _text(decoded).partition(":")
    # No database can hold a name with a NUL, so there is nobody to look for.
    if not colon or "\x00" in username:
        return None
    return Credentials(username=username, password=password)


def key_in(authorization: bytes) -> str | None:
    """The secret of an API key in the value of an ``Authorization`` header; None if there is none in it.

    Who sends it by ``Basic`` names the key by its id, so that programs which know user names and passwords only can use one.
    """
    scheme, _, given = authorization.partition(b" ")
    if scheme.lower() == b"bearer":
        return _text(given.strip()[:_LONGEST])
    if len(authorization) > _LONGEST:
        return None
    credentials = parse_basic(authorization)
    if credentials is None or not credentials.password.startswith(PREFIX):
        return None
    return credentials.password if key_id_in(credentials.password) == credentials.username else None


def basic_authorization(username: str, password: str) -> bytes:
    """The value of an ``Authorization`` header as nearly every client writes it."""
    return b"Basic " + base64.b64encode(f"{username}:{password}".encode())


def unreadable(authorization: bytes) -> str:
    """What is wrong with a value that holds no Basic credentials. Nothing of it is quoted."""
    scheme = authorization.partition(b" ")[0].lower()
    if scheme != b"basic":
        known = scheme.decode() if scheme in (b"digest", b"negotiate", b"token", b"apikey") else "another"
        return f"The scheme is {known}, which is not taken here. {HOW}"
    return f"What follows Basic is not the base64 form of user:password. {HOW}"


def _text(data: bytes) -> str:
    """UTF-8 as RFC 7617 wants it, else Latin-1 as older clients send it."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
