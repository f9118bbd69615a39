"""A client of ccxt that takes from the library only how a request is written and an answer read.

* Every request leaves through ``common.http``: once, without redirects, through the proxies and certificates of the gateway.
* Numbers stay text or ``Decimal``. The limiter, the retries, and the tags and fees of the library's partners are off.
* An error keeps the exchange's own code, as the library's table found it. Its class is never taken for proof.
* Timestamps come from the venue's clock of the exchange and rise with every request, because some serve as nonces.

This module imports ccxt (a second, a hundred megabytes); only ``CcxtVenue`` imports it, in a thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import ccxt.async_support
import msgspec
from ccxt.async_support.base.exchange import Exchange
from ccxt.base.errors import BaseError

from app.connectors.ccxt.calls import ONLY, REQUESTS, Requests, noted
from app.connectors.ccxt.mends import MENDS
from app.connectors.ccxt.pages import Page
from app.connectors.ccxt.row import Row
from app.connectors.ccxt.stamps import Stamps
from app.connectors.ccxt.words import words_in
from app.connectors.common.answers import ErrorAnswer, NoAnswer
from app.connectors.common.http import HttpSession
from app.connectors.common.limits import AddressLimits
from app.connectors.common.sending import SENDING
from app.domain.decimals import plain
from app.domain.errors import CredentialsRefused, ExchangeDown, OrdergateError, OrderRefused, Refused
from app.domain.wording import text_of
from app.outbound import Outbound

#: What every row has: no tags and fees of the library's partners, and no questions of its own between ours.
QUIET: Mapping[str, Any] = {
    "brokerId": "",
    "broker": "",
    "partner": {},
    "builderFee": False,
    "refSet": True,
    "adjustForTimeDifference": False,
    "warnOnFetchOpenOrdersWithoutSymbol": False,
    "maxRetriesOnFailure": 0,
}

_ENCODER = msgspec.json.Encoder(decimal_format="number")

#: Headers by which the library's partners are paid, and its claim to be a browser; no signature covers them. In lower case.
_TAGS = frozenset(
    {
        "referer",
        "source",
        "user-agent",
        "kc-api-partner",
        "kc-api-partner-sign",
        "kc-api-partner-verify",
        "kc-broker-name",
        "x-channel-api-code",
        "x-fb-client",
        "x-fb-client-version",
        "x-gate-channel-id",
        "x-source-key",
    }
)

#: How a target begins that is an option.
_OPTION = "options."

#: What of the library's object is about markets, and the same for all accounts.
_MARKETS = ("markets", "markets_by_id", "symbols", "ids", "currencies", "currencies_by_id", "codes", "baseCurrencies")


#: Below the time after which most fronts drop idle connections, so that an order rarely meets a dying one.
_KEEP_ALIVE_SECONDS = 15


class CcxtClient:
    """The calls of one account (or of none) on one market, on the loop that built it. ``close`` may be called twice.

    Calls raise ``OrderRefused``, ``RateLimited``, ``CredentialsRefused`` or ``ExchangeDown`` where nothing was sent,
    ``ErrorAnswer`` for an error of the exchange, and ``NoAnswer`` where the request may have been written.
    """

    def __init__(
        self,
        row: Row,
        credentials: Mapping[str, str] | None,
        *,
        base_url: str | None,
        stamps: Stamps,
        address_limits: AddressLimits,
        outbound: Outbound,
        timeout: float,  # seconds
    ) -> None:
        self._row = row
        self._has_keys = credentials is not None
        self._session = HttpSession(
            row.title, headers={}, outbound=outbound, timeout=timeout, keep_alive=_KEEP_ALIVE_SECONDS
        )
        #: The library's object; its calls are those of ccxt's manual.
        self.api = _kind(row.ccxt_id)(_configuration(row, credentials))
        # What must be there is checked by the connector, which knows the credentials by their own names.
        self.api.requiredCredentials = {}
        # Set afterwards: given to the constructor, they would be merged with what the library has there.
        self.api.options.update(_options(row, credentials))
        if row.vault and (credentials or {}).get(row.vault) == "true":
            self.api.options["vaultAddress"] = self.api.walletAddress
        if row.signs_by_key and self.api.privateKey:
            self.api.walletAddress = self.api.eth_get_address_from_private_key(self.api.privateKey)
        self.api.transport = _Transport(self._session, address_limits, stamps, base_url)
        self.api.code_field = row.code_field
        if row.is_test_domain:
            self.api.set_sandbox_mode(True)

    async def call(self, verb: str, arguments: Sequence[Any] = (), params: Mapping[str, Any] | None = None) -> Any:
        """One of ccxt's unified calls. Raises ``OrderRefused`` for what the library does not send."""
        requests = Requests()
        REQUESTS.set(requests)
        try:
            return await getattr(self.api, verb)(*arguments, params=dict(params or {}))
        except OrdergateError:
            raise
        except Exception as error:
            if requests.begun == 0:
                text = text_of(error)
                raise OrderRefused(f"{self._row.title}: {text}; nothing was sent") from error
            raise

    async def signed(self, *, verb: str, arguments: Sequence[Any] = (), params: Mapping[str, Any] | None = None) -> Any:
        """A call that changes something, with the account's keys. Raises ``CredentialsRefused`` without.

        A failure proves something of the call only where the call was one request: behind another one, it is a ``NoAnswer``.
        """
        if not self._has_keys:
            raise CredentialsRefused("The connector has no API key; nothing was sent")
        try:
            return await self.call(verb, arguments, params)
        except BaseException as error:
            requests = REQUESTS.get()
            if requests is not None and requests.begun > 1:
                # What is known of the last one is not what became of the call.
                SENDING.set(None)
                if isinstance(error, Refused | ErrorAnswer):
                    text = f"{verb} made {requests.begun} requests, and the last failed: {error}"
                    raise NoAnswer(text, timed_out=False) from error
            raise

    async def acknowledged(
        self, *, verb: str, arguments: Sequence[Any], params: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """A signed call whose answer says no more than that it was taken."""
        await self.signed(verb=verb, arguments=arguments, params=params)
        return {}

    async def asked(self, *, verb: str, arguments: Sequence[Any] = (), params: Mapping[str, Any] | None = None) -> Any:
        """A question. What the library makes of a good answer that does not hold what was asked for is an ``ErrorAnswer``."""
        try:
            return await self.call(verb, arguments, params)
        except BaseError as error:
            kind = type(error).__name__
            raise ErrorAnswer(status=200, headers={}, body=b"", code=kind, message=f"{kind}: {error}") from error

    async def page(
        self,
        *,
        verb: str,
        arguments: Sequence[Any] = (),
        params: Mapping[str, Any] | None = None,
        only: AbstractSet[str] | None = None,
    ) -> Page:
        """A question for a list, with what tells whether it goes on: the library keeps some rows of an answer only.

        With ``only`` those rows are read that have one of these names.
        """
        token = ONLY.set(only)
        try:
            rows = await self.asked(verb=verb, arguments=arguments, params=params)
        finally:
            ONLY.reset(token)
        requests = REQUESTS.get() or Requests()
        return Page(rows=rows, count=requests.rows, answer=requests.answer)

    def check_order_count(self) -> None:
        """No exchange of the family tells how many orders an account may still place."""

    def use_markets(self, other: CcxtClient) -> None:
        """Share the markets that ``other`` has read, so that they are in memory once; with them what the library keeps of them
        among its options, such as Kraken's second names of pairs, under which its orders come.
        """
        for name in _MARKETS:
            setattr(self.api, name, getattr(other.api, name))
        for name in other.api.options.get("marketHelperProps", ()):
            if other.api.options.get(name) is not None:
                self.api.options[name] = other.api.options[name]

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


class _Transport:
    """How requests of the library leave."""

    def __init__(self, session: HttpSession, limits: AddressLimits, stamps: Stamps, base_url: str | None) -> None:
        self._session = session
        self._limits = limits
        self._stamps = stamps
        self._base = None if base_url is None else urlsplit(base_url)

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Any:
        """The answer to one request, which is sent once."""
        if self._session.closed:
            raise ExchangeDown("The connector is closed; nothing was sent")
        self._limits.check(is_question=method == "GET")
        return await self._session.send_bytes(method, self._moved(url), headers, body)

    def note(self, headers: Mapping[str, str], error: ErrorAnswer | None = None) -> None:
        """Remember what an answer says about the limits."""
        self._limits.note(headers, error)

    def now_ms(self) -> int:
        """The exchange's time; never the same twice."""
        return self._stamps.next_ms()

    def _moved(self, url: str) -> str:
        """``url`` at the address that stands for the exchange's."""
        if self._base is None:
            return url
        parts = urlsplit(url)
        path = self._base.path.rstrip("/") + parts.path
        return urlunsplit((self._base.scheme, self._base.netloc, path, parts.query, ""))


class _OneCall:
    """What the library's classes do otherwise here."""

    transport: _Transport
    code_field: str

    async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        """One request, once. The single place through which every request of the library leaves."""
        given = self.prepare_request_headers(headers)  # type: ignore[attr-defined]
        sent = {name: str(value) for name, value in given.items() if value and name.lower() not in _TAGS}
        data = body.encode() if isinstance(body, str) else body
        requests = REQUESTS.get()
        if requests is not None:
            requests.begun += 1
        answer = await self.transport.send(method, url, sent, data or None)
        text = answer.body.decode("utf-8", errors="replace")
        payload = self.parse_json(text)  # type: ignore[attr-defined]
        headers_of = dict(answer.headers)
        try:
            self.handle_errors(answer.status, "", url, method, headers_of, text, payload, sent, body)  # type: ignore[attr-defined]
            self.handle_http_status_code(answer.status, "", url, method, text)  # type: ignore[attr-defined]
        except BaseError as error:
            code = getattr(error, "exchange_code", None) or self._code_in(payload)
            raise self._error(answer, payload, code) from None
        if payload is None or not 200 <= answer.status < 300:
            raise self._error(answer, payload, None)
        self.transport.note(answer.headers)
        if requests is not None:
            requests.take(payload)
        return payload

    def parse_orders(
        self, rows: Any, market: Any = None, since: Any = None, limit: Any = None, more: Any = None
    ) -> Any:
        """All orders of the market: the library would leave out those without a time, and those beyond the limit."""
        return super().parse_orders(noted(rows), market, None, None, more or {})  # type: ignore[misc]

    def parse_trades(
        self, rows: Any, market: Any = None, since: Any = None, limit: Any = None, more: Any = None
    ) -> Any:
        """All trades of the market, as with orders."""
        return super().parse_trades(noted(rows), market, None, None, more or {})  # type: ignore[misc]

    async def initialize_client(self, params: Any = None) -> bool:
        """Some classes approve a fee for the library's makers here, and ask about the account."""
        return True

    @staticmethod
    def number_to_string(value: Any) -> str | None:
        """The number as text; the library loses a ``Decimal``."""
        text: str | None = plain(value) if isinstance(value, Decimal) else Exchange.number_to_string(value)
        return text

    @staticmethod
    def safe_string(dictionary: Any, key: Any, default: Any = None) -> Any:
        """What is under ``key`` as text; the library loses a ``Decimal``."""
        try:
            value = dictionary[key]
        except (KeyError, IndexError, TypeError):
            return default
        kind = type(value)  # an order takes a hundred of these
        if kind is str:
            return value or default
        if kind is Decimal:
            return plain(value)
        return str(value) if kind in (int, float) else default

    @staticmethod
    def safe_string_2(dictionary: Any, first: Any, second: Any, default: Any = None) -> Any:
        """What is under ``first``, else under ``second``, as text; as ``safe_string``."""
        found = _OneCall.safe_string(dictionary, first)
        return _OneCall.safe_string(dictionary, second, default) if found is None else found

    @staticmethod
    def safe_float(dictionary: Any, key: Any, default: Any = None) -> Any:
        """The number under ``key``, exactly; the library reads books by this name."""
        text = _OneCall.safe_string(dictionary, key)
        try:
            return default if text is None else Decimal(text)
        except ArithmeticError:
            return default

    def amount_to_precision(self, symbol: str, amount: Any) -> str | None:
        """The amount with all its digits: the library cuts those beyond the step, and the order would not be what is recorded."""
        return self.number_to_string(amount)

    def cost_to_precision(self, symbol: str, cost: Any) -> str | None:
        """The cost with all its digits, as with amounts."""
        return self.number_to_string(cost)

    @staticmethod
    def json(data: Any, params: Any = None) -> str:
        """``data`` as JSON, in which a ``Decimal`` is a number with all its digits."""
        return _ENCODER.encode(data).decode()

    def throw_exactly_matched_exception(self, exact: Mapping[str, type[BaseError]], code: Any, message: str) -> None:
        """Raise what the library's table has for ``code``, with the code."""
        kind = exact.get(code)
        if kind is not None:
            error = kind(message)
            error.exchange_code = str(code)
            raise error

    def throw_broadly_matched_exception(self, broad: Mapping[str, type[BaseError]], text: Any, message: str) -> None:
        """Raise what the library's table has for the part of ``text`` that it knows, with that part as the code."""
        part = self.find_broadly_matched_key(broad, text)  # type: ignore[attr-defined]
        if part is not None:
            error = broad[part](message)
            error.exchange_code = part
            raise error

    def milliseconds(self) -> int:
        """The exchange's time."""
        return self.transport.now_ms()

    def microseconds(self) -> int:
        """The exchange's time."""
        return self.transport.now_ms() * 1000

    def seconds(self) -> int:
        """The exchange's time."""
        return self.transport.now_ms() // 1000

    def _code_in(self, payload: Any) -> str | None:
        code = payload.get(self.code_field) if self.code_field and isinstance(payload, dict) else None
        if isinstance(code, list):  # of several errors, no single one says what became of the call
            code = code[0] if len(code) == 1 else None
        return None if code is None else str(code)

    def _error(self, answer: Any, payload: Any, code: str | None) -> ErrorAnswer:
        message = words_in(payload)
        error = ErrorAnswer(status=answer.status, headers=answer.headers, body=answer.body, code=code, message=message)
        self.transport.note(answer.headers, error)
        return error


@cache
def _kind(ccxt_id: str) -> type[Any]:
    mend = (MENDS[ccxt_id],) if ccxt_id in MENDS else ()
    return type(ccxt_id, (_OneCall, *mend, getattr(ccxt.async_support, ccxt_id)), {})


def _configuration(row: Row, credentials: Mapping[str, str] | None) -> dict[str, Any]:
    given = credentials or {}
    keys = {target: given.get(name, "") for name, target in row.secrets.items() if not target.startswith(_OPTION)}
    if row.subdomain is not None and given.get(row.subdomain[0]):
        keys["hostname"] = f"{given[row.subdomain[0]]}.{row.subdomain[1]}"
    return {**keys, "enableRateLimit": False, "number": Decimal}


def _options(row: Row, credentials: Mapping[str, str] | None) -> dict[str, Any]:
    given = credentials or {}
    from_credentials = {
        target.removeprefix(_OPTION): given[name]
        for name, target in row.secrets.items()
        if target.startswith(_OPTION) and given.get(name)
    }
    return {"defaultType": row.market, **QUIET, **row.options, **from_credentials}
