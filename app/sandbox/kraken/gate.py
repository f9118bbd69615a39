"""Admission: parameters from the query or the form, and for private endpoints the key, the signature and a nonce that rises.

A key's nonce must be above its last one, whichever connection it comes by. Source: "REST Authentication" and "What is a nonce" in
Kraken's documentation
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from app.clock import Clock
from app.paper.refusals import PaperRefusal
from app.sandbox.common import gate
from app.sandbox.common.errors import ApiError
from app.sandbox.keys import KeyRing
from app.sandbox.kraken.failures import enveloped, error_of, failure, invalid
from app.sandbox.rest import Answer


class Gate(gate.Gate):
    """Admits requests and answers them."""

    def __init__(self, keys: KeyRing, clock: Clock) -> None:
        super().__init__(keys, clock)
        self._nonces: dict[str, int] = {}

    def invalid(self, what: str) -> ApiError:
        return invalid(what.partition(" ")[0])

    def error_of(self, refusal: PaperRefusal, values: Mapping[str, Any]) -> ApiError:
        return error_of(refusal)

    def unavailable(self) -> ApiError:
        return failure("EService:Unavailable")

    def answered(self, result: Any) -> Answer:
        return Answer(payload=enveloped(result))

    def refused(self, error: ApiError) -> Answer:
        return Answer(status=error.status, payload=enveloped(None, error.message), headers=error.headers)

    def values(self, request: web.Request, body: bytes) -> Mapping[str, Any]:
        if request.method == "GET" or request.content_type == "application/json":
            return super().values(request, body)
        return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))

    def account(self, request: web.Request, body: bytes) -> str:
        key = self._keys.find(request.headers.get("API-Key", ""))
        if key is None:
            raise failure("EAPI:Invalid key")
        nonce = str(self.values(request, body).get("nonce", ""))
        signed = request.path.encode() + hashlib.sha256(nonce.encode() + body).digest()
        try:
            secret = base64.b64decode(key.secret, validate=True)
        except binascii.Error:
            secret = b""
        expected = base64.b64encode(hmac.digest(secret, signed, "sha512"))
        if not secret or not hmac.compare_digest(expected, request.headers.get("API-Sign", "").encode()):
            raise failure("EAPI:Invalid signature")
        if not (nonce.isascii() and nonce.isdecimal()) or int(nonce) <= self._nonces.get(key.api_key, 0):
            raise failure("EAPI:Invalid nonce")
        self._nonces[key.api_key] = int(nonce)
        return key.account
