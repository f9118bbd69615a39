"""Credentials as callers send them: every field at fault is named, and no value is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.connectors.capabilities import CredentialField
from app.domain.errors import InvalidCredentials
from app.services.accounts.credential_check import checked

FIELDS = {
    "key": CredentialField(),
    "secret": CredentialField(),
    "mode": CredentialField(type="Literal", required=False, allowed_values=("a", "b")),
    "vault": CredentialField(type="bool", required=False),
    "index": CredentialField(type="int", required=False),
    "nodes": CredentialField(type="list", required=False),
}
KEYS = {"key": "k", "secret": "s"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"key": " k\n"}, {}),
        ({"mode": "b", "vault": True, "index": 7}, {"mode": "b", "vault": "true", "index": "7"}),
        ({"vault": "No", "index": "12"}, {"vault": "false", "index": "12"}),
        ({"index": Decimal("7.0")}, None),
        ({"mode": None, "vault": "", "index": " "}, {}),
        ({"nodes": ["wss://a", "wss://b"]}, {"nodes": '["wss://a","wss://b"]'}),
    ],
)
def test_values_become_texts(given: dict[str, Any], expected: dict[str, str] | None) -> None:
    """Whatever JSON type a value has, its text is stored; what was left empty is not."""
    if expected is None:
        with pytest.raises(InvalidCredentials, match="index must be a whole number"):
            checked("x", FIELDS, {**KEYS, **given})
        return
    assert checked("x", FIELDS, {**KEYS, **given}) == {**KEYS, **expected}


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        ({}, "Connector 'x': missing fields key, secret"),
        ({"key": "k"}, "Connector 'x': missing field secret"),
        ({"key": "k", "secret": "  "}, "Connector 'x': empty field secret"),
        ({"key": None, "secret": ""}, "Connector 'x': empty fields key, secret"),
        ({**KEYS, "Secret": "s"}, "Connector 'x': unknown field Secret; Secret is probably secret"),
        ({"api": "k", "secret": ""}, "Connector 'x': missing field key; empty field secret; unknown field api"),
        ({**KEYS, "mode": "c"}, "Connector 'x': mode must be one of a, b"),
        ({**KEYS, "vault": "maybe"}, "Connector 'x': vault must be true or false"),
        ({**KEYS, "index": "-1"}, "Connector 'x': index must be a whole number"),
    ],
)
def test_faults_are_named(given: dict[str, Any], detail: str) -> None:
    """Missing, empty, unknown and wrong fields are told apart, all of them at once."""
    with pytest.raises(InvalidCredentials) as caught:
        checked("x", FIELDS, given)
    assert caught.value.detail == detail


def test_no_value_is_repeated() -> None:
    """A secret in a wrong field does not come back in the error; a name of absurd length is cut."""
    with pytest.raises(InvalidCredentials) as caught:
        checked("x", FIELDS, {"mode": "canary", "vault": "canary", "index": "canary", "n" * 500: "canary"})
    assert "canary" not in caught.value.detail
    assert len(caught.value.detail) < 300
