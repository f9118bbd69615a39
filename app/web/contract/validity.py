"""The contract's validity as an OpenAPI document: proved by a test for the one in the package, and not again at each start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from connexion.spec import Specification


@contextmanager
def taken_as_valid() -> Iterator[None]:
    """Within it Connexion does not validate a contract. That takes half a second of processor time, a third of a start."""
    validate = Specification.__dict__["_validate_spec"]
    Specification._validate_spec = classmethod(_accept)
    try:
        yield
    finally:
        Specification._validate_spec = validate


def _accept(_specification: type[Specification], _document: dict[str, Any]) -> None:
    """The contract is valid."""
