"""The rate oracle over HTTP, as callers up to client 1.5.1 know it: its source, its token, its rates and prices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.handlers.schemas import OracleRatesRequestSchema, RateOracleChangeSchema
from app.services.acting import ActingGateway
from app.services.markets.rates import RateConfig

_RATES = OracleRatesRequestSchema()
_CHANGE = RateOracleChangeSchema()


async def get_sources(gateway: ActingGateway) -> Any:
    """GET /rate-oracle/sources"""
    return gateway.rates.sources()


async def get_config(gateway: ActingGateway) -> Any:
    """GET /rate-oracle/config"""
    config = await gateway.rates.config()
    return _config(gateway, config), 200, _tag(config)


async def change_config(gateway: ActingGateway, body: Mapping[str, Any], if_match: str | None = None) -> Any:
    """PUT /rate-oracle/config"""
    asked = _CHANGE.load(body)
    token = asked.get("global_token") or {}
    config, changes = await gateway.rates.configure(
        source=(asked.get("rate_oracle_source") or {}).get("name"),
        quote=token.get("global_token_name"),
        symbol=token.get("global_token_symbol"),
        versions=None if if_match is None or if_match == "*" else [tag.strip('" ') for tag in if_match.split(",")],
    )
    message = "; ".join(changes) or "No changes made"
    return {"success": True, "message": message, "config": _config(gateway, config)}, 200, _tag(config)


async def get_rates(gateway: ActingGateway, body: Mapping[str, Any]) -> Any:
    """POST /rate-oracle/rates"""
    config = await gateway.rates.config()
    rates = await gateway.rates.oracle_rates(config, _RATES.load(body)["trading_pairs"])
    return {"source": config.source, "quote_token": config.quote, "rates": rates}


async def get_rate(gateway: ActingGateway, trading_pair: str) -> Any:
    """GET /rate-oracle/rate/{trading_pair}"""
    config = await gateway.rates.config()
    rates = await gateway.rates.oracle_rates(config, [trading_pair])
    return {
        "trading_pair": trading_pair,
        "rate": rates[trading_pair],
        "source": config.source,
        "quote_token": config.quote,
    }


async def get_rate_async(gateway: ActingGateway, trading_pair: str) -> Any:
    """GET /rate-oracle/rate-async/{trading_pair}: the same answer under the name that asked the exchange; we always do."""
    return await get_rate(gateway, trading_pair)


async def get_prices(gateway: ActingGateway) -> Any:
    """GET /rate-oracle/prices"""
    config = await gateway.rates.config()
    prices = await gateway.rates.oracle_prices(config)
    return {
        "source": config.source,
        "quote_token": config.quote,
        "prices_count": len(prices),
        "prices": prices,
    }


def _config(gateway: ActingGateway, config: RateConfig) -> Any:
    return {
        "rate_oracle_source": {"name": config.source},
        "global_token": {"global_token_name": config.quote, "global_token_symbol": config.symbol},
        "available_sources": gateway.rates.sources(),
    }


def _tag(config: RateConfig) -> Mapping[str, str]:
    return {"ETag": f'"{config.version}"'}
