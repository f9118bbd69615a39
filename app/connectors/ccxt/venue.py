"""One name of the family: its limits, its clock and its markets, as all accounts of the process see them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from app.clock import Clock
from app.connectors.ccxt.row import Row
from app.connectors.ccxt.rules import is_of, markets_of
from app.connectors.ccxt.stamps import Stamps
from app.connectors.common.answers import ErrorAnswer
from app.connectors.common.judging import UNKNOWN, Outcomes, reading
from app.connectors.common.limits import AddressLimits
from app.connectors.common.numbers import milliseconds_of
from app.connectors.common.venue import Markets, RestVenue, ServerClock
from app.domain.errors import ExchangeDown, OrderRefused, RateLimited
from app.settings import Settings

if TYPE_CHECKING:
    from app.connectors.ccxt.client import CcxtClient

#: Without a Retry-After: most exchanges count by the second or by the minute, and a ban takes longer.
_PAUSE_MS = 10_000
_BAN_MS = 120_000


class CcxtVenue(RestVenue["CcxtClient"]):
    """One market of one exchange."""

    def __init__(self, row: Row, settings: Settings, clock: Clock) -> None:
        server_clock = ServerClock(clock)
        super().__init__(outcomes_of(row), server_clock, _limits(row, server_clock), clock)
        self.row = row
        self._outbound = settings.outbound
        self._timeout = settings.exchange_timeout.total_seconds()
        self._base_url = settings.connector_urls.get(f"ORDERGATE_{row.name.upper()}_URL")
        self._clock = clock
        self._stamps = Stamps(server_clock)
        #: The accounts' clients, which have the markets that were read last.
        self._clients: WeakSet[CcxtClient] = WeakSet()

    async def ready_to_sign(self) -> None:
        """Also when the markets are known: the library would read some of its own, with pairs that the row does not serve."""
        await super().ready_to_sign()
        await self.markets()

    @property
    def known_api_markets(self) -> Mapping[str, Mapping[str, Any]]:
        """The markets as the library has them, by its symbols; empty before the first time."""
        return {} if self._public is None else self._public.api.markets or {}

    def new_client(self, credentials: Mapping[str, str] | None) -> CcxtClient:
        """A client on the running loop; the caller closes it."""
        client = self.client_class(
            self.row,
            credentials,
            base_url=self._base_url,
            stamps=self._stamps,
            address_limits=self.limits,
            outbound=self._outbound,
            timeout=self._timeout,
        )
        if self._public is not None:
            client.use_markets(self._public)
        self._clients.add(client)
        return client

    def _import_client_class(self) -> type[CcxtClient]:
        from app.connectors.ccxt.client import CcxtClient
        from app.connectors.common.tls import tls_context

        tls_context(self._outbound)
        return CcxtClient

    def _build_public(self) -> CcxtClient:
        return self.new_client(None)

    async def _fetch_markets(self, client: CcxtClient) -> Markets:
        listed = await self.read(client.asked(verb="fetch_markets"))
        with reading(self.row.title):  # thousands of symbols: in a thread, so that no order waits for them
            # What the row does not serve, such as options, is not kept: a market takes ten kilobytes.
            kept = [market for market in listed if isinstance(market, dict) and is_of(market, self.row)]
            await asyncio.to_thread(client.api.set_markets, kept)
            for each in tuple(self._clients):
                each.use_markets(client)
            return await asyncio.to_thread(markets_of, client.api, self.row)

    async def _fetch_server_ms(self, client: CcxtClient) -> int:
        """Some exchanges do not tell their time; ours, which is kept by the host, has to do there."""
        if not client.api.has.get("fetchTime"):
            return milliseconds_of(self._clock.now())
        found = await self.read(client.asked(verb="fetch_time"))
        with reading(self.row.title):
            return int(found)


def outcomes_of(row: Row) -> Outcomes:
    """What the errors of ``row`` prove."""
    refusals = row.refusals
    return Outcomes(
        exchange=row.title,
        statuses={403: ExchangeDown, 408: UNKNOWN, 418: RateLimited, 429: RateLimited},
        unsent_texts={},
        texts={},
        codes={**refusals.kinds(), **dict.fromkeys(row.unchanged, OrderRefused)},
        overloaded=refusals.busy,
        clock_is_off=frozenset(refusals.clock),
        no_such_order=frozenset(refusals.no_such_order),
        rule_codes=frozenset(refusals.rules),
        errors_come_with_200=True,
    )


def _limits(row: Row, clock: ServerClock) -> AddressLimits:
    def pause_ms(error: ErrorAnswer, _server_ms: int) -> int | None:
        if error.status not in (418, 429) and error.code not in row.refusals.rate:
            return None
        retry_after = error.headers.get("retry-after", "")
        if retry_after.isascii() and retry_after.isdecimal():
            return int(retry_after) * 1000
        return _BAN_MS if error.status == 418 else _PAUSE_MS

    # No header of the family's exchanges begins like this: they count in ways of their own, or tell nothing.
    return AddressLimits(
        row.title, server_ms=clock.now_ms, monotonic_ms=clock.monotonic_ms, prefix="\0", pause_ms=pause_ms
    )
