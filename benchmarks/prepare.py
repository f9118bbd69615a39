"""Stores credentials of connectors in a fresh gateway, as an operator would over HTTP, without verifying them.

``BENCH_ACCOUNTS`` is the number of accounts, one without it.
"""

from __future__ import annotations

import os
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
    vault = Vault(load_secret(settings.secret_key, settings.data_dir / "secret.key"))
    more = [f"account_{number}" for number in range(1, int(os.environ.get("BENCH_ACCOUNTS", "1")))]
    for account in (MASTER_ACCOUNT, *more):
        gateway.journal.accounts.add_account(account)
        for name in sys.argv[1:]:
            fields = credential_fields(name)
            # A key of its own: the stub pushes an order's events to whoever listens with the key that placed it.
            credentials = dict.fromkeys(fields, "bench-secret") | {
                field: f"{settings.data_dir.name}-{account}" for field in fields if field.endswith("_api_key")
            }
            gateway.journal.accounts.put_credential(account, name, vault.seal(account, name, credentials))


if __name__ == "__main__":
    main()
