"""A campaign: clients trade while processes are killed and the exchange has faults; then everything settles and is checked."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.domain.enums import EventKind
from app.domain.lifecycle import UNSETTLED
from tests.chaos.checker import EVENTUAL, Evidence, Violation, check
from tests.chaos.clients import MARKETS, Client
from tests.chaos.deployments import Deployment
from tests.chaos.journal_view import JournalView, read_journal
from tests.chaos.local_exchanges import LOCAL
from tests.chaos.operations import Log
from tests.chaos.other_keys import OtherKeys, other_keys_refused

_LOOK = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of a campaign. ``converged_after`` is in seconds, None if journal and exchange never agreed."""

    name: str
    exchange: str
    seed: int
    seconds: float
    calls: int
    orders: int
    entries: int
    kills: Mapping[str, int]
    faults: Mapping[str, int]
    doubted: int
    converged_after: float | None
    violations: tuple[Violation, ...]


def evidence_of(deployment: Deployment, log: Log) -> Evidence:
    """The records of the clients, the journal and the exchange, as they are now."""
    return Evidence(
        operations=log.read(), journal=read_journal(deployment.journal_url), truth=deployment.truth.orders()
    )


def settle(deployment: Deployment, log: Log, seconds: float | None = None) -> float | None:
    """Wait until the journal and the exchange agree; the seconds that it took, None if they never did."""
    begun = time.monotonic()
    seconds = deployment.exchange.settle_seconds if seconds is None else seconds
    while time.monotonic() - begun < seconds:
        if not check(evidence_of(deployment, log), EVENTUAL):
            return time.monotonic() - begun
        time.sleep(_LOOK)
    return None


def run_campaign(
    deployment: Deployment,
    *,
    seconds: float,
    seed: int,
    clients: int = 4,
    disrupt_every: tuple[float, float] = (2.0, 6.0),
    is_enough: Callable[[], bool] = lambda: True,
) -> Result:
    """Trade for ``seconds``, and on until it ``is_enough``, then settle and check. The same seed makes the same clients, faults
    and kills.
    """
    log = Log(deployment.directory / "operations.jsonl")
    stopping = threading.Event()
    traded_on = deployment.exchange.connector_name
    markets = LOCAL[traded_on].markets if traded_on in LOCAL else MARKETS
    threads: list[Client | OtherKeys] = [
        Client(number, deployment.port, log, seed, stopping, connector_name=traded_on, markets=markets)
        for number in range(clients)
    ]
    if deployment.exchange.other_credentials is not None:
        threads.append(OtherKeys(deployment, log, deployment.exchange.other_credentials, stopping))
    try:
        deployment.start(faulty=True)
        for thread in threads:
            thread.start()
        _disrupt_until(deployment, time.monotonic() + seconds, is_enough, random.Random(seed), disrupt_every)
        stopping.set()
        for thread in threads:
            thread.join()
        deployment.kill()
        deployment.start(faulty=False)
        converged_after = settle(deployment, log)
        deployment.stop()
    finally:
        stopping.set()
        deployment.kill()
    for thread in threads:
        if thread.fault is not None:
            raise thread.fault
    return _result(deployment, log, seconds=seconds, seed=seed, converged_after=converged_after)


def doubted_in(journal: JournalView) -> set[str]:
    """The orders that were in doubt once, and are not any more."""
    doubted = {
        entry.order_id
        for entry in journal.entries
        if entry.order_id is not None and entry.event is not None and entry.event.kind is EventKind.UNCONFIRMED
    }
    return doubted - {order.order_id for order in journal.orders if order.state in UNSETTLED}


def _disrupt_until(
    deployment: Deployment,
    until: float,
    is_enough: Callable[[], bool],
    rng: random.Random,
    every: tuple[float, float],
) -> None:
    while True:
        pause = rng.uniform(*every)
        if time.monotonic() + pause > until and is_enough():
            time.sleep(max(0.0, until - time.monotonic()))
            return
        time.sleep(pause)
        deployment.disrupt(rng)


def _result(deployment: Deployment, log: Log, *, seconds: float, seed: int, converged_after: float | None) -> Result:
    evidence = evidence_of(deployment, log)
    return Result(
        name=deployment.name,
        exchange=deployment.exchange.connector_name,
        seed=seed,
        seconds=seconds,
        calls=len(evidence.operations),
        orders=len(evidence.journal.orders),
        entries=evidence.journal.head,
        kills=dict(deployment.kills),
        faults=dict(sorted((deployment.fault_counts() + other_keys_refused(evidence.operations)).items())),
        doubted=len(doubted_in(evidence.journal)),
        converged_after=converged_after,
        violations=check(evidence),
    )


def table(results: list[Result]) -> str:
    """The results as a table in Markdown."""

    def counted(counts: Mapping[str, int]) -> str:
        return ", ".join(f"{count} {name}" for name, count in Counter(counts).items()) or "none"

    lines = ["| | " + " | ".join(result.name for result in results) + " |", "|---|" + "---|" * len(results)]
    for title, cell in (
        ("connector", lambda result: result.exchange),
        ("seed", lambda result: str(result.seed)),
        ("seconds of trading", lambda result: f"{result.seconds:.0f}"),
        ("calls by clients", lambda result: f"{result.calls:,}"),
        ("orders in the journal", lambda result: f"{result.orders:,}"),
        ("entries in the journal", lambda result: f"{result.entries:,}"),
        ("kills", lambda result: counted(result.kills)),
        ("faults of the exchange", lambda result: counted(result.faults)),
        ("orders in doubt, settled", lambda result: f"{result.doubted:,}"),
        ("seconds to converge", lambda r: "never" if r.converged_after is None else f"{r.converged_after:.1f}"),
        ("violations", lambda result: str(len(result.violations))),
    ):
        lines.append(f"| {title} | " + " | ".join(cell(result) for result in results) + " |")
    return "\n".join(lines) + "\n"
