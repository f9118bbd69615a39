"""FastAPI + pydantic + ccxt: validates, calls the exchange, stores nothing."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import uuid4

import ccxt.async_support as ccxt
from ccxt_binance import pointed
from fastapi import Depends, FastAPI
from order_model import TradeRequest, TradeResponse, answer, authenticate

exchange = pointed(ccxt.binance)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Load the markets, and give the peer the same garbage collector setting as the gateway has."""
    await exchange.load_markets()
    gc.collect()
    gc.freeze()
    yield
    await exchange.close()


app = FastAPI(lifespan=lifespan)


@app.post("/trading/orders", status_code=201)
async def place(request: TradeRequest, user: Annotated[str, Depends(authenticate)]) -> TradeResponse:
    """Place an order."""
    order = await exchange.create_order(
        request.trading_pair.replace("-", "/"),
        request.order_type.lower(),
        request.trade_type.lower(),
        str(request.amount),
        str(request.price),
        {"newClientOrderId": uuid4().hex},
    )
    return answer(request, order["clientOrderId"])


@app.post("/null", status_code=201)
async def null(request: TradeRequest, user: Annotated[str, Depends(authenticate)]) -> TradeResponse:
    """The same without the exchange call."""
    return answer(request, uuid4().hex)


@app.get("/health/live")
async def live() -> dict[str, str]:
    """Whether it answers."""
    return {"status": "alive"}
