"""Position mode and leverage: what the exchange has is what is said, and what it refuses is never a success."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.enums import PositionMode
from app.domain.errors import (
    ChangeRefused,
    ConnectorNotConfigured,
    CredentialsRefused,
    ExchangeDown,
    ExchangeReadError,
    ExchangeReadTimeout,
    InvalidArgument,
    OrdergateError,
    UnknownAccount,
    UnknownConnector,
    UnsupportedConnector,
    UnsupportedPair,
)
from app.domain.order import AccountKey
from app.services.accounts.accounts import MASTER_ACCOUNT
from app.services.accounts.position_settings import PositionSettings, position_mode_of
from app.services.gateway import Gateway
from tests.clock import FakeClock
from tests.gateways import opened_gateway
from tests.services.odd_perpetual import register
from tests.services.perpetuals import PERPETUAL, give, market


@pytest.fixture
async def gateway(
    tmp_path: Path, sqlite_template: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gateway]:
    """A gateway with the master account on the paper perpetuals."""
    register(monkeypatch)
    async with opened_gateway(tmp_path, sqlite_template, clock) as gateway:
        give(gateway, MASTER_ACCOUNT, PERPETUAL)
        yield gateway


@pytest.fixture
def settings(gateway: Gateway) -> PositionSettings:
    return gateway.position_settings


@pytest.mark.parametrize("text", ["HEDGE", "hedge", " Hedge "])
def test_spellings_of_hedge(text: str) -> None:
    """In any case."""
    assert position_mode_of(text) is PositionMode.HEDGE


@pytest.mark.parametrize("text", ["ONEWAY", "oneway", "ONE-WAY", "one_way", "One Way"])
def test_spellings_of_oneway(text: str) -> None:
    """With or without what parts the words."""
    assert position_mode_of(text) is PositionMode.ONEWAY


@pytest.mark.parametrize("text", ["", "BOTH", "hedged"])
def test_other_words_are_no_mode(text: str) -> None:
    """The refusal says which there are."""
    with pytest.raises(InvalidArgument) as refusal:
        position_mode_of(text)
    assert refusal.value.detail == f"Invalid position mode '{text}'. Must be 'HEDGE' or 'ONEWAY'"


async def test_the_mode_is_the_exchanges(settings: PositionSettings, gateway: Gateway) -> None:
    """Set through one connector, it is there for another process's; orders then go to the side that they name."""
    assert await settings.position_mode(AccountKey(MASTER_ACCOUNT, PERPETUAL)) is PositionMode.ONEWAY
    assert await settings.set_position_mode(AccountKey(MASTER_ACCOUNT, PERPETUAL), "hedge") is PositionMode.HEDGE
    gateway.sessions.forget(AccountKey(MASTER_ACCOUNT, PERPETUAL))
    assert await settings.position_mode(AccountKey(MASTER_ACCOUNT, PERPETUAL)) is PositionMode.HEDGE
    await market(gateway, "0.1")
    (found,) = (await gateway.positions.page((), (), limit=10, cursor=None)).page.items
    assert found.position.side == "LONG"


async def test_a_refused_mode_is_no_success(settings: PositionSettings, gateway: Gateway) -> None:
    """The exchange's reason, and the mode is as it was."""
    await market(gateway, "0.1")
    with pytest.raises(ChangeRefused, match="while there are positions"):
        await settings.set_position_mode(AccountKey(MASTER_ACCOUNT, PERPETUAL), "HEDGE")
    assert await settings.position_mode(AccountKey(MASTER_ACCOUNT, PERPETUAL)) is PositionMode.ONEWAY


async def test_leverage_reaches_the_exchange(settings: PositionSettings, gateway: Gateway) -> None:
    """A position shows it."""
    await settings.set_leverage(AccountKey(MASTER_ACCOUNT, PERPETUAL), "BTC-USDT", 20)
    await market(gateway, "0.1")
    (found,) = (await gateway.positions.page((), (), limit=10, cursor=None)).page.items
    assert found.position.leverage == 20


