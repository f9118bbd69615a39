"""Previews over HTTP: what is told, who sees what, and that a token binds placing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx

from tests.handlers.test_safety import ACCOUNT, ORDER

PREVIEW = "/trading/orders/preview"


async def test_a_preview_is_told_and_binds(client: httpx.AsyncClient) -> None:
    """Terms, fee, funds and limits; the token places exactly this order. Nothing is written, not even of refusals."""
    await client.put("/safety/limits", json={"scope": ACCOUNT, "limits": {"max_open_orders": 3}})
    seq = (await client.get("/safety")).json()["seq"]
    told = (await client.post(PREVIEW, json={**ORDER, "price": "40000.009", "exchange_check": True})).json()
    assert (told["would_place"], told["refusals"], told["unknown"], told["checked_by_exchange"]) == (True, [], [], True)
    assert (told["order"]["price"], Decimal(told["notional"]), told["seq"]) == ("40000.00", 40, seq)
    assert {name: told["fee"][name] for name in ("source", "currency", "taker_amount", "maker_amount")} == {
        "source": "paper exchange",
        "currency": "BTC",
        "taker_amount": "0",
        "maker_amount": "0.000001",
    }
    assert (told["funds"]["asset"], Decimal(told["funds"]["needed"]), told["funds"]["is_margin"]) == ("USDT", 40, False)
    assert [(each["limit"], each["would_be"], each["headroom"]) for each in told["limits"]] == [
        ("max_open_orders", "1", "2")
    ]
    bound = {"Preview-Token": told["preview_token"]}
    other = await client.post("/trading/orders", json={**ORDER, "price": "39000"}, headers=bound)
    assert (other.status_code, other.json()["code"]) == (412, "preview_outdated")
    assert (await client.get("/safety")).json()["seq"] == seq
    placed = await client.post("/trading/orders", json={**ORDER, "price": "40000.009"}, headers=bound)
    assert placed.status_code == 201


async def test_what_placing_would_refuse_is_told(client: httpx.AsyncClient) -> None:
    """A broken rule, a limit, a taken key and a missing scope, as placing would say them; what is no account is refused."""

    async def codes(body: dict[str, Any], **more: Any) -> list[str]:
        told = (await client.post(PREVIEW, json=body, **more)).json()
        assert told["preview_token"] is None
        return [each["code"] for each in told["refusals"]]

    assert await codes({**ORDER, "amount": "0.0000001"}) == ["rule_violation"]
    assert await codes({**ORDER, "price": None}) == ["price_required"]
    assert await codes({**ORDER, "amount": "100"}) == ["insufficient_balance"]
    await client.put("/safety/limits", json={"scope": ACCOUNT, "limits": {"max_order_notional": "30"}})
    assert await codes(ORDER) == ["limit_exceeded"]
    viewer = await client.post("/api-keys", json={"name": "v", "environment": "paper", "role": "viewer"})
    told = await codes(ORDER, headers={"Authorization": f"Bearer {viewer.json()['secret']}"})
    assert told == ["missing_scope", "limit_exceeded"]
    nobody = await client.post(PREVIEW, json={**ORDER, "account_name": "nobody"})
    assert (nobody.status_code, nobody.json()["code"]) == (404, "unknown_account")
