"""The two credentials of a Binance account, as read from the vault.

The secret is an HMAC secret, or a private key in PEM, which its first line shows. Nothing is sent and no key is parsed here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.connectors.capabilities import CredentialField
from app.domain.errors import CredentialsRefused

#: The signs that an HTTP header may contain; Binance's keys are 64 letters and digits.
_API_KEY = re.compile(r"[!-~]{1,256}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An API key with either its secret or its private key in PEM. ``repr`` shows neither."""

    api_key: str = field(repr=False)
    api_secret: str | None = field(repr=False, default=None)
    private_key: str | None = field(repr=False, default=None)


def credential_fields(prefix: str) -> Mapping[str, CredentialField]:
    """The fields of the ``config-map`` of the connector ``prefix``."""
    return {
        f"{prefix}_api_key": CredentialField(help="The API key, as Binance shows it"),
        f"{prefix}_api_secret": CredentialField(help="The HMAC secret, or an Ed25519 or RSA private key in PEM"),
    }


def credentials_of(prefix: str, values: Mapping[str, str]) -> Credentials | None:
    """The credentials in ``values``; None if there are none. Raises ``CredentialsRefused`` if they can't be right."""
    api_key = values.get(f"{prefix}_api_key", "").strip()
    secret = values.get(f"{prefix}_api_secret", "").strip()
    if not api_key and not secret:
        return None
    if not secret or not _API_KEY.fullmatch(api_key):
        raise CredentialsRefused(f"{prefix}_api_key and {prefix}_api_secret are not both usable; nothing was sent")
    if secret.startswith("-----BEGIN"):
        return Credentials(api_key=api_key, private_key=secret.replace("\\n", "\n"))
    return Credentials(api_key=api_key, api_secret=secret)
