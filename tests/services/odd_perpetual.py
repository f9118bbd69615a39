"""Perpetual connectors on the paper exchange: one that fails as its one credential says, and two that can do less."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.connectors import registry
from app.connectors.base import Connector
from app.connectors.capabilities import CredentialField
from app.connectors.paper.perpetual import PaperPerpetualConnector
from app.domain.enums import PositionMode
from app.domain.errors import CredentialsRefused, ExchangeDown
from app.domain.reports import Position


class OddPerpetual(PaperPerpetualConnector):
    """``mode``: ``well`` answers, ``hang`` never does, ``crash`` raises what nobody expects, ``key`` and ``down`` refuse."""

    name = "odd_perpetual"
    credential_fields = {"mode": CredentialField()}  # noqa: RUF012 - as in every connector

    async def _go_wrong(self) -> None:
        match self.context.credentials["mode"]:
            case "hang":
                await asyncio.get_running_loop().create_future()
            case "crash":
                raise ZeroDivisionError("nobody expects this")
            case "key":
                raise CredentialsRefused("Invalid API-key")
            case "down":
                raise ExchangeDown("The exchange is down for maintenance")

    async def fetch_positions(self) -> Sequence[Position]:
        await self._go_wrong()
        return await super().fetch_positions()

    async def fetch_position_mode(self) -> PositionMode:
        await self._go_wrong()
        return await super().fetch_position_mode()

    async def set_position_mode(self, mode: PositionMode) -> None:
        await self._go_wrong()
        await super().set_position_mode(mode)

    async def set_leverage(self, trading_pair: str, leverage: int) -> None:
        await self._go_wrong()
        await super().set_leverage(trading_pair, leverage)


class BarePerpetual(PaperPerpetualConnector):
    """Without leverage and position mode, as some exchanges are."""

    name = "bare_perpetual"
    set_leverage = Connector.set_leverage
    set_position_mode = Connector.set_position_mode
    fetch_position_mode = Connector.fetch_position_mode


class OneWayPerpetual(PaperPerpetualConnector):
    """One-way mode only."""

    name = "oneway_perpetual"
    capabilities = replace(PaperPerpetualConnector.capabilities, position_modes=(PositionMode.ONEWAY,))


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make them connectors for one test."""
    added = {kind.name: f"{kind.__module__}:{kind.__name__}" for kind in (OddPerpetual, BarePerpetual, OneWayPerpetual)}
    monkeypatch.setattr(registry, "CONNECTORS", {**registry.CONNECTORS, **added})
