"""Stores the stub's Binance credentials in a fresh gateway, as an operator would over HTTP, without verifying them."""

from __future__ import annotations

from app.bootstrap import build_gateway
from app.services.accounts.accounts import MASTER_ACCOUNT
from app.settings import load_settings
from app.storage import schema
from app.vault import Vault, load_secret


def main() -> None:
    """Migrate and store."""
    settings = load_settings()
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    schema.upgrade(settings.database_url)
    gateway = build_gateway(settings)
    gateway.journal.accounts.add_account(MASTER_ACCOUNT)
    # A key of its own: the stub pushes an order's events to whoever listens with the key that placed it.
    credentials = {"binance_api_key": settings.data_dir.name, "binance_api_secret": "bench-secret"}
    vault = Vault(load_secret(settings.secret_key, settings.data_dir / "secret.key"))
    gateway.journal.accounts.put_credential(
        MASTER_ACCOUNT, "binance", vault.seal(MASTER_ACCOUNT, "binance", credentials)
    )


if __name__ == "__main__":
    main()
