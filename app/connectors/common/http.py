"""HTTP calls that lose, change and repeat nothing.

* Whether a call got a connection decides between "nothing was sent" (``ExchangeDown``) and "nobody knows" (``NoAnswer``).
* No redirect is followed: a redirected POST would come back as a GET and an empty success.
* URL and body leave as the bytes that the caller gave, because a signature covers them.
* Status, headers and body of an error survive, whatever the body is.

aiohttp sends no POST twice. It may send a GET, PUT or DELETE again on a fresh connection when a kept one breaks. That is harmless:
a cancel by our own id can only find the order gone already, and a break in between still counts as "nobody knows".

This module imports aiohttp; import it only where a client is built.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import aiohttp
import msgspec
import structlog
import yarl

from app import __version__
from app.connectors.common.answers import ErrorAnswer, NoAnswer
from app.connectors.common.numbers import DECODER
from app.connectors.common.sending import CHECK, SENDING, Sending
from app.connectors.common.tls import tls_context
from app.domain.errors import ExchangeDown
from app.outbound import Outbound

log = structlog.get_logger(__name__)

#: Connecting with TLS takes a few round trips. Failing early here is certain knowledge that nothing was sent.
_CONNECT_SECONDS = 5

#: The exchange's error code and message, as far as a decoded body holds them.
CodeAndMessage = tuple[int | str | None, str | None]


def _mark_connected() -> None:
    """The running task's call has a connection. Raises what its check raises: then it must not be written."""
    sending = SENDING.get()
    if sending is None:
        return
    # A call that got a connection before may have been written on that one; nobody may say then that it was not sent.
    if sending.check is not None and not sending.has_connection:
        sending.check()
    sending.has_connection = True


class _MarkingConnector(aiohttp.TCPConnector):
    """Marks the running call when it gets its connection, new or kept, and keeps it back if it is too late by then."""

    async def connect(self, *args: Any, **options: Any) -> Any:
        connection = await super().connect(*args, **options)
        try:
            _mark_connected()
        except BaseException:
            connection.release()
            raise
        return connection


class HttpAnswer(NamedTuple):
    """An answer as it came; the names of ``headers`` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def decode(self, code_and_message: Callable[[Any], CodeAndMessage]) -> tuple[Any, ErrorAnswer | None]:
        """The decoded body, and the error for anything but a 2xx with JSON. ``code_and_message`` reads the body of an error."""
        try:
            payload = DECODER.decode(self.body)
        except (msgspec.DecodeError, ValueError):  # not an error yet: an error page is kept as text
            payload, is_json = None, False
        else:
            is_json = True
        if is_json and 200 <= self.status < 300:
            return payload, None
        code, message = code_and_message(payload)
        error = ErrorAnswer(status=self.status, headers=self.headers, body=self.body, code=code, message=message)
        return payload, error


#: What went wrong with a connection, in words for people; the first that fits. The library's own words go to the log.
_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "its name can't be resolved"),
    (aiohttp.ClientSSLError, "TLS failed"),
    (ssl.SSLError, "TLS failed"),
    (TimeoutError, "no answer in time"),
    (ConnectionRefusedError, "the connection was refused"),
    (aiohttp.ServerDisconnectedError, "the connection was closed without an answer"),
    (ConnectionResetError, "the connection was broken off"),
    (BrokenPipeError, "the connection was broken off"),
    (aiohttp.ClientPayloadError, "the answer was broken off"),
    (aiohttp.ClientConnectorError, "no connection could be made"),
)


def _in_words(error: BaseException) -> str:
    causes = (error, getattr(error, "os_error", None))
    return next(
        (words for kind, words in _WORDS if any(isinstance(each, kind) for each in causes)), "the connection failed"
    )


class HttpSession:
    """The connections of one account to ``exchange``, on the loop that built it. ``close`` may be called twice.

    ``outbound`` says through which proxy calls leave, and which certificates count. ``timeout`` is the limit of a whole call,
    ``keep_alive`` how long an idle connection is kept, both in seconds.
    """

    def __init__(
        self,
        exchange: str,
        *,
        headers: Mapping[str, str],
        outbound: Outbound,
        timeout: float,  # seconds
        keep_alive: float,  # seconds
    ) -> None:
        self._exchange = exchange
        #: None where nobody has set one, which most orders need not find out.
        self._proxies = outbound if outbound.http_proxy or outbound.https_proxy else None
        self._session = aiohttp.ClientSession(
            headers={"Accept": "application/json", "User-Agent": f"ordergate/{__version__}", **headers},
            connector=_MarkingConnector(keepalive_timeout=keep_alive, ssl=tls_context(outbound)),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=timeout, connect=min(_CONNECT_SECONDS, timeout)),
        )

    @property
    def closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._session.closed

    async def send(self, method: str, url: str, form: str | None = None) -> HttpAnswer:
        """Send one request, once, as ``send_bytes`` does. ``form`` is an encoded form in ASCII."""
        if form is None:
            return await self.send_bytes(method, url, {}, None)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self.send_bytes(method, url, headers, form.encode("ascii"))

    async def send_bytes(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> HttpAnswer:
        """Send one request, once. ``url`` is encoded already.

        Raises ``ExchangeDown`` where nothing was sent, ``NoAnswer`` where the request may have been written, and what the call's
        check raises where it came too late.
        """
        call = Sending(check=CHECK.get())
        SENDING.set(call)
        target = yarl.URL(url, encoded=True)
        try:
            async with self._session.request(
                method.upper(),
                target,
                data=body,
                headers=headers,
                allow_redirects=False,
                **self._through_proxy(url, headers),
            ) as response:
                answered = {name.lower(): value for name, value in response.headers.items()}
                return HttpAnswer(response.status, answered, await response.read())
        except aiohttp.ClientHttpProxyError as error:
            what, was_sent, timed_out = f"the proxy answered {error.status}", False, False
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            text = str(error).replace(str(target), url.partition("?")[0])
            what = _in_words(error)
            log.info("a call found no connection or lost it", host=target.host, error=type(error).__name__, detail=text)
            was_sent, timed_out = call.has_connection, isinstance(error, TimeoutError)
        # Raised here, without a cause, which would tell the proxy's credentials or the query with its signature.
        if was_sent:
            raise NoAnswer(what, timed_out=timed_out)
        raise ExchangeDown(f"{self._exchange} could not be reached ({what}); nothing was sent")

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    def _through_proxy(self, url: str, headers: dict[str, str]) -> dict[str, Any]:
        """The options that name the proxy for ``url``. Its credentials stay out of its address, which errors quote."""
        proxy = self._proxies.proxy_for(url.partition("?")[0]) if self._proxies else None
        if proxy is None:
            return {}
        if proxy.authorization is None:
            return {"proxy": proxy.url}
        if url.startswith("https:"):
            return {"proxy": proxy.url, "proxy_headers": {"Proxy-Authorization": proxy.authorization}}
        # Without TLS there is no tunnel: the request itself passes through the proxy.
        headers["Proxy-Authorization"] = proxy.authorization
        return {"proxy": proxy.url}
