"""A connector on the paper exchange that fails as its one credential says, in ways that no connector should."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from app.connectors import registry
from app.connectors.capabilities import CredentialField
from app.connectors.paper.spot import PaperConnector
from app.domain.errors import ConnectorNotConfigured
from app.domain.markets.trading_rule import TradingRule
from app.domain.reports import Balance


class OddConnector(PaperConnector):
    """``mode``: ``well`` answers, ``hang`` never does, ``crash`` raises what nobody expects, ``gone`` finds no credentials."""

    name = "odd"
    credential_fields = {"mode": CredentialField()}  # noqa: RUF012 - as in every connector

    async def fetch_balances(self) -> Sequence[Balance]:
        mode = self.context.credentials["mode"]
        if mode == "hang":
            await asyncio.get_running_loop().create_future()
        if mode == "crash":
            raise ZeroDivisionError(f"mode={mode}")
        if mode == "gone":
            raise ConnectorNotConfigured(self.name, self.context.account_name)
        return await super().fetch_balances()

    async def load_trading_rules(self, max_age: timedelta | None = None) -> Mapping[str, TradingRule]:
        raise ZeroDivisionError


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make ``odd`` a connector for one test."""
    path = f"{OddConnector.__module__}:{OddConnector.__name__}"
    monkeypatch.setattr(registry, "CONNECTORS", {**registry.CONNECTORS, "odd": path})
