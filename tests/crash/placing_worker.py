"""One process that places and cancels as fast as it can, until it is killed.

python -m tests.crash.placing_worker URL DIRECTORY SEED
"""

from __future__ import annotations

import asyncio
import random
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from app.bootstrap import build_gateway
from app.connectors.registry import load_connectors
from app.domain.enums import OrderType, TradeType
from app.domain.errors import OrdergateError
from app.domain.order import Order, OrderRequest
from app.services.gateway import Gateway
from app.settings import Settings

#: Callers of one process.
CALLERS = 4
ACCOUNT = "master_account"


async def main(url: str, directory: str, seed: int) -> None:
    """Begin, say so, and go on for ever."""
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
    await asyncio.gather(*(_call(gateway, random.Random(f"{seed}/{number}")) for number in range(CALLERS)))


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
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
