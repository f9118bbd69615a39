"""Accounts over HTTP."""

from __future__ import annotations

from app.services.gateway import Gateway


def list_accounts(gateway: Gateway) -> list[str]:
    """GET /accounts/"""
    return gateway.catalog.list_accounts()
