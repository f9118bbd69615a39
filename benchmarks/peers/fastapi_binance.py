"""FastAPI + pydantic + python-binance's AsyncClient: validates, calls the exchange, stores nothing."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import uuid4

from binance import AsyncClient
from fastapi import Depends, FastAPI
from order_model import STUB_URL, TradeRequest, TradeResponse, answer, authenticate


class StubClient(AsyncClient):  # type: ignore[misc]
    """The library's client, pointed at the stub."""

    API_URL = f"{STUB_URL}/api"


clients: list[StubClient] = []


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Connect, and give the peer the same garbage collector setting as the gateway has."""
    clients.append(await StubClient.create("bench", "bench-secret"))
    gc.collect()
    gc.freeze()
    yield
    await clients[0].close_connection()


app = FastAPI(lifespan=lifespan)


@app.post("/trading/orders", status_code=201)
async def place(request: TradeRequest, user: Annotated[str, Depends(authenticate)]) -> TradeResponse:
    """Place an order."""
    order = await clients[0].create_order(
        symbol=request.trading_pair.replace("-", ""),
        side=request.trade_type,
        type=request.order_type,
        timeInForce="GTC",
        quantity=format(request.amount, "f"),
        price=None if request.price is None else format(request.price, "f"),
        newClientOrderId=uuid4().hex,
    )
    return answer(request, order["clientOrderId"])


@app.get("/health/live")
async def live() -> dict[str, str]:
    """Whether it answers."""
    return {"status": "alive"}
