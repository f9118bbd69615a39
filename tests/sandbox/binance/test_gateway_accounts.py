"""Two accounts of this Binance, each with keys of its own, behind one account of the gateway: which one an order is on, and that
nothing is concluded from the other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from app.domain.enums import OrderState, OrderType, TradeType
from app.domain.errors import ExchangeAccountChanged, OtherExchangeAccount
from app.domain.order import AccountKey, Order, OrderRequest
from app.sandbox.server import Sandbox
from app.services.accounts.accounts import MASTER_ACCOUNT
from app.services.gateway import Gateway
from app.vault import Vault
from tests.clock import FakeClock
from tests.gateways import SECRET_KEY, opened_gateway

CONNECTORS = ("binance", "binance_perpetual")
#: Two keys of one account, and one of another.
ACCOUNTS = {"alice": ("alices-first-key", "alices-second-key"), "bob": ("bobs-only-key-of-all",)}
SECRET = "a secret that only the test knows"


@pytest.fixture
async def gateway(
    tmp_path: Path, sqlite_template: Path, clock: FakeClock, both_markets: Sandbox
) -> AsyncIterator[Gateway]:
    """A gateway whose Binance is the sandbox with both accounts."""
    for name, keys in ACCOUNTS.items():
        for api_key in keys:
            both_markets.keys.add(name, api_key, secret=SECRET)
    directory = tmp_path / "gateway"
    directory.mkdir()
    urls = {
        "ORDERGATE_BINANCE_REST_URL": both_markets.rest_url,
        "ORDERGATE_BINANCE_STREAM_URL": both_markets.stream_url,
        "ORDERGATE_BINANCE_PERPETUAL_REST_URL": both_markets.futures_rest_url,
        "ORDERGATE_BINANCE_PERPETUAL_STREAM_URL": both_markets.futures_stream_url,
    }
    async with opened_gateway(directory, sqlite_template, clock, connector_urls=urls) as gateway:
        yield gateway


def credentials(connector_name: str, api_key: str) -> dict[str, str]:
    return {f"{connector_name}_api_key": api_key, f"{connector_name}_api_secret": SECRET}


async def use(gateway: Gateway, connector_name: str, api_key: str) -> None:
    """Store credentials as a caller does."""
    await gateway.accounts.add_credential(
        AccountKey(MASTER_ACCOUNT, connector_name), credentials(connector_name, api_key)
    )


async def rest(gateway: Gateway, connector_name: str, order_id: str) -> Order:
    """An order that rests far below the market."""
    asked = OrderRequest(
        account_name=MASTER_ACCOUNT,
        connector_name=connector_name,
        trading_pair="BTC-USDT",
        trade_type=TradeType.BUY,
        order_type=OrderType.LIMIT,
        amount=D("0.01"),
        price=D(40_000),
        client_order_id=order_id,
    )
    order = (await gateway.orders.place(asked)).order
    assert order.state is OrderState.OPEN
    return order


@pytest.mark.parametrize("connector_name", CONNECTORS)
async def test_keys_of_another_account_are_refused_under_open_orders(gateway: Gateway, connector_name: str) -> None:
    """409 names the orders and changes nothing; another key of the same account is taken, and the other's once nothing is open."""
    await use(gateway, connector_name, "alices-first-key")
    order = await rest(gateway, connector_name, "o1")
    with pytest.raises(OtherExchangeAccount, match=r"\(o1\).*resolve") as refused:
        await use(gateway, connector_name, "bobs-only-key-of-all")
    assert refused.value.status == 409

    await use(gateway, connector_name, "alices-second-key")
    assert (await gateway.settling.settle(order.key)).order.state is OrderState.OPEN
    assert (await gateway.orders.cancel(order.key)).state is OrderState.CANCELED
    await use(gateway, connector_name, "bobs-only-key-of-all")
    assert (await rest(gateway, connector_name, "o2")).exchange_account != order.exchange_account


@pytest.mark.parametrize("connector_name", CONNECTORS)
async def test_orders_left_behind_keep_their_account(gateway: Gateway, connector_name: str) -> None:
    """Credentials were deleted by force: those of the other account are still refused, those of the same are taken."""
    await use(gateway, connector_name, "alices-first-key")
    await rest(gateway, connector_name, "o1")
    await gateway.accounts.delete_credential(AccountKey(MASTER_ACCOUNT, connector_name), force=True)

    with pytest.raises(OtherExchangeAccount):
        await use(gateway, connector_name, "bobs-only-key-of-all")
    await use(gateway, connector_name, "alices-second-key")


@pytest.mark.parametrize("connector_name", CONNECTORS)
async def test_orders_of_before_are_on_the_account_of_their_key(gateway: Gateway, connector_name: str) -> None:
    """Neither credentials nor orders say where they are, as an earlier version left them: the stored key is asked first."""
    await use(gateway, connector_name, "alices-first-key")
    await rest(gateway, connector_name, "o1")
    forget_accounts(gateway)

    with pytest.raises(OtherExchangeAccount):
        await use(gateway, connector_name, "bobs-only-key-of-all")
    await use(gateway, connector_name, "alices-second-key")


async def test_a_key_that_tells_nothing_any_more_proves_nothing(gateway: Gateway, both_markets: Sandbox) -> None:
    """The stored key of before is revoked, so nobody knows where the order is: no other key is taken under it."""
    await use(gateway, "binance", "alices-first-key")
    await rest(gateway, "binance", "o1")
    forget_accounts(gateway)
    del both_markets.keys._keys["alices-first-key"]

    with pytest.raises(OtherExchangeAccount):
        await use(gateway, "binance", "alices-second-key")


@pytest.mark.parametrize("connector_name", CONNECTORS)
async def test_nothing_is_concluded_from_the_other_account(
    gateway: Gateway, clock: FakeClock, connector_name: str
) -> None:
    """The other account's key came under an open order all the same, past this gateway: that it denies the order means nothing."""
    await use(gateway, connector_name, "alices-first-key")
    order = await rest(gateway, connector_name, "o1")
    sealed = Vault(SECRET_KEY).seal(MASTER_ACCOUNT, connector_name, credentials(connector_name, "bobs-only-key-of-all"))
    with gateway.journal.database.change() as connection:
        connection.exec_driver_sql(
            "UPDATE credentials SET sealed = ?, version = 99 WHERE connector_name = ?", (sealed, connector_name)
        )
        connection.exec_driver_sql("UPDATE journal_sequence SET credentials_version = 99")
    await gateway.sessions.retire_changed()

    for seconds in (5, 1_000, 100_000):
        clock.advance(seconds)
        with pytest.raises(ExchangeAccountChanged):
            await gateway.settling.settle(order.key)
    assert gateway.journal.find_order(order.key) == order


def forget_accounts(gateway: Gateway) -> None:
    """Leave the rows as a version did that knew nothing of accounts at exchanges."""
    statements: tuple[Any, ...] = (
        "UPDATE credentials SET exchange_account = NULL",
        "UPDATE orders SET exchange_account = NULL",
    )
    with gateway.journal.database.change() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    assert gateway.journal._writer is not None
    gateway.journal._writer._cache.check(-1)
