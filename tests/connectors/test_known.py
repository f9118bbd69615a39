"""The names and credential fields that callers know, against a copy of the list by hand."""

from __future__ import annotations

import pytest

from app.connectors.known import KNOWN_FIELDS
from app.connectors.registry import CONNECTORS, connector_class, credential_fields, served_names
from app.connectors.unserved import UNSERVED
from app.domain.errors import UnknownConnector, UnsupportedConnector

_SECRETS = {
    "backpack": "backpack_api_key backpack_api_secret",
    "binance": "binance_api_key binance_api_secret",
    "bing_x": "bingx_api_key bingx_api_secret",
    "bitget": "bitget_api_key bitget_secret_key bitget_passphrase",
    "bitmart": "bitmart_api_key bitmart_secret_key bitmart_memo",
    "bitrue": "bitrue_api_key bitrue_api_secret",
    "bitstamp": "bitstamp_api_key bitstamp_api_secret",
    "btc_markets": "btc_markets_api_key btc_markets_api_secret",
    "bybit": "bybit_api_key bybit_api_secret",
    "bybit_testnet": "bybit_testnet_api_key bybit_testnet_api_secret",
    "coinbase_advanced_trade": (
        "use_auth_for_public_endpoints coinbase_advanced_trade_api_key coinbase_advanced_trade_api_secret"
    ),
    "derive": "derive_api_key derive_api_secret sub_id account_type",
    "derive_testnet": "derive_testnet_api_key derive_testnet_api_secret sub_id account_type",
    "dexalot": "dexalot_api_secret dexalot_api_key",
    "dexalot_testnet": "dexalot_testnet_api_secret dexalot_testnet_api_key",
    "foxbit": "foxbit_api_key foxbit_api_secret foxbit_user_id",
    "gate_io": "gate_io_api_key gate_io_secret_key",
    "gemini": "gemini_api_key gemini_api_secret",
    "htx": "htx_api_key htx_secret_key",
    "hyperliquid": "hyperliquid_mode use_vault hyperliquid_address hyperliquid_secret_key",
    "hyperliquid_testnet": (
        "hyperliquid_testnet_mode use_vault hyperliquid_testnet_address hyperliquid_testnet_secret_key"
    ),
    "injective_v2": "network account_type fee_calculator",
    "kraken": "kraken_api_key kraken_secret_key kraken_api_tier",
    "kucoin": "kucoin_api_key kucoin_secret_key kucoin_passphrase",
    "kucoin_hft": "kucoin_hft_api_key kucoin_hft_secret_key kucoin_hft_passphrase",
    "lambdaplex": "lambdaplex_api_key lambdaplex_private_key",
    "lighter": (
        "lighter_l1_address lighter_account_index lighter_api_key_index lighter_api_private_key lighter_account_limit"
    ),
    "lighter_testnet": (
        "lighter_testnet_l1_address lighter_testnet_account_index lighter_testnet_api_key_index"
        " lighter_testnet_api_private_key lighter_testnet_account_limit"
    ),
    "mexc": "mexc_api_key mexc_api_secret",
    "ndax": "ndax_uid ndax_account_name ndax_api_key ndax_secret_key",
    "ndax_testnet": "ndax_testnet_uid ndax_testnet_account_name ndax_testnet_api_key ndax_testnet_secret_key",
    "okx": "okx_api_key okx_secret_key okx_passphrase okx_registration_sub_domain",
    "xrpl": "xrpl_secret_key wss_node_urls custom_markets max_request_per_minute",
    "aevo_perpetual": (
        "aevo_perpetual_api_key aevo_perpetual_api_secret aevo_perpetual_signing_key aevo_perpetual_account_address"
    ),
    "aevo_perpetual_testnet": (
        "aevo_perpetual_testnet_api_key aevo_perpetual_testnet_api_secret aevo_perpetual_testnet_signing_key"
        " aevo_perpetual_testnet_account_address"
    ),
    "architect_perpetual": "use_auth_for_public_endpoints api_key api_secret",
    "architect_perpetual_sandbox": "use_auth_for_public_endpoints api_key api_secret",
    "backpack_perpetual": "backpack_api_key backpack_api_secret",
    "binance_perpetual": "binance_perpetual_api_key binance_perpetual_api_secret",
    "binance_perpetual_testnet": "binance_perpetual_testnet_api_key binance_perpetual_testnet_api_secret",
    "bitget_perpetual": "bitget_perpetual_api_key bitget_perpetual_secret_key bitget_perpetual_passphrase",
    "bitmart_perpetual": "bitmart_perpetual_api_key bitmart_perpetual_api_secret bitmart_perpetual_memo",
    "bybit_perpetual": "bybit_perpetual_api_key bybit_perpetual_secret_key",
    "bybit_perpetual_testnet": "bybit_perpetual_testnet_api_key bybit_perpetual_testnet_secret_key",
    "decibel_perpetual": (
        "use_auth_for_public_endpoints decibel_perpetual_api_wallet_private_key"
        " decibel_perpetual_main_wallet_public_key decibel_perpetual_api_key decibel_perpetual_gas_station_api_key"
    ),
    "decibel_perpetual_testnet": (
        "use_auth_for_public_endpoints decibel_perpetual_testnet_api_wallet_private_key"
        " decibel_perpetual_testnet_main_wallet_public_key decibel_perpetual_testnet_api_key"
        " decibel_perpetual_testnet_gas_station_api_key"
    ),
    "derive_perpetual": "derive_perpetual_api_key derive_perpetual_api_secret sub_id account_type",
    "derive_perpetual_testnet": (
        "derive_perpetual_testnet_api_key derive_perpetual_testnet_api_secret sub_id account_type"
    ),
    "dydx_v4_perpetual": "dydx_v4_perpetual_secret_phrase dydx_v4_perpetual_chain_address",
    "evedex_perpetual": "evedex_perpetual_api_key evedex_perpetual_private_key",
    "gate_io_perpetual": "gate_io_perpetual_api_key gate_io_perpetual_secret_key gate_io_perpetual_user_id",
    "grvt_perpetual": "grvt_perpetual_api_key grvt_perpetual_private_key grvt_perpetual_trading_account_id",
    "grvt_perpetual_testnet": (
        "grvt_perpetual_testnet_api_key grvt_perpetual_testnet_private_key grvt_perpetual_testnet_trading_account_id"
    ),
    "hyperliquid_perpetual": (
        "hyperliquid_perpetual_mode use_vault hyperliquid_perpetual_address hyperliquid_perpetual_secret_key"
    ),
    "hyperliquid_perpetual_testnet": (
        "hyperliquid_perpetual_testnet_mode use_vault hyperliquid_perpetual_testnet_address"
        " hyperliquid_perpetual_testnet_secret_key"
    ),
    "injective_v2_perpetual": "network account_type fee_calculator",
    "kucoin_perpetual": "kucoin_perpetual_api_key kucoin_perpetual_secret_key kucoin_perpetual_passphrase",
    "lighter_perpetual": (
        "lighter_perpetual_l1_address lighter_perpetual_api_key_index lighter_perpetual_api_private_key"
        " lighter_perpetual_account_limit"
    ),
    "lighter_perpetual_testnet": (
        "lighter_perpetual_testnet_l1_address lighter_perpetual_testnet_api_key_index"
        " lighter_perpetual_testnet_api_private_key lighter_perpetual_testnet_account_limit"
    ),
    "okx_perpetual": "okx_perpetual_api_key okx_perpetual_secret_key okx_perpetual_passphrase",
    "pacifica_perpetual": (
        "pacifica_perpetual_agent_wallet_public_key pacifica_perpetual_agent_wallet_private_key"
        " pacifica_perpetual_user_wallet_public_key pacifica_perpetual_api_config_key"
    ),
    "pacifica_perpetual_testnet": (
        "pacifica_perpetual_testnet_agent_wallet_public_key pacifica_perpetual_testnet_agent_wallet_private_key"
        " pacifica_perpetual_testnet_user_wallet_public_key pacifica_perpetual_testnet_api_config_key"
    ),
}


