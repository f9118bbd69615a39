"""``python -m tests.simulation.explore``: every order of events of small worlds. Exits with 1 if the promise was broken."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from app.domain.order import OrderKey
from tests.chaos.clients import completed
from tests.chaos.operations import Operation
from tests.simulation import campaign, seams
from tests.simulation.branching import VIOLATION, Ways, walk
from tests.simulation.exploring import Budget, ExploringStage
from tests.simulation.report import write_rows
from tests.simulation.verbs.canceling import canceling
from tests.simulation.verbs.placing import placing

#: Seconds between two attempts of a caller, and how many there are.
_PAUSE = 0.7
_ATTEMPTS = 3

Deeds = Callable[[ExploringStage], Coroutine[Any, Any, None]]

RESTING = {"trading_pair": "BTC-USDT", "trade_type": "BUY", "order_type": "LIMIT", "amount": "0.002", "price": "40000"}
MARKET = {"trading_pair": "BTC-USDT", "trade_type": "BUY", "order_type": "MARKET", "amount": "0.002"}


async def place(
    stage: ExploringStage, body: Mapping[str, Any], first: int = 0, attempts: int = _ATTEMPTS
) -> str | None:
    """Place an order under one key, again at the next process until the outcome is known; the order's id."""
    operation = Operation(client=f"caller {first}", verb="place", connector_name=seams.CONNECTOR, key="key", body=body)
    done = operation
    for attempt in range(attempts):
        number = (first + attempt) % len(stage.processes)
        done = completed(operation, await stage.ask(placing(operation), (number + 0.5) / len(stage.processes)))
        stage.told.add(done)
        if done.outcome != "unknown":
            break
        await asyncio.sleep(_PAUSE)
    return done.order_id


async def cancel(stage: ExploringStage, order_id: str, process: int = 0) -> None:
    """Cancel an order."""
    key = OrderKey(account_name=seams.ACCOUNT, connector_name=seams.CONNECTOR, order_id=order_id)

    answer = await stage.ask(canceling(key), (process + 0.5) / len(stage.processes))
    is_ok = answer.status == 200
    stage.told.add(
        Operation(
            client="canceler",
            verb="cancel",
            connector_name=seams.CONNECTOR,
            order_id=order_id,
            outcome="ok" if is_ok else "unknown",
            status=answer.status,
            state=answer.body.get("state") if is_ok else None,
        )
    )


async def one_order(stage: ExploringStage) -> None:
    """An order that rests, and is filled in two parts at any time."""
    await place(stage, RESTING)


async def one_market_order(stage: ExploringStage) -> None:
    """An order that is filled at once."""
    await place(stage, MARKET)


async def order_and_cancel(stage: ExploringStage) -> None:
    """An order that is canceled as soon as it is known."""
    order_id = await place(stage, RESTING)
    if order_id is not None:
        await cancel(stage, order_id, len(stage.processes) - 1)


