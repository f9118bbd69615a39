"""Whose account the credentials of a name open: without a name for it, no absence is a proof."""

from __future__ import annotations

import pytest

from app.connectors.base import ConnectorContext
from app.connectors.ccxt.exchanges import ROWS
from app.connectors.ccxt.family import family_class
from app.connectors.common.http import HttpAnswer
from app.domain.errors import ExchangeReadError
from tests.connectors.ccxt.capture import credentials_of
from tests.connectors.ccxt.wired import wired

NAMED_BY_CREDENTIALS = sorted(name for name, row in ROWS.items() if not row.account)


async def name_of(name: str, **changed: str) -> str | None:
    """What a connector with these credentials calls its account."""
    async with wired(ROWS[name]) as (connector, exchange):
        given = connector.context
        context = ConnectorContext(
            account_name="a",
            credentials={**given.credentials, **changed},
            clock=given.clock,
            venue=given.venue,
        )
        found = await family_class(name)(context).fetch_exchange_account()
        assert exchange.requests == []
        return found


@pytest.mark.parametrize("name", NAMED_BY_CREDENTIALS)
async def test_what_signs_in_names_the_account_where_the_exchange_is_not_asked(name: str) -> None:
    """The same credentials, the same name; others another one, unless only a key of the same account differs."""
    row, known = ROWS[name], await name_of(name)
    given = credentials_of(row)
    assert known
    assert await name_of(name) == known
    assert row.names_of_account
    for field in row.secrets:
        changed = await name_of(name, **{field: "another"})
        assert (changed != known) == (field in row.names_of_account), field
    assert not any(value in known for value in given.values() if len(value) > 2)


async def test_an_address_is_the_same_in_either_case() -> None:
    """Hyperliquid's are written with and without capitals."""
    address = "0x" + "aB" * 20
    names = {await name_of("hyperliquid", hyperliquid_address=each) for each in (address, address.lower())}
    assert len(names) == 1


async def test_bybit_is_asked() -> None:
    """Its number is the name; an answer without one is none."""
    async with wired(ROWS["bybit"]) as (connector, exchange):
        exchange.answers.append(HttpAnswer(200, {}, b'{"retCode":0,"result":{"userID":24617703}}'))
        assert await connector.fetch_exchange_account() == "24617703"
        exchange.answers.append(HttpAnswer(200, {}, b'{"retCode":0,"result":{"id":"1"}}'))
        with pytest.raises(ExchangeReadError, match="userID"):
            await connector.fetch_exchange_account()
