"""FastAPI + pydantic + ccxt's ``bybit`` at the local Bybit: validates, calls the exchange, stores nothing."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import uuid4

import ccxt.async_support as ccxt
from fastapi import Depends, FastAPI
from order_model import STUB_URL, TradeRequest, TradeResponse, answer, authenticate

exchange = ccxt.bybit(
    {
        "apiKey": "bench",
        "secret": "bench-secret",
        "enableRateLimit": False,
        "options": {
            "defaultType": "spot",
            "fetchMarkets": {"types": ["spot"]},
            "fetchCurrencies": False,
            "enableUnifiedAccount": True,
            "enableUnifiedMargin": False,
        },
    }
)
exchange.urls["api"] = dict.fromkeys(exchange.urls["api"], STUB_URL)


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
    own = uuid4().hex
    await exchange.create_order(
        request.trading_pair.replace("-", "/"),
        request.order_type.lower(),
        request.trade_type.lower(),
        str(request.amount),
        str(request.price),
        {"clientOrderId": own},
    )
    return answer(request, own)


@app.get("/health/live")
async def live() -> dict[str, str]:
    """Whether it answers."""
    return {"status": "alive"}
