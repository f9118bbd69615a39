"""Admission to a market: limits, API key, timestamp, signature, parameters, in that order; then the endpoint and the headers.

``admit`` and ``perform`` are two steps, because an order can be admitted now and reach the engine later. Both raise ``ApiError``.
Source: "General Info" and "Request Security" in Binance's spot API documentation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from app.clock import Clock
from app.paper.refusals import PaperRefusal, PaperUnavailable
from app.sandbox.binance import parameters
from app.sandbox.binance.endpoint import Call, Endpoint, Message, Security
from app.sandbox.binance.failures import (
    ApiError,
    bad_key,
    bad_key_format,
    bad_signature,
    missing,
    service_unavailable,
)
from app.sandbox.binance.limits import Usage
from app.sandbox.keys import ApiKey, KeyRing
from app.sandbox.rest import Answer
from app.sandbox.times import milliseconds

#: A timestamp may be this far ahead of the exchange's clock.
_AHEAD_MS = 1_000

_DEFAULT_RECV_WINDOW_MS = 5_000
_LONGEST_RECV_WINDOW_MS = 60_000

#: Timestamps of sixteen digits are microseconds.
_MICROSECONDS = 10**15

#: The form of a key; Binance's have 64 letters and digits, a sandbox's may be short.
_API_KEY = re.compile(r"[!-~]{1,256}", re.ASCII)

_SECURITY_PARAMETERS = (
    parameters.required("timestamp", parameters.whole),
    parameters.optional("recvWindow", parameters.decimal),
)


class Gate:
    """One market's gate. ``error_of`` is the market's error for a refusal of the paper exchange."""

    def __init__(self, keys: KeyRing, usage: Usage, clock: Clock, error_of: Callable[[PaperRefusal], ApiError]) -> None:
        self.keys = keys
        self.usage = usage
        self.clock = clock
        self._error_of = error_of

    async def answer(self, endpoint: Endpoint, message: Message, delay: float | None = None) -> Answer:
        """Admit ``message`` and perform its call, ``delay`` seconds later; the answer, also of an error."""
        try:
            call = self.admit(endpoint, message)
            if delay is not None:
                await self.clock.sleep(delay)
            return await self.perform(endpoint, call, message.address)
        except ApiError as error:
            return self.refused(error, message.address)

    def admit(self, endpoint: Endpoint, message: Message) -> Call:
        """The call of ``message``."""
        now = self.clock.now()
        self.usage.spend(message.address, endpoint.weigh(dict(message.pairs)), milliseconds(now))
        if endpoint.security is Security.NONE:
            return Call(account="", values=parameters.read(message.pairs, endpoint.parameters), now=now)
        account = message.account or self._key(message).account
        if endpoint.security is Security.KEY:
            return Call(account=account, values=parameters.read(message.pairs, endpoint.parameters), now=now)
        if message.account is None:
            self._check_signature(message)
        self._check_time(message.pairs, milliseconds(now))
        values = parameters.read(message.pairs, (*endpoint.parameters, *_SECURITY_PARAMETERS))
        return Call(account=account, values=values, now=now)

    async def perform(self, endpoint: Endpoint, call: Call, address: str) -> Answer:
        """Perform an admitted call."""
        call = replace(call, now=self.clock.now())
        now = milliseconds(call.now)
        if endpoint.makes_orders:
            self.usage.count_order(call.account, now)
        try:
            payload = await endpoint.answer(call)
        except (ApiError, PaperRefusal, PaperUnavailable) as error:
            if endpoint.makes_orders:
                self.usage.uncount_order(call.account, now)
            raise self._api_error(error) from error
        if endpoint.makes_orders and _has_traded(payload):
            self.usage.uncount_order(call.account, now)
        headers = self.usage.weight_headers(address, now)
        if endpoint.makes_orders:
            headers |= self.usage.order_headers(call.account, now)
        return payload if isinstance(payload, Answer) else Answer(payload=payload, headers=headers)

    def refused(self, error: ApiError, address: str) -> Answer:
        """The answer of ``error``."""
        headers = self.usage.weight_headers(address, milliseconds(self.clock.now()))
        return Answer(status=error.status, payload=error.body(), headers={**headers, **error.headers})

    def _api_error(self, error: ApiError | PaperRefusal | PaperUnavailable) -> ApiError:
        if isinstance(error, PaperRefusal):
            return self._error_of(error)
        return error if isinstance(error, ApiError) else service_unavailable()

    def _key(self, message: Message) -> ApiKey:
        if not message.api_key or not _API_KEY.fullmatch(message.api_key):
            raise bad_key_format()
        key = self.keys.find(message.api_key)
        if key is None:
            raise bad_key()
        return key

    def _check_signature(self, message: Message) -> None:
        if "timestamp" not in dict(message.pairs):
            raise missing("timestamp")
        if not message.signature:
            raise missing("signature")
        if not self._key(message).verifier.verifies(message.signed, message.signature):
            raise bad_signature()

    def _check_time(self, pairs: parameters.Pairs, now: int) -> None:
        sent = dict(pairs)
        if not sent.get("timestamp"):
            raise missing("timestamp")
        stamp = parameters.whole("timestamp", sent["timestamp"])
        stamp = stamp // 1_000 if stamp >= _MICROSECONDS else stamp
        window = parameters.decimal("recvWindow", sent.get("recvWindow") or str(_DEFAULT_RECV_WINDOW_MS))
        if window > _LONGEST_RECV_WINDOW_MS:
            raise ApiError(-1131, f"Parameter 'recvWindow' must be less than {_LONGEST_RECV_WINDOW_MS}.")
        if stamp > now + _AHEAD_MS:
            raise ApiError(-1021, f"Timestamp for this request was {_AHEAD_MS}ms ahead of the server's time.")
        if now - stamp > window:
            raise ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")


def _has_traded(payload: Any) -> bool:
    executed = payload.get("executedQty") if isinstance(payload, Mapping) else None
    return isinstance(executed, str) and executed.strip("0.") != ""
