"""Which web pages may change something or open a stream. Which may read answers is said by ``app.web.edge.Cors``.

A browser adds the credentials that it remembers to what any page sends to us, and hides no more than the answer. So a form on any
page that a signed-in trader looks at could cancel an order. A page is told by the headers ``Origin`` and ``Sec-Fetch-Site``, which
browsers set and pages can't. Programs other than browsers send neither and are not affected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum

from starlette.types import Scope

from app.domain.errors import ForeignOrigin
from app.web.messages import headers_of

#: Pages served from the host itself, any port, so that developing a page needs no setting.
LOCALHOST = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?"

#: Headers that a browser lets a page send only after a preflight, in whose answer we allow no credentials that the browser adds.
_ASKED_BEFORE = (b"idempotency-key", b"x-request-id")
_READING = ("GET", "HEAD")


class Trust(Enum):
    """What a page may do with a trader's browser."""

    #: Everything: it is one of ours, one that the operator named, or no page at all.
    FULL = "full"
    #: Call with credentials that it states itself, not with those that the browser adds.
    STATED = "stated"
    #: Nothing but read what it is shown.
    NONE = "none"


class Origins:
    """The pages that may call. ``allowed`` are exact origins, or ``*`` for any; without any, pages of this host may."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self._named = frozenset(origin.encode("latin-1") for origin in allowed if origin != "*")
        self._stated = re.compile(b".*" if "*" in allowed else b"" if allowed else LOCALHOST.encode("ascii"))

    def trust(self, headers: Mapping[bytes, bytes]) -> Trust:
        """How far to trust whoever sent a request with these headers."""
        origin, site = headers.get(b"origin"), headers.get(b"sec-fetch-site")
        # "none" is the user's own doing, such as an address typed in.
        if site in (b"same-origin", b"none") or (site is None and origin is None):
            return Trust.FULL
        if origin is None:
            return Trust.NONE
        # Without a word of the browser, the host tells; the scheme doesn't, since a proxy may have ended the encryption.
        is_own = site is None and origin.partition(b"://")[2] == headers.get(b"host", b"-")
        if is_own or origin in self._named:
            return Trust.FULL
        return Trust.STATED if origin and self._stated.fullmatch(origin) else Trust.NONE

    def check(self, scope: Scope) -> None:
        """Raise ``ForeignOrigin`` unless whoever sent this request may change something, or open a stream."""
        headers = headers_of(scope)
        trust = self.trust(headers)
        if trust is Trust.FULL:
            return
        # What a stream says is an answer, and what is not shown to a page does no harm.
        if trust is Trust.NONE or not (scope["method"] in _READING or _was_asked_before(scope["method"], headers)):
            raise ForeignOrigin


def _was_asked_before(method: str, headers: Mapping[bytes, bytes]) -> bool:
    """Whether a browser sends such a request only after a preflight: then it has added no credentials."""
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    return method != "POST" or kind == b"application/json" or any(name in headers for name in _ASKED_BEFORE)
