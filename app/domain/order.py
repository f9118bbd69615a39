"""What a caller asks (``OrderRequest``) and what the journal holds (``Order``).

An ``Order`` is the fold of its events and of nothing else: ``Order.apply`` is the only way to the next one, so replaying the
journal gives the stored order. Everything here is a frozen value; no function reads a clock or does I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from app.domain.decimals import EXACT, ZERO, normal, shortest
from app.domain.enums import EventKind, OrderState, OrderStatus, OrderType, PositionAction, TimeInForce, TradeType
from app.domain.errors import REFUSALS, DuplicateOrderId
from app.domain.events import OrderEvent
from app.domain.fill import UNTOLD, Fill
from app.domain.lifecycle import ACTIVE, FINAL, NOTES, next_state, wire_status
from app.domain.reports import OrderReport


class AccountKey(NamedTuple):
    """One account on one connector: what has credentials of its own, a feed, balances and positions."""

    account_name: str
    connector_name: str


class OrderRequest(Struct, frozen=True, kw_only=True):
    """The terms of an order as a caller asks for them. ``amount`` is in base units, ``quote_amount`` in quote units.

    Exactly one of ``amount`` and ``quote_amount`` is given, the latter only for MARKET orders.
    """

    account_name: str
    connector_name: str
    trading_pair: str
    trade_type: TradeType
    order_type: OrderType
    amount: Decimal | None
    price: Decimal | None = None
    quote_amount: Decimal | None = None
    position_action: PositionAction = PositionAction.OPEN
    time_in_force: TimeInForce | None = None
    reduce_only: bool = False
    client_order_id: str | None = None
    idempotency_key: str | None = None

    @property
    def account(self) -> AccountKey:
        return AccountKey(self.account_name, self.connector_name)

    def terms(self) -> str:
        """The terms as one canonical text: two requests ask for the same order exactly if these are equal."""
        numbers = (self.amount, self.price, self.quote_amount)
        parts = (
            self.trading_pair,
            self.trade_type,
            self.order_type,
            *("" if number is None else shortest(number) for number in numbers),
            self.position_action,
            self.time_in_force or "",
            "reduce_only" if self.reduce_only else "",
            self.client_order_id or "",
        )
        return "|".join(parts)


#: The fields of ``terms``, in their order.
_TERMS = (
    "trading_pair",
    "trade_type",
    "order_type",
    "amount",
    "price",
    "quote_amount",
    "position_action",
    "time_in_force",
    "reduce_only",
    "client_order_id",
)


def differing_terms(terms: str, other: str) -> str:
    """The names of the fields in which two ``terms`` differ, for a sentence."""
    pairs = zip(_TERMS, terms.split("|", 9), other.split("|", 9), strict=False)
    return ", ".join(name for name, one, another in pairs if one != another)


class OrderKey(Struct, frozen=True, kw_only=True):
    """What names an order in the journal: ids are unique per account and connector."""

    account_name: str
    connector_name: str
    order_id: str

    @property
    def account(self) -> AccountKey:
        return AccountKey(self.account_name, self.connector_name)


class OrderRef(Struct, frozen=True, kw_only=True):
    """Enough to ask an exchange about one order: our id always, the exchange's where we know it, and the terms by which the order
    is recognised where it was found by only one of them.

    ``exchange_client_order_id`` is the client id that the exchange has the order under, where ours has not the form that it
    demands, or where an amendment there has changed it.
    ``created_at`` is when we began to send it, for the last time where it was retried.
    """

    order_id: str
    trading_pair: str
    exchange_order_id: str | None = None
    exchange_client_order_id: str | None = None
    trade_type: TradeType | None = None
    order_type: OrderType | None = None
    price: Decimal | None = None
    created_at: datetime | None = None

    @property
    def client_order_id(self) -> str:
        """The client id to ask the exchange by."""
        return self.exchange_client_order_id or self.order_id

    def is_on_pair_of(self, report: OrderReport) -> bool:
        """Whether ``report`` is about the order's pair. One that is not listed any more comes under the exchange's own name of it,
        which is its two assets put together.
        """
        return report.trading_pair in (self.trading_pair, self.trading_pair.replace("-", ""))

    def is_contradicted_by(self, report: OrderReport) -> bool:
        """Whether ``report`` surely is about another order, whatever its client id: the exchange's number, pair, side or type
        is another one, and no amendment changes these. What either of the two does not say is no difference.
        """
        terms = report.terms
        return (
            not self.is_on_pair_of(report)
            or _differ(self.exchange_order_id, report.exchange_order_id)
            or (terms is not None and _differ(self.trade_type, terms.trade_type))
            or (terms is not None and _differ(self.order_type, terms.order_type))
        )


class Order(Struct, frozen=True, kw_only=True):
    """An order as the journal knows it. Totals are computed from fills, never copied from a report.

    ``amount`` and ``price`` are those the exchange works with: where they were amended there, the new ones, while ``terms`` stay
    what was asked. ``amended_at`` is the exchange's time of the report that said so; an older report changes no terms.
    """

    account_name: str
    connector_name: str
    order_id: str
    trading_pair: str
    trade_type: TradeType
    order_type: OrderType
    amount: Decimal | None
    price: Decimal | None
    quote_amount: Decimal | None = None
    position_action: PositionAction = PositionAction.OPEN
    time_in_force: TimeInForce | None = None
    reduce_only: bool = False
    idempotency_key: str | None = None
    terms: str
    state: OrderState
    created_at: datetime
    updated_at: datetime
    exchange_order_id: str | None = None
    exchange_client_order_id: str | None = None
    amended_at: datetime | None = None
    filled_amount: Decimal = ZERO
    filled_quote: Decimal = ZERO
    fees: Mapping[str, Decimal | None] = field(default_factory=dict)
    cancel_requested_at: datetime | None = None
    error_code: str | None = None
    error_message: str | None = None
    #: The exchange's own name of the account that the order was sent to; None where it is not known.
    exchange_account: str | None = None
    #: When the order was last retried: the beginning of the present attempt, and its name. None for the first attempt.
    retried_at: datetime | None = None
    #: When a refused order may be retried, where the exchange named a time.
    held_until: datetime | None = None
    #: The API key that the order was placed with; None where a person placed it, or another program at the exchange.
    key_id: str | None = None
    #: What limits take for the price of a MARKET order, in quote units; None where no limit asked.
    reserved_price: Decimal | None = None

    @property
    def attempted_at(self) -> datetime:
        """When the present attempt to send the order began."""
        return self.retried_at or self.created_at

    @property
    def is_retryable(self) -> bool:
        """Whether the order surely is not at the exchange, and the same request may succeed later."""
        return self.state is OrderState.REJECTED and self.error_code in RETRYABLE and not self.was_seen

    @property
    def key(self) -> OrderKey:
        return OrderKey(account_name=self.account_name, connector_name=self.connector_name, order_id=self.order_id)

    @property
    def ref(self) -> OrderRef:
        return OrderRef(
            order_id=self.order_id,
            trading_pair=self.trading_pair,
            exchange_order_id=self.exchange_order_id,
            exchange_client_order_id=self.exchange_client_order_id,
            trade_type=self.trade_type,
            order_type=self.order_type,
            price=self.price,
            created_at=self.attempted_at,
        )

    @property
    def has_callers_id(self) -> bool:
        """Whether the caller chose the id, so that an earlier order may have it; the terms then end with it."""
        return self.terms.endswith(f"|{self.order_id}")

    @property
    def owns_id(self) -> bool:
        """Whether an order that the exchange has under the id is most likely this one: nobody else uses ids that the gateway made,
        and what was sent before, under whichever id, may have arrived after all.
        """
        return self.retried_at is not None or not self.has_callers_id

    @property
    def may_be_late(self) -> bool:
        """Whether the exchange has never said that it has the order, so that it can only have been late on its way."""
        return not self.was_seen and self.error_code != DuplicateOrderId.code

    @property
    def was_seen(self) -> bool:
        """Whether the exchange has ever shown the order: by an answer, its stream, a listing or a fill."""
        return self.exchange_order_id is not None or self.filled_amount > ZERO

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE

    @property
    def is_presumed_gone(self) -> bool:
        """Whether the final state is a conclusion of ours from absence or an operator's word, not a statement of the exchange."""
        return self.is_resolved or (self.state in _CONCLUDED and self.error_code in PRESUMPTIONS)

    @property
    def is_resolved(self) -> bool:
        """Whether the final state is an operator's word."""
        return self.state in FINAL and self.error_code == RESOLVED

    @property
    def status(self) -> OrderStatus:
        """The status word of the wire contract."""
        return wire_status(
            self.state, partly_filled=self.filled_amount > ZERO, cancel_requested=self.cancel_requested_at is not None
        )

    @property
    def average_fill_price(self) -> Decimal | None:
        """The mean price of all fills, weighted by amount; None without fills."""
        if self.filled_amount == ZERO:
            return None
        return normal(EXACT.divide(self.filled_quote, self.filled_amount).quantize(_AVERAGE_PLACES, context=EXACT))

    def kind_of_fill(self, fill: Fill) -> EventKind:
        """Whether ``fill`` leaves something to fill. An order whose amount is not known yet is never full."""
        total = EXACT.add(self.filled_amount, fill.amount)
        return EventKind.FILLED if self.amount is not None and total >= self.amount else EventKind.PARTIALLY_FILLED

    def apply(self, event: OrderEvent) -> Order:
        """The order after ``event``. Raises ``Anomaly`` where the lifecycle has no such transition."""
        state = next_state(self.state, event.kind, is_resolved=self.is_resolved)
        if state is None:
            raise Anomaly(self.state, event.kind)
        # A doubt is over with the next event that says more; until then it is shown with its reason.
        is_over = self.is_active and self.error_code in _REASONS_OF_DOUBT and event.kind not in NOTES
        changed = replace(
            self,
            state=state,
            updated_at=max(self.updated_at, event.at),
            exchange_order_id=event.exchange_order_id or self.exchange_order_id,
            amount=event.amount if self.amount is None else self.amount,
            error_code=event.reason_code or (None if is_over else self.error_code),
            error_message=event.reason or (None if is_over else self.error_message),
        )
        if event.fill is not None:
            changed = changed._with_fill(event.fill)
        match event.kind:
            case EventKind.CANCEL_REQUESTED:
                return replace(changed, cancel_requested_at=self.cancel_requested_at or event.at)
            case EventKind.CANCEL_REFUSED:
                return replace(changed, cancel_requested_at=None)
            case EventKind.AMENDED:
                return replace(
                    changed,
                    amount=event.amount or self.amount,
                    price=event.price or self.price,
                    exchange_client_order_id=event.exchange_client_order_id or self.exchange_client_order_id,
                    amended_at=event.exchange_at,
                )
            case EventKind.REAPPEARED:
                return replace(changed, cancel_requested_at=None, error_code=None, error_message=None, held_until=None)
            case EventKind.REJECTED:
                return replace(changed, held_until=event.held_until)
            case EventKind.RETRIED:
                return replace(
                    changed,
                    retried_at=event.at,
                    held_until=None,
                    cancel_requested_at=None,
                    error_code=None,
                    error_message=None,
                )
            case _:
                return changed

    def _with_fill(self, fill: Fill) -> Order:
        fees = dict(self.fees)
        if fill.fee_currency is not None and fill.fee is not None:
            fees[fill.fee_currency] = EXACT.add(fees.get(fill.fee_currency) or ZERO, fill.fee)
        elif fill.fee != ZERO:
            fees[UNTOLD] = None
        return replace(
            self,
            filled_amount=EXACT.add(self.filled_amount, fill.amount),
            filled_quote=EXACT.add(self.filled_quote, EXACT.multiply(fill.price, fill.amount)),
            fees=fees,
        )


