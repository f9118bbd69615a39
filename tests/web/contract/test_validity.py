"""The contract in the package is valid, which the server relies on at its start."""

from __future__ import annotations

import pytest
from connexion.exceptions import InvalidSpecification
from connexion.spec import Specification

from app.web.contract.validity import taken_as_valid
from openapi import load_spec

BROKEN = {"openapi": "3.0.3", "info": {"title": "No version"}, "paths": {}}


def test_the_package_s_contract_is_valid() -> None:
    """By the validator that a start leaves out."""
    assert Specification.load(load_spec()).version == (3, 0, 3)


def test_validation_is_left_out_within_the_block_only() -> None:
    """A contract that somebody else hands over is still validated."""
    with taken_as_valid():
        assert Specification.load(dict(BROKEN)).version == (3, 0, 3)
    with pytest.raises(InvalidSpecification):
        Specification.load(dict(BROKEN))
