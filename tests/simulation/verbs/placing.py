"""Placing an order under a key, again until its outcome is known: after answers that were lost, after refusals that pass, and
sometimes at two processes at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from app.domain.caller import Actor
from app.domain.enums import OrderType, TimeInForce, TradeType
from app.domain.errors import Halted, LimitExceeded
from app.domain.lifecycle import UNSETTLED
from app.domain.order import RETRYABLE, OrderRequest
from app.journal.units.guard import Guard
from app.services.gateway import Gateway
from tests.chaos.clients import Answer, completed
from tests.chaos.operations import Operation
from tests.simulation.callers import OVERLAPPED, Caller, Service
from tests.simulation.market import PAIRS
from tests.simulation.verbs import Verb, approving, halting, limiting

#: Seconds between two attempts of one call, and for how long a caller repeats it.
_RETRY = (0.05, 0.3, 1.0, 3.0, 5.0)
_RETRY_LIMIT = 150.0
#: The share of repeated calls that come much later, as from a program that was started again, and by how many seconds at most.
_IDLE_SHARE = 0.3
_IDLE = 25.0
#: Seconds after which a halt under which a caller can't place, or a limit by which an order waits, is one that nobody knows of, and
#: how many orders limits may refuse.
_HALTED_LONG = 20.0
_LIMITED_OFTEN = 3
#: The shares of first and of repeated calls that are made twice at once, and of refusals which pass that are tried again.
_HURRIED = 0.03
_HURRIED_AGAIN = 0.4
_STUBBORN = 0.9


_AWAITING = "awaiting_approval"

_GUARD = Guard(actor=Actor(name="caller"), operation="trading.place_order")


async def place(caller: Caller) -> None:
    """Place the caller's next order, and know it from then on if it may rest."""
    caller.take_one()
    key = f"c{caller.number}-{caller.placed}"
    body = _terms(caller)
    if caller.random.random() < 0.3:
        body["client_order_id"] = key
    operation = caller.operation("place", key=key, body=body)
    begun, attempt, hurry = caller.now, 0, _HURRIED
    while True:
        done, code = await _attempt(caller, operation, hurry)
        is_over = done.outcome != "unknown" and not (code in RETRYABLE and caller.random.random() < _STUBBORN)
        if is_over or caller.now - begun > _RETRY_LIMIT:
            break
        if code == Halted.code and caller.now - begun > _HALTED_LONG:
            await halting.lift(caller)
        if code == _AWAITING and caller.now - begun > _HALTED_LONG:
            await approving.lift(caller)
        idle = caller.random.random() * _IDLE if caller.random.random() < _IDLE_SHARE else 0.0
        await asyncio.sleep(idle + _RETRY[min(attempt, len(_RETRY) - 1)] * (0.5 + caller.random.random()))
        attempt, hurry = attempt + 1, _HURRIED_AGAIN
    caller.limited = caller.limited + 1 if code == LimitExceeded.code else 0
    if caller.limited >= _LIMITED_OFTEN:
        await limiting.lift(caller)
    if done.order_id is not None and done.state in ("open", "unknown", None):
        caller.knows(done.order_id)


async def _attempt(caller: Caller, operation: Operation, hurry: float) -> tuple[Operation, Any]:
    """One attempt, or with the probability ``hurry`` two at once: the operation with its outcome, and the code of a refusal.

    Of two answers the one that knows of an order counts, and a refusal only if both refuse: each may have made the attempt. While
    an earlier call for the same order has not ended, a refusal speaks for the repeated call alone.
    """
    service = placing(operation)
    caller.told.asks(operation)
    is_hurried = caller.random.random() < hurry
    answers = await asyncio.gather(*(caller.ask(service, operation.key) for _ in range(2 if is_hurried else 1)))
    ended = [(_judged(operation, answer), answer.body.get("code")) for answer in answers]
    ended.sort(key=lambda each: ("fail", "unknown", "ok").index(each[0].outcome))
    best, code = ended[-1]
    for number, (done, _) in enumerate(ended):
        if done.outcome == best.outcome:
            # Answers to two calls at once have no order, so each that shows a state is of a caller of its own.
            is_other = done.outcome == "ok" and number < len(ended) - 1
            caller.told.add(replace(done, client=f"{done.client}, hurried") if is_other else done)
    return best, code


def _judged(operation: Operation, answer: Answer) -> Operation:
    """The operation with the outcome of ``answer``: a refusal beside another call proves nothing of that."""
    done = completed(operation, answer)
    return replace(done, outcome="unknown") if done.outcome == "fail" and OVERLAPPED in answer.body else done


def placing(operation: Operation) -> Service:
    """The service of placing the order that ``operation`` names."""
    body: Mapping[str, Any] = operation.body

    async def place(gateway: Gateway) -> Answer:
        lasting = body.get("time_in_force")
        placed = await gateway.orders.place(
            OrderRequest(
                account_name=operation.account_name,
                connector_name=operation.connector_name,
                trading_pair=body["trading_pair"],
                trade_type=TradeType(body["trade_type"]),
                order_type=OrderType(body["order_type"]),
                amount=Decimal(body["amount"]),
                price=Decimal(body["price"]) if "price" in body else None,
                time_in_force=None if lasting is None else TimeInForce(lasting),
                client_order_id=body.get("client_order_id"),
                idempotency_key=None if "client_order_id" in body else operation.key,
            ),
            _GUARD,
        )
        if placed.approval is not None:
            return Answer(status=202, body={"code": _AWAITING})
        status = 202 if placed.order.state in UNSETTLED else 200 if placed.replayed else 201
        return Answer(status=status, body={"order_id": placed.order.order_id, "state": str(placed.order.state)})

    return place


def _terms(caller: Caller) -> dict[str, Any]:
    """The caller's number and the order's are in the price of a limit order and in the amount of a market order."""
    pair = PAIRS[caller.number % len(PAIRS)]
    unique = caller.placed * 64 + caller.number // len(PAIRS)
    side = "BUY" if caller.random.random() < 0.5 else "SELL"
    kind = caller.random.choice(("MARKET", "TAKER", "REST", "REST", "REST", "IOC", "MAKER"))
    body: dict[str, Any] = {"trading_pair": pair.name, "trade_type": side}
    if kind == "MARKET":
        return {**body, "order_type": "MARKET", "amount": str(pair.step * (50 + unique))}
    is_above = (side == "BUY") == (kind in ("TAKER", "IOC"))
    away = pair.tick * unique
    base = pair.price * (Decimal("1.2") if is_above else Decimal("0.8"))
    limit = {"amount": str(pair.step * 50), "price": str(base + away if is_above else base - away)}
    if kind == "MAKER":
        return {**body, "order_type": "LIMIT_MAKER", **limit}
    if kind == "IOC":
        return {**body, "order_type": "LIMIT", "time_in_force": "IOC", **limit}
    return {**body, "order_type": "LIMIT", **limit}


VERB = Verb(weight=0.52, act=place, needs_order=False)