#: The reason code of an order whose call was answered with the exchange's overload, which is a doubt and no refusal.
OVERLOADED = "overloaded"

#: The reason codes of orders that we concluded to be gone because the exchange does not know them.
PRESUMPTIONS = frozenset({"never_arrived", "vanished"})

#: The reason code of orders that an operator has ended.
RESOLVED = "resolved"

#: The reason code of orders about which questions are answered with nothing but errors.
STUCK = "stuck"

#: The reason codes that say why an order is in doubt, for as long as it is.
_REASONS_OF_DOUBT = frozenset({OVERLOADED, STUCK, DuplicateOrderId.code})

#: The reason codes of orders that are proven not to be at the exchange and may be sent again: what refused them passes by itself.
RETRYABLE = frozenset({*(code for code, kind in REFUSALS.items() if kind.retryable), "never_arrived"})

#: The states that these conclusions lead to. A fill may have moved the order on since; nobody presumes a filled order gone.
_CONCLUDED = frozenset({OrderState.REJECTED, OrderState.CANCELED})

#: An average has no end in decimals. No exchange quotes more than eighteen places, so the average of one fill is its price.
_AVERAGE_PLACES = Decimal("1e-18")


class Anomaly(Exception):
    """The lifecycle has no cell for this event in this state. It is recorded and alarmed about, never applied."""

    def __init__(self, state: OrderState, kind: EventKind) -> None:
        super().__init__(f"an order that is {state} cannot be {kind}")
        self.state = state
        self.kind = kind


def _differ(known: str | None, said: str | None) -> bool:
    return None not in (known, said) and known != said
