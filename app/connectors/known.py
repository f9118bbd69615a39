"""The connector names that callers of hummingbot-api know, each with its credential fields: plain data.

The names of the fields follow no rule (``api_secret`` here, ``secret_key`` there), so each connector is written out; only a test
domain repeats its connector's fields under its own name. Fields are required secrets unless marked otherwise. A connector of ours
declares its fields in its class; this table serves the others, so that callers can tell an exchange that is not supported from a
misspelt name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from app.connectors.capabilities import CredentialField

Fields = Mapping[str, CredentialField]

_SECRET = CredentialField()
_BASE64 = CredentialField(form="base64")
_SEED = CredentialField(form="ed25519_seed")
_HEX_KEY = CredentialField(form="hex_key")
_ADDRESS = CredentialField(form="address")
_BASE58 = CredentialField(form="base58")
_TEXT = CredentialField(type="str")
_NUMBER = CredentialField(type="int")
_OPTIONAL_NUMBER = CredentialField(type="int", required=False)
_LIST = CredentialField(type="list")
_OBJECT = CredentialField(type="dict")
_WALLET_MODE = CredentialField(type="Literal", allowed_values=("arb_wallet", "api_wallet"))
_VAULT = CredentialField(type="bool", required=False, help="Whether a vault is traded for; no by default")
_ACCOUNT_OF_INJECTIVE = CredentialField(
    type="dict", help="Holds private_key, subaccount_index, granter_address and granter_subaccount_index"
)


def _secrets(*names: str) -> Fields:
    return dict.fromkeys(names, _SECRET)


def _public_auth(default: str) -> Fields:
    help_text = f"Whether public questions are signed too; {default} by default"
    return {"use_auth_for_public_endpoints": CredentialField(type="bool", required=False, help=help_text)}


_INJECTIVE: Fields = {"network": _OBJECT, "account_type": _ACCOUNT_OF_INJECTIVE, "fee_calculator": _OBJECT}

_SPOT: Mapping[str, Fields] = {
    "backpack": {"backpack_api_key": _SECRET, "backpack_api_secret": _SEED},
    "binance": _secrets("binance_api_key", "binance_api_secret"),
    "bing_x": _secrets("bingx_api_key", "bingx_api_secret"),
    "bitget": _secrets("bitget_api_key", "bitget_secret_key", "bitget_passphrase"),
    "bitmart": _secrets("bitmart_api_key", "bitmart_secret_key", "bitmart_memo"),
    "bitrue": _secrets("bitrue_api_key", "bitrue_api_secret"),
    "bitstamp": _secrets("bitstamp_api_key", "bitstamp_api_secret"),
    "btc_markets": {"btc_markets_api_key": _SECRET, "btc_markets_api_secret": _BASE64},
    "bybit": _secrets("bybit_api_key", "bybit_api_secret"),
    "coinbase_advanced_trade": {
        **_public_auth("no"),
        **_secrets("coinbase_advanced_trade_api_key", "coinbase_advanced_trade_api_secret"),
    },
    "derive": {
        "derive_api_key": _ADDRESS,
        "derive_api_secret": _HEX_KEY,
        **_secrets("sub_id", "account_type"),
    },
    "dexalot": _secrets("dexalot_api_secret", "dexalot_api_key"),
    "foxbit": _secrets("foxbit_api_key", "foxbit_api_secret", "foxbit_user_id"),
    "gate_io": _secrets("gate_io_api_key", "gate_io_secret_key"),
    "gemini": _secrets("gemini_api_key", "gemini_api_secret"),
    "htx": _secrets("htx_api_key", "htx_secret_key"),
    "hyperliquid": {
        "hyperliquid_mode": _WALLET_MODE,
        "use_vault": _VAULT,
        "hyperliquid_address": _ADDRESS,
        "hyperliquid_secret_key": _HEX_KEY,
    },
    "injective_v2": _INJECTIVE,
    "kraken": {
        "kraken_api_key": _SECRET,
        "kraken_secret_key": _BASE64,
        "kraken_api_tier": CredentialField(required=False, help="Starter by default"),
    },
    "kucoin": _secrets("kucoin_api_key", "kucoin_secret_key", "kucoin_passphrase"),
    "lambdaplex": _secrets("lambdaplex_api_key", "lambdaplex_private_key"),
    "lighter": {
        "lighter_l1_address": _TEXT,
        "lighter_account_index": _OPTIONAL_NUMBER,
        "lighter_api_key_index": _NUMBER,
        **_secrets("lighter_api_private_key", "lighter_account_limit"),
    },
    "mexc": _secrets("mexc_api_key", "mexc_api_secret"),
    "ndax": _secrets("ndax_uid", "ndax_account_name", "ndax_api_key", "ndax_secret_key"),
    "okx": {
        **_secrets("okx_api_key", "okx_secret_key", "okx_passphrase"),
        "okx_registration_sub_domain": CredentialField(
            required=False, allowed_values=("www", "app", "my"), help="www by default"
        ),
    },
    "xrpl": {
        **_secrets("xrpl_secret_key"),
        "wss_node_urls": _LIST,
        "custom_markets": CredentialField(type="dict", help="Each market's base, quote, base_issuer and quote_issuer"),
        "max_request_per_minute": CredentialField(type="int", required=False, help="12 by default"),
    },
}

_PERPETUAL: Mapping[str, Fields] = {
    "aevo_perpetual": _secrets(
        "aevo_perpetual_api_key",
        "aevo_perpetual_api_secret",
        "aevo_perpetual_signing_key",
        "aevo_perpetual_account_address",
    ),
    "architect_perpetual": {**_public_auth("yes"), **_secrets("api_key", "api_secret")},
    "backpack_perpetual": {"backpack_api_key": _SECRET, "backpack_api_secret": _SEED},
    "binance_perpetual": _secrets("binance_perpetual_api_key", "binance_perpetual_api_secret"),
    "bitget_perpetual": _secrets(
        "bitget_perpetual_api_key", "bitget_perpetual_secret_key", "bitget_perpetual_passphrase"
    ),
    "bitmart_perpetual": _secrets(
        "bitmart_perpetual_api_key", "bitmart_perpetual_api_secret", "bitmart_perpetual_memo"
    ),
    "bybit_perpetual": _secrets("bybit_perpetual_api_key", "bybit_perpetual_secret_key"),
    "decibel_perpetual": {
        **_public_auth("yes"),
        **_secrets(
            "decibel_perpetual_api_wallet_private_key",
            "decibel_perpetual_main_wallet_public_key",
            "decibel_perpetual_api_key",
            "decibel_perpetual_gas_station_api_key",
        ),
    },
    "derive_perpetual": {
        "derive_perpetual_api_key": _ADDRESS,
        "derive_perpetual_api_secret": _HEX_KEY,
        **_secrets("sub_id", "account_type"),
    },
    "dydx_v4_perpetual": _secrets("dydx_v4_perpetual_secret_phrase", "dydx_v4_perpetual_chain_address"),
    "evedex_perpetual": _secrets("evedex_perpetual_api_key", "evedex_perpetual_private_key"),
    "gate_io_perpetual": _secrets(
        "gate_io_perpetual_api_key", "gate_io_perpetual_secret_key", "gate_io_perpetual_user_id"
    ),
    "grvt_perpetual": {
        "grvt_perpetual_api_key": _SECRET,
        "grvt_perpetual_private_key": _HEX_KEY,
        "grvt_perpetual_trading_account_id": _SECRET,
    },
    "hyperliquid_perpetual": {
        "hyperliquid_perpetual_mode": _WALLET_MODE,
        "use_vault": _VAULT,
        "hyperliquid_perpetual_address": _ADDRESS,
        "hyperliquid_perpetual_secret_key": _HEX_KEY,
    },
    "injective_v2_perpetual": _INJECTIVE,
    "kucoin_perpetual": _secrets(
        "kucoin_perpetual_api_key", "kucoin_perpetual_secret_key", "kucoin_perpetual_passphrase"
    ),
    "lighter_perpetual": {
        "lighter_perpetual_l1_address": _TEXT,
        "lighter_perpetual_api_key_index": _NUMBER,
        **_secrets("lighter_perpetual_api_private_key", "lighter_perpetual_account_limit"),
    },
    "okx_perpetual": _secrets("okx_perpetual_api_key", "okx_perpetual_secret_key", "okx_perpetual_passphrase"),
    "pacifica_perpetual": {
        "pacifica_perpetual_agent_wallet_public_key": _SECRET,
        "pacifica_perpetual_agent_wallet_private_key": _BASE58,
        "pacifica_perpetual_user_wallet_public_key": _SECRET,
        "pacifica_perpetual_api_config_key": CredentialField(required=False),
    },
}

#: The other domain of a connector: a test network or a second market with the same fields under its own name.
_DOMAINS: Mapping[str, str] = {
    "bybit": "bybit_testnet",
    "derive": "derive_testnet",
    "dexalot": "dexalot_testnet",
    "hyperliquid": "hyperliquid_testnet",
    "kucoin": "kucoin_hft",
    "lighter": "lighter_testnet",
    "ndax": "ndax_testnet",
    "aevo_perpetual": "aevo_perpetual_testnet",
    "architect_perpetual": "architect_perpetual_sandbox",
    "binance_perpetual": "binance_perpetual_testnet",
    "bybit_perpetual": "bybit_perpetual_testnet",
    "decibel_perpetual": "decibel_perpetual_testnet",
    "derive_perpetual": "derive_perpetual_testnet",
    "grvt_perpetual": "grvt_perpetual_testnet",
    "hyperliquid_perpetual": "hyperliquid_perpetual_testnet",
    "lighter_perpetual": "lighter_perpetual_testnet",
    "pacifica_perpetual": "pacifica_perpetual_testnet",
}


def _with_domains() -> Iterator[tuple[str, Fields]]:
    for name, fields in {**_SPOT, **_PERPETUAL}.items():
        yield name, MappingProxyType(fields)
        domain = _DOMAINS.get(name)
        if domain is not None:
            yield domain, MappingProxyType({_renamed(field, name, domain): fields[field] for field in fields})


def _renamed(field: str, name: str, domain: str) -> str:
    """A field under the domain's name; bare names such as ``sub_id`` stay bare."""
    return domain + field.removeprefix(name) if field.startswith(f"{name}_") else field


#: Every known name with its fields, by field name in the order in which callers are asked for them.
KNOWN_FIELDS: Mapping[str, Fields] = MappingProxyType(dict(_with_domains()))
