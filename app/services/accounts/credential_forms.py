"""Whether a credential can be what its connector signs with: told before anything is sent, since the library that decodes it, or
the exchange, would say it less plainly. No text repeats a value.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from types import MappingProxyType

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.connectors.capabilities import CredentialForm

_PEM = "-----BEGIN"
#: Of an Ed25519 key: the seed alone, or with the public key behind it.
_SEEDS = (32, 64)

_PATTERNS: Mapping[CredentialForm, tuple[re.Pattern[str], str]] = MappingProxyType(
    {
        "hex_key": (
            re.compile("(0x)?[0-9a-fA-F]{64}"),
            "must be a private key: 64 hexadecimal digits, with or without 0x",
        ),
        "address": (re.compile("0x[0-9a-fA-F]{40}"), "must be a wallet's address: 0x and 40 hexadecimal digits"),
        "base58": (
            re.compile("[1-9A-HJ-NP-Za-km-z]{43,88}"),
            "must be a private key in base58, which has no 0, O, I and l; copy it once more",
        ),
    }
)


def fault_of(form: CredentialForm, text: str) -> str | None:
    """What is wrong with ``text`` as a credential of ``form``, as the rest of a sentence; None where it may be right."""
    if text.startswith(_PEM):
        return _pem_fault(text)
    if form in ("base64", "ed25519_seed"):
        try:
            decoded = b64decode(text, validate=True)
        except ValueError:  # also where there are characters beyond ASCII
            return "must be base64, as the exchange shows it: letters, digits, + and /, with = at the end; copy it once more"
        if form == "ed25519_seed" and len(decoded) not in _SEEDS:
            return "must be an Ed25519 private key in base64, which has 32 bytes; this may be another key"
        return None
    if form in _PATTERNS:
        pattern, rule = _PATTERNS[form]
        return None if pattern.fullmatch(text) else rule
    return None


def _pem_fault(text: str) -> str | None:
    try:
        # A key that was pasted into JSON may have the two characters in place of a new line.
        load_pem_private_key(text.replace("\\n", "\n").encode(), password=None)
    except TypeError:
        return "is a private key that is protected by a password: export it without one"
    except (ValueError, UnsupportedAlgorithm):
        return "must be a whole private key in PEM, from its BEGIN line to its END line with the line breaks between"
    return None
