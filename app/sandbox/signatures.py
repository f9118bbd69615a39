"""Verifying signatures by API keys: HMAC-SHA256, Ed25519 and RSA (PKCS#1 v1.5 with SHA-256).

The signed text is verified byte for byte as it was sent; nothing is decoded or sorted here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key


class Verifier(Protocol):
    """How an API key verifies signatures."""

    def verifies(self, text: bytes, signature: str) -> bool:
        """Whether ``signature`` is this key's for ``text``."""


class HmacVerifier:
    """A shared secret; signatures are hexadecimal, in either case."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def verifies(self, text: bytes, signature: str) -> bool:
        expected = hmac.new(self._secret, text, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected.encode(), signature.lower().encode())


class Ed25519Verifier:
    """An Ed25519 public key; signatures are base64."""

    def __init__(self, key: ed25519.Ed25519PublicKey) -> None:
        self._key = key

    def verifies(self, text: bytes, signature: str) -> bool:
        try:
            self._key.verify(_decoded(signature), text)
        except InvalidSignature:
            return False
        return True


class RsaVerifier:
    """An RSA public key; signatures are base64."""

    def __init__(self, key: rsa.RSAPublicKey) -> None:
        self._key = key

    def verifies(self, text: bytes, signature: str) -> bool:
        try:
            self._key.verify(_decoded(signature), text, padding.PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return True


def public_key_verifier(pem: str) -> Verifier:
    """The verifier of a public key in PEM. Raises ``ValueError`` unless it is an Ed25519 or RSA key."""
    key = load_pem_public_key(pem.encode())
    if isinstance(key, ed25519.Ed25519PublicKey):
        return Ed25519Verifier(key)
    if isinstance(key, rsa.RSAPublicKey):
        return RsaVerifier(key)
    raise ValueError("the public key is neither Ed25519 nor RSA")


def _decoded(signature: str) -> bytes:
    """The bytes of ``signature``; empty, which never verifies, if it is not base64."""
    try:
        return base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return b""
