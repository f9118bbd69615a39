"""The process after the crash, inside the test: it recovers the journal, gets the client's calls again, and settles everything."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from app.bootstrap import build_gateway
from app.domain.enums import OrderType, TradeType
from app.domain.errors import OrdergateError, RequestInProgress
from app.domain.order import OrderRequest
from app.services.gateway import Gateway
from app.settings import Settings
from tests.chaos.checker import EVENTUAL, Evidence, Violation, check
from tests.chaos.clients import Answer, completed
from tests.chaos.journal_view import read_journal
from tests.chaos.operations import Log, Operation
from tests.chaos.prepared import prepare
from tests.chaos.processes import PASSWORD
from tests.chaos.truth import PaperTruth

#: A call's deadline, in seconds. The calls of a dead process count as ended after it, so that a short one makes short tests.
CALL_SECONDS = "1"
#: How long everything may take to settle, in seconds: a call's deadline, a grace time, and the pauses between.
_SETTLE_LIMIT = 60.0
_LOOK = 0.05


def settings_of(directory: Path, *, faults: str = "") -> Settings:
    """The settings of a gateway in ``directory``, as a server's environment would have them."""
    return Settings(
        database_url=f"sqlite:///{directory / 'ordergate.db'}",
        data_dir=directory,
        password=PASSWORD,
        secret_key="a key for rehearsals only",
        exchange_timeout=timedelta(seconds=float(CALL_SECONDS)),
        paper_faults=faults,
    )


@asynccontextmanager
async def running(directory: Path, *, faults: str = "") -> AsyncIterator[Gateway]:
    """A gateway on the files in ``directory``."""
    prepare(directory)
    gateway = build_gateway(settings_of(directory, faults=faults))
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()


async def place_again(gateway: Gateway, log: Log, operation: Operation) -> Operation:
    """The client's call with the same key, repeated until it is answered."""
    while True:
        done = await place(gateway, log, operation)
        if done.outcome != "unknown" and done.status != 503:
            return done
        await asyncio.sleep(_LOOK)


async def place(gateway: Gateway, log: Log, operation: Operation) -> Operation:
    """The client's call, once, without HTTP."""
    number = log.begin(operation)
    answer = Answer(status=None)
    try:
        placed = await gateway.orders.place(request_of(operation))
        answer = Answer(status=201, body={"order_id": placed.order.order_id, "state": str(placed.order.state)})
    except RequestInProgress:
        pass
    except OrdergateError as error:
        answer = Answer(status=error.status, body={"code": error.code})
    done = completed(operation, answer)
    log.end(number, done)
    return done


def request_of(operation: Operation) -> OrderRequest:
    account_name, pair, side, kind, amount, price = operation.terms
    return OrderRequest(
        account_name=account_name,
        connector_name="paper",
        trading_pair=pair,
        trade_type=TradeType(side),
        order_type=OrderType(kind),
        amount=amount,
        price=price,
        idempotency_key=operation.key,
    )


def evidence_in(directory: Path, log: Log) -> Evidence:
    """The records of the client, the journal and the exchange."""
    return Evidence(
        operations=log.read(),
        journal=read_journal(f"sqlite:///{directory / 'ordergate.db'}"),
        truth=PaperTruth(f"sqlite:///{directory / 'paper.db'}").orders(),
    )


async def settle(directory: Path, log: Log) -> None:
    """Wait, for a minute at most, until journal and exchange agree, which the running gateway brings about."""
    await asyncio.to_thread(_settle, directory, log)


def _settle(directory: Path, log: Log) -> None:
    deadline = time.monotonic() + _SETTLE_LIMIT
    while check(evidence_in(directory, log), EVENTUAL) and time.monotonic() < deadline:
        time.sleep(_LOOK)


async def restart_and_check(directory: Path, log: Log, *repeated: Operation) -> tuple[Violation, ...]:
    """Start again, repeat the calls that were interrupted, settle and stop; the violations of the promise."""
    async with running(directory) as gateway:
        for operation in repeated:
            await place_again(gateway, log, operation)
        await settle(directory, log)
    return check(evidence_in(directory, log))
