"""Admission: parameters from the query or the body, and for private endpoints the key, the time and the signature.

Source: "Integration Guidance" in Bybit's documentation
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from app.paper.refusals import PaperRefusal
from app.sandbox.bybit.failures import SPOT, enveloped, error_of, invalid
from app.sandbox.common import gate
from app.sandbox.common.errors import ApiError
from app.sandbox.rest import Answer

#: A timestamp may be this far ahead of the exchange's clock.
_AHEAD_MS = 1_000
_DEFAULT_RECV_WINDOW_MS = "5000"


class Gate(gate.Gate):
    """Admits requests and answers them."""

    def invalid(self, what: str) -> ApiError:
        return invalid(what)

    def error_of(self, refusal: PaperRefusal, values: Mapping[str, Any]) -> ApiError:
        return error_of(refusal, str(values.get("category") or SPOT))

    def unavailable(self) -> ApiError:
        return ApiError(10016, "Internal server error.")

    def answered(self, result: Any) -> Answer:
        return Answer(payload=enveloped(result, self.now_ms()))

    def refused(self, error: ApiError) -> Answer:
        body = enveloped({}, self.now_ms(), code=error.code, message=error.message)
        return Answer(status=error.status, payload=body, headers=error.headers)

    def account(self, request: web.Request, body: bytes) -> str:
        key = self._keys.find(request.headers.get("X-BAPI-API-KEY", ""))
        if key is None:
            raise ApiError(10003, "API key is invalid.")
        stamp = request.headers.get("X-BAPI-TIMESTAMP", "")
        window = request.headers.get("X-BAPI-RECV-WINDOW", _DEFAULT_RECV_WINDOW_MS)
        if not (stamp.isdecimal() and stamp.isascii() and window.isdecimal() and window.isascii()):
            raise ApiError(10002, "The request time exceeds the time window range.")
        now = self.now_ms()
        if not now - int(window) <= int(stamp) < now + _AHEAD_MS:
            advice = (
                f"invalid request, please check your server timestamp or recv_window param. req_timestamp[{stamp}],"
            )
            raise ApiError(10002, f"{advice}server_timestamp[{now}],recv_window[{window}]")
        signed = gate.query_of(request).encode() if request.method == "GET" else body
        whole = f"{stamp}{key.api_key}{window}".encode() + signed
        if not key.verifier.verifies(whole, request.headers.get("X-BAPI-SIGN", "")):
            raise ApiError(10004, "error sign! please check your signature generation algorithm.")
        return key.account
