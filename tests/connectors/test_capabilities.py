"""What exchanges are said to be able to do: the table of every connector agrees with its verbs, and with the ids that we make."""

from __future__ import annotations

import random
import re

import pytest

from app.connectors.base import Connector
from app.connectors.capabilities import Capabilities
from app.connectors.registry import connector_class
from app.domain.enums import OrderType
from app.domain.ids import new_installation, new_order_id
from tests.clock import START

PERPETUAL_VERBS = ("fetch_positions", "fetch_position_mode", "set_position_mode", "set_leverage", "fetch_funding_info")


@pytest.fixture(params=["paper", "paper_perpetual", "binance", "binance_perpetual"])
def connector(request: pytest.FixtureRequest) -> type[Connector]:
    return connector_class(request.param)


def test_a_market_is_a_perpetual_or_not(connector: type[Connector]) -> None:
    """Positions, their modes, leverage and funding are there together or not at all."""
    capabilities = connector.capabilities
    assert {connector.has_verb(verb) for verb in PERPETUAL_VERBS} == {capabilities.is_perpetual}
    assert bool(capabilities.position_modes) is capabilities.is_perpetual
    assert capabilities.is_perpetual or not capabilities.reduce_only


def test_what_is_pushed_can_be_fetched_too(connector: type[Connector]) -> None:
    """A follower fetches the market after a gap; pages of candles have a length where there are candles."""
    capabilities = connector.capabilities
    assert connector.has_verb("fetch_candles") is (capabilities.candles_page > 0)
    assert connector.has_verb("follow") is bool(capabilities.followed)
    assert connector.has_verb("set_countdown") is (capabilities.countdown != "none")
    assert ("order_book" in capabilities.followed) is (capabilities.followed_levels > 0)


def test_absence_is_believed_sooner_after_an_overload(connector: type[Connector]) -> None:
    """The call has come to its end then; where absence is never proof, it is not after an overload either."""
    capabilities = connector.capabilities
    if capabilities.overload_grace is not None:
        assert capabilities.absence_grace is not None
        assert capabilities.overload_grace <= capabilities.absence_grace


def test_ids_of_ours_are_ids_of_the_exchange(connector: type[Connector]) -> None:
    """An order without a client id of the caller's goes out under one that the gateway makes."""
    bits = random.Random(1).getrandbits
    order_id = new_order_id(START, bits, new_installation(bits))
    assert re.fullmatch(connector.capabilities.client_id_pattern, order_id)


def test_nothing_is_claimed_that_was_not_said() -> None:
    """A table that names order types alone offers nothing else: neither a perpetual, nor proof by absence, nor candles."""
    least = Capabilities(order_types=(OrderType.LIMIT,))
    assert not any((least.reduce_only, least.quote_amount, least.is_perpetual, least.position_modes))
    assert least.absence_grace is least.overload_grace is None
    assert not any((least.candles_page, least.followed, least.followed_levels))
