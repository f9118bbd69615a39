"""Admission: parameters from the query or the body, and for private endpoints the key, the passphrase, the time and the signature.

Source: "Overview", "REST Authentication" in OKX's documentation
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from aiohttp import web

from app.paper.refusals import PaperRefusal
from app.sandbox.common import gate
from app.sandbox.common.errors import ApiError
from app.sandbox.okx.failures import enveloped, error_of, invalid
from app.sandbox.rest import Answer

#: A timestamp may be so far from the exchange's clock.
_WINDOW = timedelta(seconds=30)

#: The parameter under which the orders of a list are handed on.
ORDERS = "orders"


class Gate(gate.Gate):
    """Admits requests and answers them."""

    def invalid(self, what: str) -> ApiError:
        return invalid(what)

    def error_of(self, refusal: PaperRefusal, values: Mapping[str, Any]) -> ApiError:
        return error_of(refusal)

    def unavailable(self) -> ApiError:
        return ApiError("50001", "Service temporarily unavailable. Please try again later.", status=503)

    def answered(self, result: Any) -> Answer:
        """A handler may say itself how the whole went."""
        return Answer(payload=result if isinstance(result, dict) else enveloped(result))

    def refused(self, error: ApiError) -> Answer:
        body = enveloped([], code=str(error.code), message=error.message)
        return Answer(status=error.status, payload=body, headers=error.headers)

    def values(self, request: web.Request, body: bytes) -> Mapping[str, Any]:
        if request.method == "GET" or not body.startswith(b"["):
            return super().values(request, body)
        try:
            return {ORDERS: msgspec.json.decode(body, type=list[dict[str, Any]])}
        except msgspec.DecodeError:
            raise ApiError("50002", "JSON syntax error", status=400) from None

    def account(self, request: web.Request, body: bytes) -> str:
        headers = request.headers
        key = self._keys.find(headers.get("OK-ACCESS-KEY", ""))
        if key is None:
            raise ApiError("50111", "Invalid OK-ACCESS-KEY.", status=401)
        if headers.get("OK-ACCESS-PASSPHRASE", "") != key.passphrase:
            raise ApiError("50105", 'Request header "OK-ACCESS-PASSPHRASE" incorrect.', status=401)
        stamp = headers.get("OK-ACCESS-TIMESTAMP", "")
        try:
            sent_at = datetime.fromisoformat(stamp)
        except ValueError:
            sent_at = None
        if sent_at is None or sent_at.tzinfo is None:
            raise ApiError("50112", "Invalid OK-ACCESS-TIMESTAMP.", status=401)
        if abs(self._clock.now() - sent_at) > _WINDOW:
            raise ApiError("50102", "Timestamp request expired.", status=401)
        signed = f"{stamp}{request.method}{request.raw_path}".encode() + body
        expected = base64.b64encode(hmac.digest(key.secret.encode(), signed, "sha256"))
        if not key.secret or not hmac.compare_digest(expected, headers.get("OK-ACCESS-SIGN", "").encode()):
            raise ApiError("50113", "Invalid signature.", status=401)
        return key.account
