"""What every connector over REST and a user stream does alike: its calls, what its venue answers for it, its stream, its end."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    aclosing,
    asynccontextmanager,
    contextmanager,
)
from datetime import timedelta
from typing import Any, ClassVar, Generic, TypeVar

from app.connectors.base import SENDING_CHECK, Connector, ConnectorContext, Overloaded, SendingCheck
from app.connectors.common.answers import ErrorAnswer, NoAnswer
from app.connectors.common.judging import read_failure, reading, refusal
from app.connectors.common.numbers import mapping
from app.connectors.common.sending import CHECK, SENDING
from app.connectors.common.stream import ReconnectingStream, Socket
from app.connectors.common.venue import ClientT, RestVenue
from app.connectors.rows import Rows
from app.domain.errors import (
    ClockRefused,
    ExchangeDown,
    ExchangeReadError,
    ExchangeReadFailed,
    OrdergateError,
    Refused,
)
from app.domain.markets.trading_rule import TradingRule
from app.domain.reports import ConnectorEvent

T = TypeVar("T")


@contextmanager
def _one_call(check: SendingCheck | None) -> Iterator[None]:
    """Within it ``_is_proven_unsent`` speaks of the one call that is made, which leaves only if ``check`` does not raise."""
    SENDING.set(None)
    token = CHECK.set(check)
    try:
        yield
    finally:
        CHECK.reset(token)


def _is_proven_unsent() -> bool:
    """Whether a call has begun and never got a connection. What nobody marked may have been written."""
    sending = SENDING.get()
    return sending is not None and not sending.has_connection


class AccountCalls(Generic[ClientT]):
    """How one account calls its exchange: when a call may be signed, and what a failure of it means.

    Three ways to call, by what is at stake. ``order``: sent once, and only a proven refusal becomes one; anything else escapes and
    counts as unknown. ``ask``: a question, free to be asked again. ``change``: a setting of the account, which no order depends on.
    Each takes the name of a coroutine of the SDK's client, and its parameters. Building the object reads no key and opens nothing.

    ``build_client`` makes the account's client on first use, on the running loop; it raises ``CredentialsRefused``.
    """

    def __init__(self, venue: RestVenue[ClientT], build_client: Callable[[], ClientT]) -> None:
        self._venue = venue
        self._build_client = build_client
        self._client: ClientT | None = None
        self._is_closed = False

    def check_available(self) -> None:
        """Raise ``RateLimited`` or ``ExchangeDown`` if it is known that an order can't be sent now."""
        if self._is_closed:
            raise ExchangeDown("The connector is closed; nothing was sent")
        self._venue.limits.check(is_question=False)
        if self._client is not None:
            self._client.check_order_count()

    @contextmanager
    def unsent(self, what: str) -> Iterator[None]:
        """Within it ``what`` is done before an order is sent: whatever ends it early proves that nothing was sent.

        That includes the caller's time limit and the closing of the venue, which both come as a cancellation. Raises ``Refused``.
        """
        try:
            yield
        except Refused:
            raise
        except (Exception, asyncio.CancelledError) as error:
            raise self._nothing_sent(what, error) from error

    async def order(self, name: str, **parameters: Any) -> Mapping[str, Any]:
        """Send an order or a cancel once, and not after its deadline.

        Raises ``Refused`` where that is proven, and ``Overloaded``. Any other error, too, means that nobody knows.
        """
        with self.unsent("the exchange's clock could not be read"):
            await self._venue.ready_to_sign()
            client = self.client()
        try:
            with _one_call(SENDING_CHECK.get()):
                return mapping(await getattr(client, name)(**parameters))
        except ErrorAnswer as error:
            refused = await self.judged(error)
            if refused is not None:
                raise refused from error
            if error.code in self._venue.outcomes.overloaded:
                raise Overloaded(f"{self._venue.outcomes.exchange}: {error}") from error
            raise
        except (Refused, NoAnswer):
            raise
        except (Exception, asyncio.CancelledError) as error:
            if _is_proven_unsent():
                raise self._nothing_sent("the exchange could not be reached", error) from error
            raise

    async def cancel(self, name: str, **parameters: Any) -> Mapping[str, Any]:
        """Send a cancel as ``order`` does, and once more if only its timestamp was refused."""
        try:
            return await self.order(name, **parameters)
        except ClockRefused:
            return await self.order(name, **parameters)

    async def ask(self, name: str, **parameters: Any) -> Any:
        """The answer to a question. Raises ``ExchangeReadFailed``, or a ``Refused`` that is about us."""
        try:
            return await self._asked(name, parameters)
        except (ErrorAnswer, NoAnswer) as error:
            raise self._failure(error) from error

    async def ask_order(self, name: str, **parameters: Any) -> Mapping[str, Any] | None:
        """One order as the exchange describes it; None only after its positive "no such order"."""
        try:
            payload = await self._asked(name, parameters)
        except ErrorAnswer as error:
            outcomes = self._venue.outcomes
            if error.code in outcomes.no_such_order and outcomes.counts(error.status):
                return None
            raise self._failure(error) from error
        except NoAnswer as error:
            raise self._failure(error) from error
        with reading(self._venue.outcomes.exchange):
            return mapping(payload)

    async def change(self, name: str, **parameters: Any) -> Any:
        """Change a setting. Raises ``Refused`` where that is proven, ``ExchangeReadFailed`` where the outcome is not known."""
        try:
            return await self._changed(name, parameters)
        except ClockRefused:
            return await self._changed(name, parameters)

    async def _changed(self, name: str, parameters: Mapping[str, Any]) -> Any:
        await self._venue.ready_to_sign()
        try:
            return await getattr(self.client(), name)(**parameters)
        except ErrorAnswer as error:
            refused = await self.judged(error)
            exchange = self._venue.outcomes.exchange
            unknown = f"{exchange} answered with an error: {error}; whether the change was made is not known"
            raise refused or ExchangeReadError(unknown) from error
        except NoAnswer as error:
            raise self._failure(error) from error

    async def judged(self, error: ErrorAnswer) -> Refused | None:
        """The refusal that ``error`` proves, if any. If it casts doubt on the clock, the clock is read anew for the next call."""
        if error.code in self._venue.outcomes.clock_is_off:
            await self._venue.distrust_clock()
        await self._venue.doubt_markets(error)
        return refusal(error, self._venue.outcomes, retry_after=self._venue.limits.hold)

    def client(self) -> ClientT:
        """The account's client; ``ready_to_sign`` must have been awaited. Raises ``CredentialsRefused`` or ``ExchangeDown``."""
        if self._is_closed:
            raise ExchangeDown("The connector is closed; nothing was sent")
        if self._client is None:
            self._client = self._build_client()
        return self._client

    async def close(self) -> None:
        """Close the connections; may be called twice."""
        self._is_closed = True
        if self._client is not None:
            await self._client.close()

    async def _asked(self, name: str, parameters: Mapping[str, Any]) -> Any:
        """The answer, after a second try if the first one's timestamp was wrong."""
        await self._venue.ready_to_sign()
        try:
            return await getattr(self.client(), name)(**parameters)
        except ErrorAnswer as error:
            if error.code not in self._venue.outcomes.clock_is_off:
                raise
            await self._venue.distrust_clock()
        return await getattr(self.client(), name)(**parameters)

    def _nothing_sent(self, what: str, error: BaseException) -> ExchangeDown:
        if self._is_closed or self._venue.is_closed:
            return ExchangeDown("The connector is closed; nothing was sent")
        if isinstance(error, asyncio.CancelledError | TimeoutError):
            why = "no answer in time"
        else:
            why = error.detail if isinstance(error, OrdergateError) else f"{type(error).__name__}: {error}"
        return ExchangeDown(f"{self._venue.outcomes.exchange}: {what} ({why}); nothing was sent")

    def _failure(self, error: ErrorAnswer | NoAnswer) -> Refused | ExchangeReadFailed:
        return read_failure(error, self._venue.outcomes, self._venue.limits.hold)


