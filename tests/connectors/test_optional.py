"""What a connector need not have: who asks for it all the same is told which exchange lacks what."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Sequence
from typing import ClassVar

import pytest

from app.connectors.optional import OptionalVerbs
from app.domain.errors import UnsupportedFeature
from app.domain.reports import Ticker

VERBS = [name for name in vars(OptionalVerbs) if not name.startswith("_") and name not in ("name", "has_verb")]


class Bare(OptionalVerbs):
    """An exchange with nothing of it."""

    name: ClassVar[str] = "bare"


class Tickers(Bare):
    """One with a single verb, and what inherits from it."""

    async def fetch_tickers(self) -> Sequence[Ticker]:
        return ()


class Derived(Tickers):
    """Another of the same family."""


@pytest.mark.parametrize("verb", VERBS)
def test_what_is_lacking_is_said(verb: str) -> None:
    """The error names the connector, whichever verb it is."""
    call = getattr(Bare(), verb)
    anything = {name: None for name, each in inspect.signature(call).parameters.items() if each.default is each.empty}
    with pytest.raises(UnsupportedFeature, match=r"^Connector 'bare' does not support .+"):
        asyncio.run(call(**anything))


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_there_where_a_connector_defines_it(verb: str) -> None:
    """Its own, or one that it inherits from another connector."""
    assert not Bare.has_verb(verb)
    assert Tickers.has_verb(verb) is Derived.has_verb(verb) is (verb == "fetch_tickers")