async def one_key_twice(stage: ExploringStage) -> None:
    """One key at two processes at once."""
    await asyncio.gather(place(stage, MARKET, 0, 2), place(stage, MARKET, 1, 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallWorld:
    """What happens, and what may go wrong meanwhile."""

    deeds: Deeds
    budget: Budget
    processes: int = 1
    #: The parts in which a resting order is filled, each at any time.
    fills: int = 1
    #: Seconds until a dead process is started again. Callers ask again after ``_PAUSE``: if both are the same, they meet.
    restart: float = 0.5


WORLDS: Mapping[str, SmallWorld] = {
    "order, crash": SmallWorld(deeds=one_order, budget=Budget(crashes=1)),
    "market order, crash": SmallWorld(deeds=one_market_order, budget=Budget(crashes=1)),
    "order, crash, retry during the start": SmallWorld(
        deeds=one_market_order, budget=Budget(crashes=1), restart=_PAUSE
    ),
    "order filled in two parts": SmallWorld(deeds=one_order, budget=Budget(), fills=2),
    "market order, fault of the call": SmallWorld(deeds=one_market_order, budget=Budget(call_faults=1)),
    "order, fault of the stream": SmallWorld(deeds=one_order, budget=Budget(event_faults=1)),
    "order and cancel": SmallWorld(deeds=order_and_cancel, budget=Budget()),
    "order and cancel, crash": SmallWorld(deeds=order_and_cancel, budget=Budget(crashes=1)),
    "order and cancel, fault of the cancel": SmallWorld(
        deeds=order_and_cancel, budget=Budget(call_faults=1, kinds=frozenset({"cancel"}))
    ),
    "one key at two processes": SmallWorld(deeds=one_key_twice, budget=Budget(), processes=2),
    "order, two processes, crash": SmallWorld(deeds=one_market_order, budget=Budget(crashes=1), processes=2),
    "market order, crash and fault": SmallWorld(deeds=one_market_order, budget=Budget(crashes=1, call_faults=1)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored:
    """What the walk of one world has seen."""

    name: str
    states: int
    ways: int
    settled: int
    crashes: int
    faults: Mapping[str, int]
    seconds: float
    violations: tuple[str, ...]
    #: Whether every way was walked to its end.
    is_whole: bool


def explore(
    path: Path,
    name: str,
    *,
    workers: int,
    seconds: float = 1200.0,
    prepare: Callable[[], None] = lambda: None,
    script: Sequence[int] | None = None,
    one_is_enough: bool = False,
) -> Explored:
    """Walk every order of events of one world, or only the way of the choices in ``script``, or until a violation is found."""
    begun = time.monotonic()
    walked = walk(
        partial(_begin, path, WORLDS[name], prepare),
        workers=workers,
        seconds=seconds,
        script=script,
        one_is_enough=one_is_enough,
    )
    lines = walked.lines
    kinds = Counter(kind for kind, _ in lines)
    return Explored(
        name=name,
        states=walked.states,
        ways=kinds["met before"] + kinds["ended alike"] + kinds["settled"] + kinds[VIOLATION],
        settled=kinds["settled"],
        crashes=kinds["crash"],
        faults=Counter(text for kind, text in lines if kind == "fault"),
        seconds=time.monotonic() - begun,
        violations=tuple(text for kind, text in lines if kind in (VIOLATION, "failed")),
        is_whole=not kinds["cut off"],
    )


def _begin(path: Path, world: SmallWorld, prepare: Callable[[], None], ways: Ways) -> None:
    gc.disable()
    prepare()
    budget = replace(world.budget, is_calm=True)
    stage = ExploringStage(
        ways, budget, campaign.template(path), processes=world.processes, fills=world.fills, restart=world.restart
    )
    stage.start()
    budget.is_calm = False
    task = stage.outside.loop.create_task(world.deeds(stage))
    stage.kernel.run_until(lambda: task.done() or bool(stage.watch.violations))
    if task.done():
        task.result()
    stage.finish()


def main() -> int:
    """Walk the worlds that the arguments name, or all."""
    parser = argparse.ArgumentParser(prog="make explore", description=__doc__)
    parser.add_argument("world", nargs="*", help="which to walk, else all")
    parser.add_argument("--seconds", type=float, default=3600.0, help="for one world; what is left then is cut off")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--way", help="the choices of one way, as a violation prints them")
    parser.add_argument("--report", action="store_true", help="write docs/build/simulation-report.md")
    asked = parser.parse_args()
    table = [
        "| world | states | ways | settled and judged | crashes | faults | seconds | violations |",
        "|---|---|---|---|---|---|---|---|",
    ]
    print("\n".join(table), flush=True)
    is_good = True
    with campaign.directory() as path:
        campaign.warm_up(path)
        for name in asked.world or WORLDS:
            script = [int(choice) for choice in asked.way.split(",")] if asked.way else None
            found = explore(path, name, workers=asked.workers, seconds=asked.seconds, script=script)
            is_good = is_good and found.is_whole and not found.violations
            faults = sum(found.faults.values())
            table.append(
                f"| {name} | {found.states:,} | {found.ways:,} | {found.settled:,} | {found.crashes:,} | {faults:,} |"
                f" {found.seconds:.0f} | {len(found.violations)}{'' if found.is_whole else ', CUT OFF'} |"
            )
            print(table[-1], flush=True)
            for violation in found.violations[:3]:
                print(f"VIOLATION make explore WORLD='{name}' WAY={violation[:1500]}", flush=True)
    if asked.report:
        write_rows("explore", "make explore REPORT=1", table, is_whole=not asked.world)
    return 0 if is_good else 1


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        arguments = [sys.executable, "-m", "tests.simulation.explore", *sys.argv[1:]]
        os.execve(sys.executable, arguments, {**os.environ, "PYTHONHASHSEED": "0"})
    sys.exit(main())
