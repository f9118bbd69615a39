"""The contract between the gateway and one exchange: what a connector must do, in prose.

    Return a report only for what the exchange confirmed.
    Raise a ``Refused`` only where the exchange's rules prove that the order was not accepted, or nothing was sent.
    Let everything else escape; it counts as unknown.
    Never resend a submit.

A connector belongs to one account on one exchange. Building one does no I/O; every verb is a coroutine on the loop that first
used it; ``close`` may be called twice. What the accounts of one exchange share in a process (rate limits of the address, trading
rules, the paper market) is the ``venue``, opened once by ``open_venue``. A connector without credentials answers the public verbs.

Numbers are ``Decimal``, times aware UTC. ``fetch_`` reads the network and raises ``ExchangeReadFailed`` (or ``Refused``) when it
can't; it never returns less than it was asked for as if it were all: where one row of a list can't be read, the list is a ``Rows``
that says so.

The module of a connector class imports no SDK, because the registry imports every module when the gateway starts. An SDK takes
half a second to import: the venue does it in a thread, before the first call that needs it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, Literal

from app.clock import Clock
from app.connectors.capabilities import Capabilities, CredentialField
from app.connectors.optional import OptionalVerbs
from app.domain.fill import Fill
from app.domain.markets.trading_rule import TradingRule
from app.domain.order import Order, OrderRef
from app.domain.reports import Balance, ConnectorEvent, OrderReport
from app.settings import Settings

#: Whether a pair exists and is open is never denied from knowledge older than this; then the exchange is asked again. So however
#: many orders are refused for that, the exchange gets one question in this time.
PAIRS_MAX_AGE = timedelta(seconds=10)

#: What is asked at intervals for each account: its whole book, what of it rests on one pair, its last funding payments.
Question = Literal["open_orders", "open_orders_of_pair", "funding_payments"]

#: Raises what says that it is too late to send.
SendingCheck = Callable[[], object]

#: The running task's order or cancel may only leave while this does not raise; None where it may leave at any time.
#: Before its first byte leaves it may wait for a clock, a setting or a connection, and the process may be suspended. A time limit
#: alone does not help then: its timer runs when the loop does, and some clocks stand still while a machine sleeps.
SENDING_CHECK: ContextVar[SendingCheck | None] = ContextVar("sending_check", default=None)


class Overloaded(Exception):
    """The exchange answered that it is overloaded and that the order was not placed, which is likely and no proof.

    Orders have been executed after such an answer. As every exception that is not a ``Refused``, it means that the outcome is
    unknown; ``Capabilities.overload_grace`` says how soon an absence settles it.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorContext:
    """What a connector is built with. ``repr`` shows no credentials. ``credentials_version`` says which of the account's
    credentials they are; None without credentials, and for credentials that are not stored.
    """

    account_name: str
    credentials: Mapping[str, str] = field(repr=False)
    clock: Clock
    venue: Any = None
    credentials_version: int | None = None


class Connector(OptionalVerbs, ABC):
    """One account on one exchange. See the module's text for the contract."""

    capabilities: ClassVar[Capabilities]
    credential_fields: ClassVar[Mapping[str, CredentialField]] = {}

    def __init__(self, context: ConnectorContext) -> None:
        self.context = context

    @classmethod
    async def open_venue(cls, settings: Settings, clock: Clock) -> Any:
        """What the accounts of this exchange share in this process; must not need the network. ``close_venue`` closes it."""
        return None

    @classmethod
    async def close_venue(cls, venue: Any) -> None:
        """Close the venue; may be called twice."""

    @classmethod
    def headroom(cls, venue: Any) -> float | None:
        """The share of the exchange's request limits that is left in this process, from 0 to 1; None where it is not counted."""
        return None

    @classmethod
    def unreadable(cls, venue: Any) -> Mapping[str, int]:
        """How many rows and events could not be read so far in this process, by the list that they were in."""
        return {}

    @classmethod
    def problem(cls, venue: Any) -> str | None:
        """Why the exchange is not ready for orders, as the last use of it showed; None if nothing is known to be wrong.

        Does not ask the exchange. The text holds nothing of any account.
        """
        return None

    @abstractmethod
    async def load_trading_rules(self, max_age: timedelta | None = None) -> Mapping[str, TradingRule]:
        """The rules of all pairs by trading pair, from the venue's cache. Raises ``ExchangeReadFailed`` or ``Refused``.

        Without ``max_age`` they are no older than ten minutes, and renewed in the background before they are; older only where the
        exchange can't be asked, which judges the orders anyway. With ``max_age`` they are no older than that when they are
        returned; zero always asks the exchange. This is the only cache of the rules, so every order asks here.
        """

    def check_available(self) -> None:
        """Raise ``RateLimited`` or ``ExchangeDown`` if it is known already that nothing may be sent now, so that no intent is
        written for an order that can't be sent.
        """

    @abstractmethod
    async def submit_order(self, order: Order) -> OrderReport:
        """Send ``order`` once, under ``order.ref.client_order_id`` as the exchange's client id (``order_id``, or what
        ``Capabilities.wire_id`` makes of it), so that it can be asked about even if no reply came; not if ``SENDING_CHECK`` raises
        when its first byte would leave. A cancel is sent in the same way.
        """

    @abstractmethod
    async def cancel_order(self, ref: OrderRef) -> OrderReport:
        """Cancel and return the order as the exchange now has it. An order that is already done is a report, not an error;
        raises ``OrderRefused`` if the exchange does not know it.
        """

    @abstractmethod
    async def fetch_order(self, ref: OrderRef) -> OrderReport | None:
        """The order as the exchange has it; None only if the exchange positively knows no such order.

        It is asked by ``ref.client_order_id``, then by its own id where we know it. What only one of them finds must be recognised
        by the other or by the terms (``domain.recognition``): an order that has been given either name anew is not the one in
        question.
        """

    @abstractmethod
    async def fetch_open_orders(self, trading_pair: str | None = None) -> Sequence[OrderReport]:
        """All orders of the account that rest on the book, also those that are not ours."""

    def request_share(self, question: Question) -> float:
        """The share of a minute's request limits of the address that one such question takes; 0 where nothing is counted."""
        return 0.0

    @abstractmethod
    async def fetch_fills(self, ref: OrderRef) -> Sequence[Fill]:
        """All fills of one order, each with the exchange's stable fill id, and none of another order that has been given one of its
        names anew. Empty only if it positively has none.
        """

    @abstractmethod
    async def fetch_balances(self) -> Sequence[Balance]:
        """The balances of all assets that the account holds."""

    async def check_credentials(self) -> Sequence[Balance]:
        """Check, before the credentials are stored, that the exchange takes them, and return the balances. Raises
        ``CredentialsRefused`` with the exchange's words if it does not.
        """
        return await self.fetch_balances()

    @abstractmethod
    async def fetch_exchange_account(self) -> str | None:
        """The exchange's own name of the account that the credentials open. Every key of the account gives the same name. For an
        exchange that names no accounts: something that opens only this one, such as the key itself. None if the answer does not
        say, and then no absence is a proof.
        """

    @abstractmethod
    def events(self) -> AsyncIterator[ConnectorEvent]:
        """Reports of the account's orders and balances as they happen. Yields ``Gap`` first, and after every reconnect.

        A connection that is lost is reconnected by the connector, with growing pauses. Where the connector can't go on by itself,
        such as after refused credentials, the iteration raises. It ends only when the connector is closed, and never silently
        before. So a reader starts it again only after an error, or when the connector was replaced.
        """

    async def close(self) -> None:
        """Close the connections and end ``events``."""
