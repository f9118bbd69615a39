"""How one account calls Binance: which call of the SDK, when it may be signed, and what a failure of it means.

Three ways to call, by what is at stake. ``order``: sent once, and only a proven refusal becomes one; anything else escapes and
counts as unknown. ``ask``: a question, free to be asked again. ``change``: a setting of the account, which no order depends on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.connectors.binance.credentials import credentials_of
from app.connectors.binance.outcomes import CLOCK_IS_OFF, NO_SUCH_ORDER, read_failure, reading, refusal
from app.connectors.binance.venue import BinanceVenue
from app.connectors.common.answers import ErrorAnswer, NoAnswer
from app.connectors.common.numbers import mapping
from app.domain.errors import CredentialsRefused, ExchangeDown, ExchangeReadFailed, Refused

if TYPE_CHECKING:
    from app.connectors.binance.client import TamedClient


class AccountCalls:
    """The calls of one account. Building it reads no key and opens nothing."""

    def __init__(self, venue: BinanceVenue, prefix: str, credentials: Mapping[str, str]) -> None:
        self._venue = venue
        self._prefix = prefix
        self._credentials = credentials
        self._client: TamedClient | None = None
        self._is_closed = False

    def check_available(self) -> None:
        """Raise ``RateLimited`` or ``ExchangeDown`` if an order is known not to get out now."""
        if self._is_closed:
            raise ExchangeDown("The connector is closed; nothing was sent")
        self._venue.limits.check(is_question=False)
        if self._client is not None:
            self._client.check_order_count()

    async def order(self, name: str, **parameters: str) -> Mapping[str, Any]:
        """Send an order or a cancel once. Raises ``Refused`` where it is proven; what else it raises means that nobody knows."""
        try:
            await self._venue.ready_to_sign()
        except ExchangeReadFailed as error:
            raise ExchangeDown(f"Binance's clock could not be read ({error.detail}); nothing was sent") from error
        client = self.client()
        try:
            return mapping(await getattr(client, name)(**parameters))
        except ErrorAnswer as error:
            refused = await self.judged(error)
            if refused is None:
                raise
            raise refused from error

    async def ask(self, name: str, **parameters: str | int) -> Any:
        """The answer to a question. Raises ``ExchangeReadFailed``, or a ``Refused`` that is about us."""
        try:
            return await self._asked(name, parameters)
        except (ErrorAnswer, NoAnswer) as error:
            raise self._failure(error) from error

    async def ask_order(self, name: str, **parameters: str) -> Mapping[str, Any] | None:
        """One order in the exchange's words; None only after its positive "no such order"."""
        try:
            payload = await self._asked(name, parameters)
        except ErrorAnswer as error:
            if error.code == NO_SUCH_ORDER and 400 <= error.status < 500:
                return None
            raise self._failure(error) from error
        except NoAnswer as error:
            raise self._failure(error) from error
        with reading():
            return mapping(payload)

    async def change(self, name: str, **parameters: str | int) -> Any:
        """Change a setting. Raises ``Refused`` where it is proven, ``ExchangeReadFailed`` where it is not known."""
        await self._venue.ready_to_sign()
        try:
            return await getattr(self.client(), name)(**parameters)
        except ErrorAnswer as error:
            raise await self.judged(error) or self._failure(error) from error
        except NoAnswer as error:
            raise self._failure(error) from error

    async def judged(self, error: ErrorAnswer) -> Refused | None:
        """The refusal that ``error`` proves, if any. A doubt about the clock is followed up at once, for the next call."""
        if error.code == CLOCK_IS_OFF:
            await self._venue.distrust_clock()
        return refusal(error, self._venue.outcomes, retry_after=self._venue.limits.hold)

    def client(self) -> TamedClient:
        """The account's client, built on first use on the running loop. Raises ``CredentialsRefused`` or ``ExchangeDown``."""
        if self._is_closed:
            raise ExchangeDown("The connector is closed; nothing was sent")
        if self._client is None:
            credentials = credentials_of(self._prefix, self._credentials)
            if credentials is None:
                raise CredentialsRefused(f"There are no credentials for {self._prefix}; nothing was sent")
            self._client = self._venue.new_client(credentials)
        return self._client

    async def close(self) -> None:
        """Let go of the network; may be called twice."""
        self._is_closed = True
        if self._client is not None:
            await self._client.close()

    async def _asked(self, name: str, parameters: Mapping[str, str | int]) -> Any:
        """The answer, after a second try if the first one's timestamp was wrong."""
        await self._venue.ready_to_sign()
        try:
            return await getattr(self.client(), name)(**parameters)
        except ErrorAnswer as error:
            if error.code != CLOCK_IS_OFF:
                raise
            await self._venue.distrust_clock()
        return await getattr(self.client(), name)(**parameters)

    def _failure(self, error: ErrorAnswer | NoAnswer) -> Refused | ExchangeReadFailed:
        return read_failure(error, self._venue.outcomes, self._venue.limits.hold)
