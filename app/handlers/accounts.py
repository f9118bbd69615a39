"""Accounts and their credentials over HTTP. Credentials go in; nothing here hands one out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.services.gateway import Gateway


def list_accounts(gateway: Gateway) -> list[str]:
    """GET /accounts/"""
    return gateway.catalog.list_accounts()


def list_credentials(gateway: Gateway, account_name: str) -> Sequence[str]:
    """GET /accounts/{account_name}/credentials"""
    return gateway.keeper.list_credentials(account_name)


def add_account(gateway: Gateway, account_name: str) -> Any:
    """POST /accounts/add-account"""
    gateway.keeper.add_account(account_name)
    return {"message": "Account added successfully."}, 201


async def delete_account(gateway: Gateway, account_name: str, force: bool) -> Any:
    """POST /accounts/delete-account"""
    await gateway.keeper.delete_account(account_name, force=force)
    return {"message": "Account deleted successfully."}


async def add_credential(gateway: Gateway, account_name: str, connector_name: str, body: Mapping[str, Any]) -> Any:
    """POST /accounts/add-credential/{account_name}/{connector_name}"""
    await gateway.keeper.add_credential(account_name, connector_name, body)
    return {"message": "Connector credentials added successfully."}, 201


async def delete_credential(gateway: Gateway, account_name: str, connector_name: str, force: bool) -> Any:
    """POST /accounts/delete-credential/{account_name}/{connector_name}"""
    await gateway.keeper.delete_credential(account_name, connector_name, force=force)
    return {"message": "Credential deleted successfully."}
