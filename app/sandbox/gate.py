"""The way into a market: limits, API key, timestamp, signature, parameters, in that order; then the endpoint; then the headers.

``admit`` and ``perform`` are two steps, because an order can be admitted now and reach the engine late. Both raise ``ApiError``.
Source: "General Info" and "Request Security" in Binance's spot API documentation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from app.clock import Clock
from app.paper.refusals import PaperRefusal, PaperUnavailable
from app.sandbox import parameters
from app.sandbox.binance.spot.refusals import api_error
from app.sandbox.endpoint import Answer, Call, Endpoint, Message, Security
from app.sandbox.failures import ApiError, bad_key, bad_key_format, bad_signature, missing, service_unavailable
from app.sandbox.keys import ApiKey, KeyRing
from app.sandbox.limits import Usage
from app.sandbox.times import milliseconds

#: A timestamp may be this far ahead of the exchange's clock.
_AHEAD_MS = 1_000

_DEFAULT_RECV_WINDOW_MS = 5_000
_LONGEST_RECV_WINDOW_MS = 60_000

#: Timestamps of sixteen digits are microseconds.
_MICROSECONDS = 10**15

#: What can be a key at all; Binance's have 64 letters and digits, a sandbox's may be short.
_API_KEY = re.compile(r"[!-~]{1,256}", re.ASCII)

_SECURITY_PARAMETERS = (
    parameters.required("timestamp", parameters.whole),
    parameters.optional("recvWindow", parameters.decimal),
)


class Gate:
    """One for each market of a sandbox. ``worded`` says what the paper exchange refuses in that market's codes."""

    def __init__(
        self, keys: KeyRing, usage: Usage, clock: Clock, worded: Callable[[PaperRefusal], ApiError] = api_error
    ) -> None:
        self.keys = keys
        self.usage = usage
        self.clock = clock
        self._refusal = worded

    async def answer(self, endpoint: Endpoint, message: Message) -> Answer:
        """The whole way, errors included."""
        try:
            return await self.perform(endpoint, self.admit(endpoint, message), message.address)
        except ApiError as error:
            return self.refused(error, message.address)

    def admit(self, endpoint: Endpoint, message: Message) -> Call:
        """Let ``message`` in."""
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
        """Do what was let in."""
        call = replace(call, now=self.clock.now())
        now = milliseconds(call.now)
        if endpoint.makes_orders:
            self.usage.count_order(call.account, now)
        try:
            payload = await endpoint.answer(call)
        except (ApiError, PaperRefusal, PaperUnavailable) as error:
            if endpoint.makes_orders:
                self.usage.give_back(call.account, now)
            raise self._worded(error) from error
        if endpoint.makes_orders and _has_traded(payload):
            self.usage.give_back(call.account, now)
        headers = self.usage.weight_headers(address, now)
        if endpoint.makes_orders:
            headers |= self.usage.order_headers(call.account, now)
        return payload if isinstance(payload, Answer) else Answer(payload=payload, headers=headers)

    def refused(self, error: ApiError, address: str) -> Answer:
        """The answer that ``error`` makes."""
        headers = self.usage.weight_headers(address, milliseconds(self.clock.now()))
        return Answer(status=error.status, payload=error.body(), headers={**headers, **error.headers})

    def _worded(self, error: ApiError | PaperRefusal | PaperUnavailable) -> ApiError:
        if isinstance(error, PaperRefusal):
            return self._refusal(error)
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
