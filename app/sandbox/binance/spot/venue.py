"""The spot exchange as its market uses it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from app.clock import Clock
from app.paper.exchange import PaperExchange
from app.paper.orders import OrderRecord, PaperOrder
from app.sandbox.binance.venue import BinanceVenue, new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """One change of an order in place; the client ids and the order's amounts before and after it."""

    order: PaperOrder
    client_order_id: str
    new_client_order_id: str
    amount: Decimal


class SpotVenue(BinanceVenue):
    """One spot exchange. It adds the ids of cancels, and the client ids that amendments gave, which the exchange does not have."""

    def __init__(self, exchange: PaperExchange, clock: Clock) -> None:
        super().__init__(exchange, clock)
        self._cancel_ids: dict[int, str] = {}
        self._amendments: defaultdict[int, list[Amendment]] = defaultdict(list)
        self._renamed: dict[tuple[str, str], int] = {}

    def set_cancel_id(self, exchange_order_id: int, cancel_id: str) -> None:
        self._cancel_ids[exchange_order_id] = cancel_id

    def cancel_id(self, exchange_order_id: int) -> str:
        """The id of the order's cancel; a new one if it is not known."""
        return self._cancel_ids.setdefault(exchange_order_id, new_id())

    def amend(self, order: PaperOrder, amount: Decimal, new_client_order_id: str) -> Amendment:
        """Reduce an open order to ``amount``. Raises ``PaperRefusal``. Used on the exchange's thread."""
        assert order.amount is not None, "an order by quote amount never rests"
        number, before = order.exchange_order_id, self.named(order).client_order_id
        amended = self.exchange.amend(order.account, exchange_order_id=number, amount=amount).order
        amendment = Amendment(
            order=amended, client_order_id=before, new_client_order_id=new_client_order_id, amount=order.amount
        )
        self._amendments[number].append(amendment)
        self._renamed[order.account, new_client_order_id] = number
        return amendment

    def amendment_at(self, order: PaperOrder, at: datetime) -> Amendment | None:
        """The order's last amendment up to ``at``."""
        made = [each for each in self._amendments.get(order.exchange_order_id, ()) if each.order.updated_at <= at]
        return made[-1] if made else None

    def named(self, order: PaperOrder, at: datetime | None = None) -> PaperOrder:
        """``order`` with the client id that it has now, or had at a time."""
        amendment = self.amendment_at(order, at or self.clock.now())
        return order if amendment is None else replace(order, client_order_id=amendment.new_client_order_id)

    def find_order(
        self,
        account: str,
        trading_pair: str,
        order_id: int | None,
        client_order_id: str | None,
        names: tuple[str, str] = ("origClientOrderId", "orderId"),
    ) -> OrderRecord | None:
        if order_id is not None or client_order_id is None:
            return super().find_order(account, trading_pair, order_id, client_order_id, names)
        number = self._renamed.get((account, client_order_id))
        if number is None:
            record = super().find_order(account, trading_pair, None, client_order_id, names)
        else:
            record = self.exchange.order(account, exchange_order_id=number, trading_pair=trading_pair)
        # An id that the order had before an amendment names it no longer.
        is_current = record is not None and self.named(record.order).client_order_id == client_order_id
        return record if is_current else None
