"""A client of python-binance that takes only the names of calls and the URLs from the SDK. Everything that could lose, change or
repeat an order is done here and in ``common.http`` instead.

* Only REST, never its websocket-API orders: those report an order that was executed as one that timed out.
* Parameters leave as plain text, percent-encoded first and signed afterwards over the very bytes that are sent.
* Timestamps come from the venue's clock of the exchange; ``recvWindow`` is short.

This module imports the SDK (half a second); only ``BinanceVenue`` imports it, in a thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

from binance.async_client import AsyncClient
from Crypto.PublicKey import ECC, RSA

from app.connectors.binance.credentials import Credentials
from app.connectors.binance.endpoints import Endpoints
from app.connectors.binance.limits import ORDERS_HEADER
from app.connectors.binance.outcomes import EXCHANGE, code_and_message
from app.connectors.common.http import HttpSession
from app.connectors.common.limits import AddressLimits, Usage, rate_limited
from app.connectors.common.venue import ServerClock
from app.domain.errors import CredentialsRefused, ExchangeDown
from app.outbound import Outbound

#: How long a signed request stays acceptable on its way, in milliseconds: it bounds how late an order can still arrive.
RECV_WINDOW_MS = 5000

#: Signs that stand for themselves in a URL (RFC 3986, 2.3), and the two that join.
_NEEDS_NO_ENCODING = re.compile(r"[A-Za-z0-9_.~=&-]*", re.ASCII)

_MILLISECOND = timedelta(milliseconds=1)

#: Below the time after which Binance's front drops idle connections, so that an order rarely meets a dying one.
_KEEP_ALIVE_SECONDS = 15


class BinanceClient(AsyncClient):  # type: ignore[misc]  # the SDK has no types
    """The calls of one account (or of none), on the loop that built it. ``close`` may be called twice.

    Calls raise ``RateLimited``, ``CredentialsRefused`` or ``ExchangeDown`` where nothing was sent, ``ErrorAnswer`` for anything but
    a 2xx with JSON, and ``NoAnswer`` where the request may have been written.
    """

    REQUEST_RECVWINDOW = RECV_WINDOW_MS

    def __init__(
        self,
        endpoints: Endpoints,
        credentials: Credentials | None,
        *,
        server_clock: ServerClock,
        address_limits: AddressLimits,
        outbound: Outbound,
        timeout: float,  # seconds, not money
    ) -> None:
        self._endpoints = endpoints
        self._server_clock = server_clock
        self._address_limits = address_limits
        self.outbound = outbound
        self._order_usage = Usage(ORDERS_HEADER, server_clock.now_ms)
        self.REQUEST_TIMEOUT = timeout
        self.API_URL = self.FUTURES_URL = endpoints.rest
        super().__init__(
            api_key=credentials.api_key if credentials else None,
            api_secret=credentials.api_secret if credentials else None,
            private_key=credentials.private_key if credentials else None,
        )

    def check_order_count(self) -> None:
        """Raise ``RateLimited`` if the account has placed as many orders as it may in one of the exchange's windows."""
        full_for = self._order_usage.full_for(self._address_limits.limits)
        if full_for:
            raise rate_limited(EXCHANGE, full_for * _MILLISECOND)

    def sign(self, text: str) -> str:
        """The signature of ``text``: hex for an HMAC secret, base64 for an Ed25519 or RSA key."""
        if self.PRIVATE_KEY is None:
            signature = self._hmac_signature(text)
        elif self._is_rsa:
            signature = self._rsa_signature(text)
        else:
            signature = self._ed25519_signature(text)
        return str(signature)

    async def close(self) -> None:
        """Close the connections."""
        await self.session.close()

    def _init_session(self) -> HttpSession:
        return HttpSession(
            EXCHANGE,
            headers={"X-MBX-APIKEY": self.API_KEY} if self.API_KEY else {},
            outbound=self.outbound,
            timeout=self.REQUEST_TIMEOUT,
            keep_alive=_KEEP_ALIVE_SECONDS,
        )

    def _init_private_key(self, private_key: Any, private_key_pass: str | None = None) -> Any:
        """The key itself; its content decides its kind, where the SDK goes by the length of the text."""
        if not private_key:
            return None
        try:
            key = ECC.import_key(private_key)
        except ValueError:
            self._is_rsa = True
            return _rsa_key(private_key)
        if key.curve != "Ed25519" or not key.has_private():
            raise CredentialsRefused("The API secret is a key, but not an Ed25519 or RSA private key; nothing was sent")
        return key

    async def _request(self, method: str, uri: str, signed: bool, force_params: bool = False, **kwargs: Any) -> Any:
        """One call, once. The single place through which every request of the SDK leaves."""
        assert uri.startswith(self._endpoints.rest), "a call of another market"
        self._check_may_leave(method, uri, signed)
        query = self._query(kwargs.get("data") or {}, signed)
        if method in ("post", "put"):
            answer = await self.session.send(method, uri, query)
        else:
            answer = await self.session.send(method, f"{uri}?{query}" if query else uri)
        payload, error = answer.decode(code_and_message)
        self._address_limits.note(answer.headers, error)
        self._order_usage.note(answer.headers)
        if error is not None:
            raise error
        return payload

    def _check_may_leave(self, method: str, uri: str, signed: bool) -> None:
        if self.session.closed:
            raise ExchangeDown("The connector is closed; nothing was sent")
        if signed and not self.API_KEY:
            raise CredentialsRefused("The connector has no API key; nothing was sent")
        self._address_limits.check(is_question=method == "get")
        if method == "post" and uri.endswith("/order"):
            self.check_order_count()

    def _query(self, parameters: Mapping[str, Any], signed: bool) -> str:
        pairs = list(_plain_pairs(parameters))
        if not signed:
            return _urlencoded(pairs)
        pairs += [("recvWindow", str(self.REQUEST_RECVWINDOW)), ("timestamp", str(self._server_clock.now_ms()))]
        query = _urlencoded(pairs)
        return f"{query}&signature={quote(self.sign(query), safe='')}"


def _plain_pairs(parameters: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """The parameters as text. Raises ``TypeError`` for a number that is no text yet, because its form would be left to chance."""
    for name, value in sorted(parameters.items()):
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, int) and not isinstance(value, bool):
            yield name, str(value)
        else:
            raise TypeError(f"{name} must be text, not {type(value).__name__}")


def _urlencoded(pairs: Sequence[tuple[str, str]]) -> str:
    """As ``urlencode`` does it; pairs without anything to encode, as in nearly every order, are only joined."""
    joined = "&".join([f"{name}={value}" for name, value in pairs])
    # A sign that joins must not come from within a name or a value.
    is_plain = joined.count("=") == len(pairs) and joined.count("&") == len(pairs) - 1
    return joined if is_plain and _NEEDS_NO_ENCODING.fullmatch(joined) else urlencode(pairs)


def _rsa_key(private_key: Any) -> Any:
    try:
        key = RSA.import_key(private_key)
        if not key.has_private():
            raise ValueError("a public key")
        return key
    except (ValueError, IndexError, TypeError) as error:  # what its documentation names
        raise CredentialsRefused(
            "The API secret is a PEM text that can't be read as a key; nothing was sent"
        ) from error
