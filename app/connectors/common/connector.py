"""What every connector over REST and a user stream does alike: what its venue answers for it, its stream, and how it closes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, aclosing, asynccontextmanager
from datetime import timedelta
from typing import Any, ClassVar, Generic

from app.connectors.base import Connector, ConnectorContext
from app.connectors.common.answers import ErrorAnswer
from app.connectors.common.calls import AccountCalls
from app.connectors.common.judging import reading
from app.connectors.common.stream import ReconnectingStream, Socket
from app.connectors.common.venue import ClientT, RestVenue
from app.domain.reports import ConnectorEvent
from app.domain.trading_rule import TradingRule


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
    def problem(cls, venue: RestVenue[ClientT]) -> str | None:
        return venue.problem

    async def close(self) -> None:
        self._is_closed = True
        for stream in tuple(self._streams):
            await stream.close()
        await self.calls.close()

    async def load_trading_rules(self, max_age: timedelta | None = None) -> Mapping[str, TradingRule]:
        return (await self.venue.markets(max_age)).rules

    def check_available(self) -> None:
        self.calls.check_available()

    def reading(self) -> AbstractContextManager[None]:
        """Within it an answer to a question that can't be read is an ``ExchangeReadError``."""
        return reading(self.venue.outcomes.exchange)

    async def events(self) -> AsyncGenerator[ConnectorEvent, None]:
        if self._is_closed:
            return
        stream = ReconnectingStream[ConnectorEvent](
            self._open_socket, self._event, self.context.clock, max_age=self.stream_max_age
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
