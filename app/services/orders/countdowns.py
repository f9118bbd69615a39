"""The countdowns of dead-man's switches at exchanges: started before a pair's first order, renewed with the caller's word, ended.

What runs there is noted in the journal after it has begun, and what is to be ended before it is. So a pair that counts as covered
has a countdown, whatever process dies in between. Every countdown ends when the caller's own time is over: nothing here moves a
deadline.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

import structlog

from app import failpoints
from app.clock import Clock
from app.domain.errors import CountdownMissing, ExchangeReadTimeout, OrdergateError
from app.domain.order import AccountKey
from app.domain.safety.dead_man import ALL_PAIRS, DeadMan
from app.journal.journal import Journal
from app.journal.units.dead_man import NoteCountdowns, ReadDeadMan
from app.services.sessions import Sessions
from app.settings import Settings

log = structlog.get_logger(__name__)

#: How often the caller may speak while the exchange is being told.
_ATTEMPTS = 5
#: Seconds between two looks whether another process has ended a pair's countdown, and the most of them.
_LOOK, _LOOKS = 0.1, 20
#: Calls under way at once: an exchange's limits are shared with everything else.
_AT_ONCE = 8


class Renewed(NamedTuple):
    """A switch after the exchange was told, and why it has not taken the countdowns of some pairs."""

    switch: DeadMan
    failures: Mapping[str, OrdergateError]


class Countdowns:
    """Tells exchanges."""

    def __init__(self, *, journal: Journal, sessions: Sessions, settings: Settings, clock: Clock) -> None:
        self._journal = journal
        self._sessions = sessions
        self._timeout = settings.exchange_timeout.total_seconds()
        self._clock = clock
        self._locks: defaultdict[AccountKey, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def cover(self, account: AccountKey, trading_pair: str) -> None:
        """Let the pair have a countdown, if the account's switch is held by the exchange. Raises ``CountdownMissing``."""
        for _ in range(_LOOKS):
            async with self._locks[account]:
                switch = await self._read(account)
                if switch is None or not switch.lacks_countdown(trading_pair):
                    return
                counted = await self._counted(account, trading_pair)
                if counted not in switch.ending:
                    failure = await self._set(account, counted, switch.armed_until)
                    if failure is not None:
                        raise CountdownMissing(
                            f"The exchange did not take the countdown of {trading_pair} ({failure.detail}); the order was not sent"
                        ) from failure
                    failpoints.reach("countdowns.started")
                    noted = NoteCountdowns(account=account, beat=switch.beat, started=frozenset({counted}))
                    await self._journal.decide(noted)
                    continue
            await self._clock.sleep(_LOOK)
        raise CountdownMissing(f"The countdown of {trading_pair} is being ended; the order was not sent")

    async def renew(self, switch: DeadMan, active: Collection[str]) -> Renewed:
        """Tell the exchange of the deadline of ``switch`` for the pairs that have ``active`` orders, and to end the others."""
        account, failures = switch.terms.account, {}
        async with self._locks[account]:
            for _ in range(_ATTEMPTS):
                until, pairs = switch.armed_until, sorted({*active, *switch.covered}.difference(switch.ending))
                if until is None:
                    # It has fired, or was disarmed meanwhile.
                    break
                told = await self._tell(account, dict.fromkeys(pairs, until) | dict.fromkeys(switch.ending))
                failures = {pair: error for pair, error in told.items() if error is not None and pair in pairs}
                failpoints.reach("countdowns.renewed")
                noted = await self._journal.decide(
                    NoteCountdowns(
                        account=account,
                        beat=switch.beat,
                        started=frozenset(pair for pair in pairs if told[pair] is None),
                        failed=frozenset(failures),
                        ended=frozenset(pair for pair in switch.ending if told[pair] is None),
                    )
                )
                assert noted is not None, "a switch stays once it was there"
                is_current, switch = noted.beat == switch.beat, noted
                if is_current:
                    break
        return Renewed(switch, failures)

    async def end(self, account: AccountKey) -> DeadMan | None:
        """End the countdowns that may run for a switch that is not armed any more. The switch, whose ``ending`` are those left."""
        async with self._locks[account]:
            switch = await self._read(account)
            if switch is None or switch.armed_until is not None or not switch.ending:
                return switch
            told = await self._tell(account, dict.fromkeys(switch.ending))
            ended = frozenset(pair for pair, error in told.items() if error is None)
            return await self._journal.decide(NoteCountdowns(account=account, beat=switch.beat, ended=ended))

    async def _counted(self, account: AccountKey, trading_pair: str) -> str:
        """What the countdown is of that cancels orders of the pair."""
        connector = await self._sessions.connector(account)
        return ALL_PAIRS if connector.capabilities.countdown == "account" else trading_pair

    async def _read(self, account: AccountKey) -> DeadMan | None:
        return (await self._journal.decide(ReadDeadMan())).get(account)

    async def _tell(
        self, account: AccountKey, wanted: Mapping[str, datetime | None]
    ) -> Mapping[str, OrdergateError | None]:
        errors = await asyncio.gather(*(self._set(account, pair, until) for pair, until in wanted.items()))
        return dict(zip(wanted, errors, strict=True))

    async def _set(self, account: AccountKey, trading_pair: str, until: datetime | None) -> OrdergateError | None:
        """Set one countdown. What kept it from being set, None if nothing did."""
        async with self._slots:
            try:
                connector = await self._sessions.connector(account)
                async with asyncio.timeout(self._limit(until)):
                    await connector.set_countdown(trading_pair, until)
            except TimeoutError:
                failure: OrdergateError = ExchangeReadTimeout("The exchange did not answer in time")
            except OrdergateError as error:
                failure = error
            else:
                return None
        log.warning("countdown not set", **account._asdict(), trading_pair=trading_pair, reason=failure.detail)
        return failure

    def _limit(self, until: datetime | None) -> float:
        """The seconds that a call may take: half of what is left, so that one that hangs leaves time for the caller's next word."""
        if until is None:
            return self._timeout
        seconds = (until - self._clock.now()).total_seconds()
        return max(0.0, min(self._timeout, seconds / 2))
