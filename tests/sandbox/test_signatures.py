"""Tests of verifying signatures, and of API keys."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.sandbox.keys import KeyRing
from app.sandbox.signatures import HmacVerifier, public_key_verifier
from tests.sandbox.binance.client import sign

TEXT = b"symbol=BTCUSDT&timestamp=1"


def _pem(key: object) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()  # type: ignore[attr-defined]


def test_an_hmac_signature_is_hexadecimal_in_either_case() -> None:
    """The example of Binance's documentation verifies, also in capitals, and not for another text."""
    verifier = HmacVerifier("NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j")
    text = b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
    signature = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    assert verifier.verifies(text, signature)
    assert verifier.verifies(text, signature.upper())
    assert not verifier.verifies(text + b"1", signature)
    assert not verifier.verifies(text, "ü")


def test_an_ed25519_signature_is_base64() -> None:
    """It verifies for its text only; a text that is not base64 never verifies."""
    key = ed25519.Ed25519PrivateKey.generate()
    verifier = public_key_verifier(_pem(key.public_key()))
    signature = base64.b64encode(key.sign(TEXT)).decode()
    assert verifier.verifies(TEXT, signature)
    assert not verifier.verifies(TEXT + b"1", signature)
    assert not verifier.verifies(TEXT, "not base64!")


def test_an_rsa_signature_is_base64() -> None:
    """PKCS#1 v1.5 with SHA-256."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    verifier = public_key_verifier(_pem(key.public_key()))
    signature = base64.b64encode(key.sign(TEXT, padding.PKCS1v15(), SHA256())).decode()
    assert verifier.verifies(TEXT, signature)
    assert not verifier.verifies(b"", signature)


def test_other_keys_are_refused() -> None:
    """A key on another curve, and a key with both kinds of secret or neither."""
    with pytest.raises(ValueError, match="neither"):
        public_key_verifier(_pem(ec.generate_private_key(ec.SECP256R1()).public_key()))
    keys = KeyRing()
    for secrets in ({}, {"secret": "a", "public_key": "b"}):
        with pytest.raises(ValueError, match="exactly one"):
            keys.add("alice", "key", **secrets)
    with pytest.raises(ValueError, match="empty"):
        keys.add("alice", "", secret="a")


def test_an_account_may_have_several_keys() -> None:
    """Each is found by itself, and the account's are listed in order."""
    keys = KeyRing()
    keys.add("alice", "one", secret="a")
    keys.add("bob", "two", secret="b")
    keys.add("alice", "three", secret="c")
    found = keys.find("three")
    assert found is not None
    assert (found.account, found.verifier.verifies(TEXT, sign(TEXT.decode(), "c"))) == ("alice", True)
    assert keys.of_account("alice") == ["one", "three"]
    assert keys.find("four") is None
