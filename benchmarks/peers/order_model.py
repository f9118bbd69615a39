"""The request and answer that both FastAPI peers share, and their Basic check; as hummingbot-api has them."""

from __future__ import annotations

import os
import secrets
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import Depends, HTTPException
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from pydantic import BaseModel, Field

STUB_URL = os.environ["STUB_URL"]

security = HTTPBasic()


class TradeRequest(BaseModel):
    """An order as a caller asks for it."""

    account_name: str
    connector_name: str
    trading_pair: str
    trade_type: Literal["BUY", "SELL"]
    amount: Decimal = Field(gt=0)
    order_type: Literal["LIMIT", "MARKET", "LIMIT_MAKER"] = "LIMIT"
    price: Decimal | None = None
    position_action: Literal["OPEN", "CLOSE"] = "OPEN"


class TradeResponse(BaseModel):
    """The order that was placed."""

    order_id: str
    account_name: str
    connector_name: str
    trading_pair: str
    trade_type: str
    amount: Decimal
    order_type: str
    price: Decimal | None
    status: str


def authenticate(credentials: Annotated[HTTPBasicCredentials, Depends(security)]) -> str:
    """The user, or 401."""
    if not (
        secrets.compare_digest(credentials.username, "admin")
        and secrets.compare_digest(credentials.password, "bench-password")
    ):
        raise HTTPException(status_code=401, detail="Incorrect username or password")
    return credentials.username


def answer(request: TradeRequest, order_id: str) -> TradeResponse:
    """What the peers answer."""
    return TradeResponse(**request.model_dump(), order_id=order_id, status="submitted")
