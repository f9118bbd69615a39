"""Connectors over HTTP: which there are and what they demand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from app.connectors.capabilities import CredentialField
from app.domain.enums import Environment
from app.handlers.forms.views import rule_row
from app.handlers.schemas import ConnectorCapabilitiesSchema, ConnectorHealthSchema
from app.services.acting import ActingGateway

_CAPABILITIES = ConnectorCapabilitiesSchema()
_HEALTH = ConnectorHealthSchema()


def list_connectors(gateway: ActingGateway) -> list[str]:
    """GET /connectors"""
    return gateway.bounds.seen(gateway.catalog.list_connectors())


async def get_trading_rules(
    gateway: ActingGateway, connector_name: str, trading_pairs: Sequence[str] | None = None
) -> Any:
    """GET /connectors/{connector_name}/trading-rules"""
    rules = await gateway.catalog.trading_rules(connector_name)
    if not trading_pairs:
        return {trading_pair: rule_row(rule) for trading_pair, rule in rules.items()}
    return {
        trading_pair: rule_row(rules[trading_pair])
        if trading_pair in rules
        else {"error": f"Trading pair {trading_pair} not found"}
        for trading_pair in trading_pairs
    }


def get_capabilities(gateway: ActingGateway, connector_name: str) -> Any:
    """GET /connectors/{connector_name}/capabilities"""
    can = gateway.catalog.capabilities(connector_name)
    return _CAPABILITIES.dump(
        {
            "connector": connector_name,
            "environment": gateway.bounds.environments.get(connector_name, Environment.LIVE),
            "order_types": can.order_types,
            "times_in_force": can.times_in_force,
            "reduce_only": can.reduce_only,
            "quote_amount": can.quote_amount,
            "is_perpetual": can.is_perpetual,
            "client_order_id": can.client_id_pattern,
            "settles": can.settles,
            "stream": can.stream,
            "market_buy_in": can.market_buy_in,
            "countdown": can.countdown,
            "proof": can.proof,
        }
    )


async def get_health(gateway: ActingGateway, connector_name: str) -> Any:
    """GET /connectors/{connector_name}/health"""
    found = await gateway.catalog.health(connector_name)
    ahead = found.clock_ahead
    return _HEALTH.dump(
        {
            "connector": connector_name,
            "environment": gateway.environment_of(connector_name),
            "problem": found.problem,
            "clock_ahead_ms": None if ahead is None else round(ahead / timedelta(milliseconds=1)),
            "clock_problem": found.clock_problem,
            "request_headroom": found.request_headroom,
            "unreadable_rows": dict(found.unreadable),
        }
    )


def get_order_types(gateway: ActingGateway, connector_name: str) -> Any:
    """GET /connectors/{connector_name}/order-types"""
    order_types = gateway.catalog.capabilities(connector_name).order_types
    return {"connector": connector_name, "supported_order_types": [str(order_type) for order_type in order_types]}


def get_config_map(gateway: ActingGateway, connector_name: str) -> Any:
    """GET /connectors/{connector_name}/config-map"""
    fields = gateway.catalog.credential_fields(connector_name)
    return {name: _config_field(field) for name, field in fields.items()}


def _config_field(field: CredentialField) -> dict[str, Any]:
    row: dict[str, Any] = {"type": field.type, "required": field.required}
    if field.allowed_values:
        row["allowed_values"] = list(field.allowed_values)
    if field.help:
        row["help"] = field.help
    return row
