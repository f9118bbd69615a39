"""One process that places and cancels as fast as it can, until it is killed.

python -m tests.crash.placing_worker URL DIRECTORY SEED [nobody | keys]

With ``keys`` it places with the newest API key that there is, for as long as that holds.
"""

from __future__ import annotations

import asyncio
import random
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import structlog

from app.bootstrap import build_gateway
from app.connectors.registry import load_connectors
from app.domain.caller import Actor
from app.domain.enums import OrderType, TradeType
from app.domain.errors import OrdergateError
from app.domain.order import Order, OrderRequest
from app.services.gateway import Gateway
from app.settings import Settings

#: Callers of one process.
CALLERS = 4
ACCOUNT = "master_account"


async def main(url: str, directory: str, seed: int, role: str = "nobody") -> None:
    """Begin, say so, and go on for ever."""
    # Nobody reads the standard output after the first line, so that a log there would fill its pipe and stop the process.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    settings = Settings(
        database_url=url,
        data_dir=Path(directory),
        secret_key="a key for rehearsals only",
        exchange_timeout=timedelta(seconds=2),
    )
    gateway = build_gateway(settings, role="web")
    await asyncio.gather(gateway.journal.open(), load_connectors())
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    call = _call if role == "nobody" else _call_with_keys
    await asyncio.gather(*(call(gateway, random.Random(f"{seed}/{number}")) for number in range(CALLERS)))


async def _call(gateway: Gateway, choose: random.Random) -> None:
    placed: list[Order] = []
    while True:
        try:
            if placed and choose.random() < 0.4:
                await gateway.orders.cancel(placed.pop(choose.randrange(len(placed))).key)
            else:
                placed.append((await gateway.orders.place(_request(choose))).order)
        except OrdergateError:
            # Halted, limited, or canceled by the halt.
            await asyncio.sleep(0.002)


async def _call_with_keys(gateway: Gateway, choose: random.Random) -> None:
    while True:
        keys = (await asyncio.to_thread(gateway.journal.callers.known)).keys
        if not keys:
            await asyncio.sleep(0.01)
            continue
        key = max(keys.values(), key=lambda each: int(each.key_id[1:]))
        actor = Actor(name=key.name, key_id=key.key_id)
        guard = gateway.guards.placing(key.caller, actor, lambda: None)
        try:
            while True:
                placed = await gateway.orders.place(_request(choose), guard)
                await gateway.orders.cancel(placed.order.key)
        except OrdergateError:
            # The key is gone, or the exchange was busy.
            await asyncio.sleep(0.002)


def _request(choose: random.Random) -> OrderRequest:
    return OrderRequest(
        account_name=ACCOUNT,
        connector_name="paper",
        trading_pair="BTC-USDT",
        trade_type=TradeType.BUY,
        order_type=OrderType.LIMIT,
        amount=Decimal(choose.randrange(1, 4)).scaleb(-3),
        price=Decimal(30_000 + choose.randrange(1000)),
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:]))
