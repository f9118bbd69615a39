"""Checking a caller's credentials against the connector's fields, and converting them to the texts that are sealed.

Every fault names its field; no text repeats a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from app.connectors.capabilities import CredentialField
from app.domain.decimals import plain
from app.domain.errors import InvalidCredentials
from app.domain.suggestions import nearest, normal
from app.services.accounts.credential_forms import fault_of

#: How much of an unknown field name is repeated, in characters.
_LONGEST_NAME = 60
#: The spellings of yes and no that config maps of hummingbot-api take.
_YES_AND_NO = {"true": "true", "yes": "true", "1": "true", "false": "false", "no": "false", "0": "false"}

#: What parts of a field's name say that it is for; the first that is found.
_ROLES = (
    ("passphrase", "passphrase"),
    ("password", "passphrase"),
    ("secret", "secret"),
    ("private", "secret"),
    ("address", "address"),
    ("wallet", "address"),
    ("key", "key"),
)


def checked(connector_name: str, fields: Mapping[str, CredentialField], given: Mapping[str, Any]) -> dict[str, str]:
    """The credentials as texts, without fields that were left empty. Raises ``InvalidCredentials`` naming every field at fault."""
    texts = {name: text for name in fields if (text := _text(given.get(name)))}
    faults = list(_faults(fields, given, texts))
    if faults:
        raise InvalidCredentials(f"Connector '{connector_name}': {'; '.join(faults)}")
    return {name: _YES_AND_NO[text.lower()] if fields[name].type == "bool" else text for name, text in texts.items()}


def _faults(fields: Mapping[str, CredentialField], given: Mapping[str, Any], texts: Mapping[str, str]) -> Iterator[str]:
    needed = [name for name, field in fields.items() if field.required and name not in texts]
    missing = [name for name in needed if name not in given]
    empty = [name for name in needed if name in given]
    unknown = [name[:_LONGEST_NAME] for name in given if name not in fields]
    for what, names in (("missing field", missing), ("empty field", empty), ("unknown field", unknown)):
        if names:
            yield f"{what}{'s' if len(names) > 1 else ''} {', '.join(names)}"
    if unknown and not any(field.required for field in fields.values()):
        optional = ", ".join(fields)
        yield f"it needs no credentials{f', and takes {optional} where that is wanted' if fields else ''}"
    for name in unknown:
        near = nearest(name, fields) or [each for each in fields if normal(each).endswith(normal(name))]
        near = near or _of_same_role(name, fields)
        if near and normal(name):
            yield f"{name} is probably {' or '.join(near)}"
    for name, text in texts.items():
        fault = _type_fault(fields[name], text)
        if fault is not None:
            yield f"{name} {fault}"


def _type_fault(field: CredentialField, text: str) -> str | None:
    if field.allowed_values and text not in field.allowed_values:
        return f"must be one of {', '.join(field.allowed_values)}"
    if field.type == "bool" and text.lower() not in _YES_AND_NO:
        return "must be true or false"
    if field.type == "int" and not (text.isascii() and text.isdecimal()):
        return "must be a whole number"
    return fault_of(field.form, text)


def _of_same_role(name: str, fields: Mapping[str, CredentialField]) -> list[str]:
    """The only field that serves for what ``name`` says: a secret, a passphrase, an address or a key."""
    role = _role(name)
    same = [each for each in fields if role and _role(each) == role]
    return same if len(same) == 1 else []


def _role(name: str) -> str:
    word = normal(name)
    return next((role for part, role in _ROLES if part in word), "")


def _text(value: Any) -> str:
    """A value of the body as text. White space around a pasted key is removed."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, Decimal)):
        return plain(Decimal(value))
    return msgspec.json.encode(value).decode()
