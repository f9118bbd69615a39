"""Stores credentials of connectors in a fresh gateway, as an operator would over HTTP, without verifying them."""

from __future__ import annotations

import sys

from app.bootstrap import build_gateway
from app.connectors.registry import credential_fields
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
    vault = Vault(load_secret(settings.secret_key, settings.data_dir / "secret.key"))
    for name in sys.argv[1:]:
        fields = credential_fields(name)
        # A key of its own: the stub pushes an order's events to whoever listens with the key that placed it.
        credentials = dict.fromkeys(fields, "bench-secret") | {
            field: settings.data_dir.name for field in fields if field.endswith("_api_key")
        }
        gateway.journal.accounts.put_credential(MASTER_ACCOUNT, name, vault.seal(MASTER_ACCOUNT, name, credentials))


if __name__ == "__main__":
    main()
