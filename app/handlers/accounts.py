"""Accounts and their credentials over HTTP. No answer contains a credential."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from app.domain.errors import ActiveOrders, ConnectorNotConfigured, UnknownAccount
from app.domain.order import AccountKey
from app.handlers.forms.wording import worded
from app.handlers.schemas import AccountReconciliationSchema, CredentialTrialSchema
from app.services.acting import ActingGateway

_TRIAL = CredentialTrialSchema()
_RECONCILIATION = AccountReconciliationSchema()


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


async def test_credential(gateway: ActingGateway, account_name: str, connector_name: str) -> Any:
    """POST /accounts/{account_name}/credentials/{connector_name}/test"""
    trial = await gateway.accounts.test_credential(AccountKey(account_name, connector_name))
    return _TRIAL.dump({"verdict": trial.verdict, "detail": trial.detail, "tried_at": gateway.clock.now()})


async def get_reconciliation(gateway: ActingGateway, account_name: str, connector_name: str) -> Any:
    """GET /accounts/{account_name}/credentials/{connector_name}/reconciliation"""
    with worded(UnknownAccount, f"Directory 'credentials/{account_name}/connectors' not found"):
        stored = await asyncio.to_thread(gateway.accounts.list_credentials, account_name)
    if connector_name not in stored:
        raise ConnectorNotConfigured(connector_name, account_name)
    state = await gateway.reconciliations.last(AccountKey(account_name, connector_name))
    last = None if state.last is None else asdict(state.last)
    row = {"account_name": account_name, "connector_name": connector_name, "last": last}
    return _RECONCILIATION.dump({**row, "failed_at": state.failed_at, "problem": state.problem})


@contextmanager
def _offering_force() -> Iterator[None]:
    """Name the parameter that deletes in spite of active orders, where they are the reason of a refusal."""
    try:
        yield
    except ActiveOrders as error:
        error.detail += ", or repeat with ?force=true to leave them at the exchange without anyone following them"
        raise
