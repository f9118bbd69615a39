"""Accounts and their credentials over HTTP. No answer contains a credential."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from app.domain.errors import ActiveOrders, UnknownAccount
from app.domain.order import AccountKey
from app.handlers.wording import worded
from app.services.acting import ActingGateway


def list_accounts(gateway: ActingGateway) -> Sequence[str]:
    """GET /accounts"""
    return gateway.accounts.list_accounts()


def list_credentials(gateway: ActingGateway, account_name: str) -> Sequence[str]:
    """GET /accounts/{account_name}/credentials"""
    with worded(UnknownAccount, f"Directory 'credentials/{account_name}/connectors' not found"):
        return gateway.accounts.list_credentials(account_name)


def add_account(gateway: ActingGateway, account_name: str) -> Any:
    """POST /accounts/add-account"""
    gateway.accounts.add_account(account_name)
    return {"message": "Account added successfully."}, 201


async def delete_account(gateway: ActingGateway, account_name: str, force: bool) -> Any:
    """POST /accounts/delete-account"""
    with _offering_force(), worded(UnknownAccount, f"Folder '{account_name}' not found in 'credentials'"):
        await gateway.accounts.delete_account(account_name, force=force)
    return {"message": "Account deleted successfully."}


async def add_credential(
    gateway: ActingGateway, account_name: str, connector_name: str, body: Mapping[str, Any]
) -> Any:
    """POST /accounts/add-credential/{account_name}/{connector_name}"""
    await gateway.accounts.add_credential(AccountKey(account_name, connector_name), body)
    return {"message": "Connector credentials added successfully."}, 201


async def delete_credential(gateway: ActingGateway, account_name: str, connector_name: str, force: bool) -> Any:
    """POST /accounts/delete-credential/{account_name}/{connector_name}"""
    with _offering_force():
        await gateway.accounts.delete_credential(AccountKey(account_name, connector_name), force=force)
    return {"message": "Credential deleted successfully."}


@contextmanager
def _offering_force() -> Iterator[None]:
    """Name the parameter that deletes in spite of active orders, where they are the reason of a refusal."""
    try:
        yield
    except ActiveOrders as error:
        error.detail += ", or repeat with ?force=true to leave them at the exchange without anyone following them"
        raise