class RestConnector(Connector, Generic[ClientT]):
    """One account on ``venue``. ``calls`` are its calls over REST."""

    venue: RestVenue[ClientT]
    #: Seconds after which the connection of the user stream is renewed.
    stream_max_age: ClassVar[float]

    def __init__(self, context: ConnectorContext) -> None:
        super().__init__(context)
        assert isinstance(context.venue, RestVenue), "the connector lives on the venue that open_venue made"
        self.venue = context.venue
        self.calls = AccountCalls(self.venue, self._build_client)
        self._streams: list[ReconnectingStream[ConnectorEvent]] = []
        self._is_closed = False

    @classmethod
    async def close_venue(cls, venue: RestVenue[ClientT]) -> None:
        await venue.close()

    @classmethod
    def headroom(cls, venue: RestVenue[ClientT]) -> float:
        return venue.limits.headroom

    @classmethod
    def unreadable(cls, venue: RestVenue[ClientT]) -> Mapping[str, int]:
        return venue.odd_rows.counts

    @classmethod
    def problem(cls, venue: RestVenue[ClientT]) -> str | None:
        return venue.problem

    async def close(self) -> None:
        self._is_closed = True
        for stream in tuple(self._streams):
            await stream.close()
        await self.calls.close()

    async def load_trading_rules(self, max_age: timedelta | None = None) -> Mapping[str, TradingRule]:
        return (await self.venue.markets(max_age)).rules

    async def fetch_clock_difference(self) -> timedelta:
        await self.venue.ready_to_sign()
        return self.venue.server_clock.now() - self.context.clock.now()

    def check_available(self) -> None:
        self.calls.check_available()

    def noted(self, what: str, found: Rows[T]) -> Rows[T]:
        """``found``, after counting what of the list ``what`` could not be read."""
        self.venue.odd_rows.note(what, found.unreadable)
        return found

    def reading(self) -> AbstractContextManager[None]:
        """Within it an answer to a question that can't be read is an ``ExchangeReadError``."""
        return reading(self.venue.outcomes.exchange)

    async def events(self) -> AsyncGenerator[ConnectorEvent, None]:
        if self._is_closed:
            return
        stream = ReconnectingStream[ConnectorEvent](
            self._open_socket,
            self._event,
            self.context.clock,
            max_age=self.stream_max_age,
            odd=self.venue.odd_rows,
        )
        self._streams.append(stream)
        try:
            async with aclosing(stream.events()) as events:
                async for event in events:
                    yield event
        finally:
            self._streams.remove(stream)

    @asynccontextmanager
    async def _open_socket(self) -> AsyncIterator[Socket]:
        await self.venue.markets()
        await self.venue.ready_to_sign()
        try:
            async with self._socket(self.calls.client()) as socket:
                yield socket
        except ErrorAnswer as error:
            self.venue.limits.note(error.headers, error)
            refused = await self.calls.judged(error)
            if refused is None:
                raise
            raise refused from error

    @abstractmethod
    def _build_client(self) -> ClientT:
        """The client of the account on the running loop. Raises ``CredentialsRefused``."""

    @abstractmethod
    def _socket(self, client: ClientT) -> AbstractAsyncContextManager[Socket]:
        """A subscribed connection for the account of ``client``."""

    @abstractmethod
    def _event(self, event: Mapping[str, Any]) -> ConnectorEvent | None:
        """An event of the user stream as one of ours; None if it does not concern us."""
