"""Admission: questions of anybody, and actions that are signed by a wallet.

An action is hashed with its nonce and signed as typed data; here it is signed once more with the keys that are known, by ccxt's own
functions, since a signature is the same each time. A wallet's nonce must be new, above the lowest of its last hundred, and within
two days before and one after the exchange's clock. Source: "Signing" and "Nonces and API wallets" in Hyperliquid's documentation
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from typing import Any

from aiohttp import web

from app.clock import Clock
from app.paper.refusals import PaperRefusal
from app.sandbox.common import gate
from app.sandbox.common.errors import ApiError
from app.sandbox.hyperliquid.failures import failure, invalid, sentence_of
from app.sandbox.keys import KeyRing
from app.sandbox.rest import Answer

_KEPT_NONCES = 100
_DAY_MS = 86_400_000


class Gate(gate.Gate):
    """Admits requests and answers them."""

    def __init__(self, keys: KeyRing, clock: Clock) -> None:
        super().__init__(keys, clock)
        self._nonces: defaultdict[str, list[int]] = defaultdict(list)

    def invalid(self, what: str) -> ApiError:
        return invalid(what)

    def error_of(self, refusal: PaperRefusal, values: Mapping[str, Any]) -> ApiError:
        return failure(sentence_of(refusal))

    def unavailable(self) -> ApiError:
        return ApiError("503", "Service Unavailable", status=503)

    def answered(self, result: Any) -> Answer:
        return Answer(payload=result)

    def refused(self, error: ApiError) -> Answer:
        payload = {"status": "err", "response": error.message} if error.status == 200 else error.message
        return Answer(status=error.status, payload=payload, headers=error.headers)

    def account(self, request: web.Request, body: bytes) -> str:
        values = self.values(request, body)
        action, nonce, signature = (values.get(name) for name in ("action", "nonce", "signature"))
        if not isinstance(action, dict) or not isinstance(nonce, int) or not isinstance(signature, dict):
            raise invalid("action, nonce and signature")
        if values.get("vaultAddress") is not None or values.get("expiresAfter") is not None:
            raise failure("Vaults and expiring actions are not served here")
        for key in self._keys.all():
            if _signed(key.secret, action, nonce) == signature:
                break
        else:
            signer = hashlib.sha256(str(signature).encode()).hexdigest()[:40]  # what a wrong signature names is anybody
            raise failure(f"User or API Wallet 0x{signer} does not exist.")
        used = self._nonces[key.api_key]
        if nonce in used or (len(used) >= _KEPT_NONCES and nonce < used[0]):
            raise failure(f"Invalid nonce: {nonce} was used, or is too low")
        if not -2 * _DAY_MS < nonce - self.now_ms() < _DAY_MS:
            raise failure(f"Invalid nonce: {nonce} is too far from the time")
        self._nonces[key.api_key] = sorted([*used, nonce])[-_KEPT_NONCES:]
        return key.account


@cache
def _signer(secret: str) -> Any:
    import ccxt  # a second; only this protocol needs it

    return ccxt.hyperliquid({"privateKey": secret})


def _signed(secret: str, action: Mapping[str, Any], nonce: int) -> Any:
    """The signature of ``action`` by ``secret``, None for a secret that is no private key."""
    try:
        return _signer(secret).sign_l1_action(action, nonce)
    except (ValueError, TypeError):
        return None