async def test_a_refused_leverage_is_no_success(settings: PositionSettings, gateway: Gateway) -> None:
    """A hundred thousand dollars can't carry a position of two hundred thousand without leverage."""
    await settings.set_leverage(AccountKey(MASTER_ACCOUNT, PERPETUAL), "BTC-USDT", 20)
    await market(gateway, "3")
    with pytest.raises(ChangeRefused, match="available"):
        await settings.set_leverage(AccountKey(MASTER_ACCOUNT, PERPETUAL), "BTC-USDT", 1)
    with pytest.raises(UnsupportedPair):
        await settings.set_leverage(AccountKey(MASTER_ACCOUNT, PERPETUAL), "NO-PAIR", 5)


@pytest.mark.parametrize(
    ("account", "connector", "error", "text"),
    [
        (MASTER_ACCOUNT, "paper", InvalidArgument, "Connector 'paper' is not a perpetual connector"),
        (MASTER_ACCOUNT, "nothing", UnknownConnector, "Connector 'nothing' not found"),
        (MASTER_ACCOUNT, "bitmart_perpetual", UnsupportedConnector, "can't trade on it: the library"),
        ("nobody", PERPETUAL, UnknownAccount, "Account 'nobody' not found"),
        ("second", PERPETUAL, ConnectorNotConfigured, "not found for account 'second'"),
    ],
)
async def test_whom_nobody_can_ask(
    gateway: Gateway, account: str, connector: str, error: type[OrdergateError], text: str
) -> None:
    """Every verb refuses alike."""
    gateway.accounts.add_account("second")
    for verb in (
        gateway.position_settings.position_mode(AccountKey(account, connector)),
        gateway.position_settings.set_position_mode(AccountKey(account, connector), "HEDGE"),
        gateway.position_settings.set_leverage(AccountKey(account, connector), "BTC-USDT", 5),
    ):
        with pytest.raises(error, match=text):
            await verb


async def test_what_a_connector_lacks_is_said(gateway: Gateway) -> None:
    """Neither verb, and a mode that the exchange does not have."""
    for name in ("bare_perpetual", "oneway_perpetual"):
        give(gateway, MASTER_ACCOUNT, name)
    settings = gateway.position_settings
    with pytest.raises(InvalidArgument, match="'bare_perpetual' does not support leverage setting"):
        await settings.set_leverage(AccountKey(MASTER_ACCOUNT, "bare_perpetual"), "BTC-USDT", 5)
    with pytest.raises(InvalidArgument, match="'bare_perpetual' does not support position mode"):
        await settings.position_mode(AccountKey(MASTER_ACCOUNT, "bare_perpetual"))
    with pytest.raises(InvalidArgument, match=r"'HEDGE' not supported\. Supported modes: \['ONEWAY'\]"):
        await settings.set_position_mode(AccountKey(MASTER_ACCOUNT, "oneway_perpetual"), "HEDGE")


@pytest.mark.parametrize(
    ("mode", "asked", "changed"),
    [
        ("hang", ExchangeReadTimeout, ExchangeReadTimeout),
        ("crash", ExchangeReadError, ExchangeReadError),
        ("key", CredentialsRefused, CredentialsRefused),
        ("down", ExchangeDown, ExchangeDown),
    ],
)
async def test_an_exchange_that_gives_no_answer(
    gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    asked: type[OrdergateError],
    changed: type[OrdergateError],
) -> None:
    """Is told as it is; where a change may have been made all the same, that is said."""
    give(gateway, MASTER_ACCOUNT, "odd_perpetual", mode=mode)
    settings = gateway.position_settings
    if mode == "hang":
        monkeypatch.setattr(settings, "_timeout", timedelta(seconds=0.5))
    with pytest.raises(asked):
        await settings.position_mode(AccountKey(MASTER_ACCOUNT, "odd_perpetual"))
    for verb in (
        settings.set_position_mode(AccountKey(MASTER_ACCOUNT, "odd_perpetual"), "HEDGE"),
        settings.set_leverage(AccountKey(MASTER_ACCOUNT, "odd_perpetual"), "BTC-USDT", 5),
    ):
        with pytest.raises(changed) as error:
            await verb
        if mode in ("hang", "crash"):
            assert "whether the" in error.value.detail
            assert "is not known" in error.value.detail
