"""The rows of the family, one module per exchange; small ones share a module."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from app.connectors.ccxt.exchanges import (
    backpack,
    binance_us,
    bingx,
    bitget,
    bitrue,
    bitstamp,
    bybit,
    coinbase,
    derive,
    gate,
    gemini,
    htx,
    hyperliquid,
    kraken,
    kucoin,
    mexc,
    okx,
    perpetuals,
    regional,
)
from app.connectors.ccxt.row import Row

_MODULES = (
    backpack,
    binance_us,
    bingx,
    bitget,
    bitrue,
    bitstamp,
    bybit,
    coinbase,
    derive,
    gate,
    gemini,
    htx,
    hyperliquid,
    kraken,
    kucoin,
    mexc,
    okx,
    perpetuals,
    regional,
)

#: Every row by its name.
ROWS: Mapping[str, Row] = MappingProxyType({row.name: row for module in _MODULES for row in module.ROWS})