def test_all_sixty_two_names_are_known_with_their_fields() -> None:
    """Names and fields are the ones that callers send, in the same order, and there are no others."""
    assert {name: " ".join(fields) for name, fields in KNOWN_FIELDS.items()} == _SECRETS
    assert len(KNOWN_FIELDS) == 62


def test_optional_fields_and_types() -> None:
    """What is not a required secret is marked as what it is."""
    unusual = {
        f"{name}.{field_name}": (field.type, field.required)
        for name, fields in KNOWN_FIELDS.items()
        for field_name, field in fields.items()
        if (field.type, field.required) != ("SecretStr", True) and not name.endswith(("_testnet", "_sandbox"))
    }
    assert unusual == {
        "coinbase_advanced_trade.use_auth_for_public_endpoints": ("bool", False),
        "hyperliquid.hyperliquid_mode": ("Literal", True),
        "hyperliquid.use_vault": ("bool", False),
        "injective_v2.network": ("dict", True),
        "injective_v2.account_type": ("dict", True),
        "injective_v2.fee_calculator": ("dict", True),
        "kraken.kraken_api_tier": ("SecretStr", False),
        "lighter.lighter_l1_address": ("str", True),
        "lighter.lighter_account_index": ("int", False),
        "lighter.lighter_api_key_index": ("int", True),
        "okx.okx_registration_sub_domain": ("SecretStr", False),
        "xrpl.wss_node_urls": ("list", True),
        "xrpl.custom_markets": ("dict", True),
        "xrpl.max_request_per_minute": ("int", False),
        "architect_perpetual.use_auth_for_public_endpoints": ("bool", False),
        "decibel_perpetual.use_auth_for_public_endpoints": ("bool", False),
        "hyperliquid_perpetual.hyperliquid_perpetual_mode": ("Literal", True),
        "hyperliquid_perpetual.use_vault": ("bool", False),
        "injective_v2_perpetual.network": ("dict", True),
        "injective_v2_perpetual.account_type": ("dict", True),
        "injective_v2_perpetual.fee_calculator": ("dict", True),
        "lighter_perpetual.lighter_perpetual_l1_address": ("str", True),
        "lighter_perpetual.lighter_perpetual_api_key_index": ("int", True),
        "pacifica_perpetual.pacifica_perpetual_api_config_key": ("SecretStr", False),
    }


@pytest.mark.parametrize("name", sorted(set(CONNECTORS) & set(KNOWN_FIELDS)))
def test_connectors_of_ours_demand_the_fields_that_callers_send(name: str) -> None:
    """A connector of ours under a known name has the known fields, so that callers need no change."""
    assert list(connector_class(name).credential_fields) == list(KNOWN_FIELDS[name])


def test_each_known_name_is_served_or_has_a_reason() -> None:
    """Never both, and never a reason for a name that nobody knows."""
    assert set(KNOWN_FIELDS) - set(served_names()) == set(UNSERVED)
    assert len(served_names()) >= 44


def test_known_name_without_a_connector() -> None:
    """An exchange that is not supported is told from a name that nobody knows, and its fields can be shown."""
    with pytest.raises(
        UnsupportedConnector, match="Connector 'dexalot' is known, but this gateway can't trade on it: the library"
    ):
        connector_class("dexalot")
    with pytest.raises(UnknownConnector, match="Connector 'krakken' not found"):
        connector_class("krakken")
    with pytest.raises(UnknownConnector):
        credential_fields("krakken")
    assert list(credential_fields("dexalot")) == ["dexalot_api_secret", "dexalot_api_key"]
