"""Whether an order keeps within the limits: all that it would break, counted over what is used at this moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from app.domain.decimals import ZERO, shortest
from app.domain.enums import OrderType, TradeType
from app.domain.order import Order
from app.domain.safety.admission import Admission, Measured, Missing, Verdict
from app.domain.safety.books import Book, reservation_of
from app.domain.safety.collar import Band, band, is_fresh
from app.domain.safety.ledger import ORDERS, Ledger, place_of
from app.domain.safety.limits import Collar, LimitSet, ReferenceKind, Violation
from app.domain.safety.scope import Scope
from app.domain.safety.usage import COUNTED, daily_loss, gross_notional, is_dollar, open_notional

_ONE = Decimal(1)


def judge(
    order: Order,
    admission: Admission,
    sets: Sequence[LimitSet],
    ledger: Ledger,
    now: datetime,
    *,
    reduces: bool,
    is_measured: bool = True,
) -> Verdict:
    """What of ``sets``, which all cover ``order``, it would break. What each limit comes to is told only if ``is_measured``, since
    placing does not ask. Raises ``Missing`` if a price is needed that is not there.
    """
    judging = _Judging(order, admission, ledger, now, reduces, is_measured)
    for each in sets:
        judging.look_at(each)
    judging.check_missing()
    return Verdict(
        violations=tuple(judging.violations),
        outside=tuple(judging.outside),
        measured=tuple(judging.measured),
        approvals=tuple(judging.approvals),
    )


class _Judging:
    """One order before its limits."""

    def __init__(
        self, order: Order, admission: Admission, ledger: Ledger, now: datetime, reduces: bool, is_measured: bool
    ) -> None:
        reserved = reservation_of(order)
        assert reserved is not None, "an order that is about to be sent is active"
        self._order, self._admission, self._ledger, self._now, self._reduces = order, admission, ledger, now, reduces
        self._reserved = reserved
        self._is_measured = is_measured
        self._is_buy = order.trade_type is TradeType.BUY
        self._place = place_of(order)
        self.violations: list[Violation] = []
        self.outside: list[Violation] = []
        self.measured: list[Measured] = []
        self.approvals: list[Measured] = []
        self._currencies: set[str] = set()
        self._references: set[ReferenceKind] = set()
        self._needs_price = False

    def look_at(self, one: LimitSet) -> None:
        """Note what the order would break of one set."""
        if not self._reduces:
            self._check_growth(one)
        self._check_rates(one)
        self._check_kind(one)
        if one.limits.price_collar is not None:
            self._check_collar(one.scope, one.limits.price_collar)

    def check_missing(self) -> None:
        """Raise ``Missing`` if a limit could not be judged."""
        if self._references or self._currencies or self._needs_price:
            raise Missing(
                references=frozenset(self._references),
                currencies=frozenset(self._currencies),
                price=self._needs_price,
            )

    # -- what exists to stop growth -------------------------------------------------------------------------------------

    def _check_growth(self, one: LimitSet) -> None:
        limits, scope = one.limits, one.scope
        if limits.allowed_pairs is not None and self._order.trading_pair not in limits.allowed_pairs:
            self._refuse_choice("allowed_pairs", scope, self._order.trading_pair, limits.allowed_pairs)
        if limits.max_order_amount is not None:
            self._check_own("max_order_amount", scope, limits.max_order_amount, self._amount())
        if limits.max_order_notional is not None:
            self._check_own("max_order_notional", scope, limits.max_order_notional, self._value())
        if limits.approval_above_notional is not None:
            value = self._value()
            if value > limits.approval_above_notional:
                above = limits.approval_above_notional
                self.approvals.append(Measured("approval_above_notional", scope, ZERO, above, value))
        books = self._ledger.books(scope)
        if limits.max_open_orders is not None:
            used = sum(len(book.active) for book in books)
            self._check("max_open_orders", scope, Decimal(used), Decimal(limits.max_open_orders), _ONE)
        if limits.max_open_notional is not None:
            self._check(
                "max_open_notional", scope, open_notional(books, self._rate), limits.max_open_notional, self._value()
            )
        if limits.max_position is not None:
            self._check_position(scope, limits.max_position, books)
        if limits.max_gross_notional is not None:
            self._check_gross(scope, limits.max_gross_notional, books)
        if limits.max_daily_loss is not None:
            loss = daily_loss(books, self._now, self._rate)
            self._measure("max_daily_loss", scope, loss, limits.max_daily_loss, loss)
            if loss >= limits.max_daily_loss:
                self._note("max_daily_loss", scope, loss, limits.max_daily_loss, loss)
        if limits.max_leverage is not None and self._admission.leverage is not None:
            self._check_own("max_leverage", scope, limits.max_leverage, self._admission.leverage)

    def _check_position(self, scope: Scope, maximum: Decimal, books: Iterable[Book]) -> None:
        same = [book for book in books if book.place.trading_pair == self._order.trading_pair]
        if not self._is_buy and not self._admission.can_short:
            return
        used = sum((book.long() if self._is_buy else book.short() for book in same), ZERO)
        own = self._book_in(scope)
        amount = self._amount()
        more = own.long(amount) - own.long() if self._is_buy else own.short(amount) - own.short()
        self._check("max_position", scope, used, maximum, more)

    def _check_gross(self, scope: Scope, maximum: Decimal, books: Iterable[Book]) -> None:
        used = gross_notional(books, self._rate)
        own = self._book_in(scope)
        self._value()
        bought, sold = (self._reserved.notional, ZERO) if self._is_buy else (ZERO, self._reserved.notional)
        grown = own.gross(bought, sold) - own.gross()
        more = grown * self._rate(own.quote) if grown else ZERO
        self._check("max_gross_notional", scope, used, maximum, more)

    def _book_in(self, scope: Scope) -> Book:
        """The book, of those that ``scope`` counts, in which the order would be."""
        return self._ledger.book(self._place._replace(key_id=scope.key_id))

    # -- how often, and of which kind -----------------------------------------------------------------------------------

    def _check_rates(self, one: LimitSet) -> None:
        limits, scope = one.limits, one.scope
        for name, what, window in COUNTED:
            maximum = getattr(limits, name)
            if maximum is not None:
                used = 0
                for book in self._ledger.books(scope):
                    used += book.count(what, self._now, window)
                # A cancel always passes; who has made too many of them places no orders.
                if self._is_measured or used >= maximum:
                    would_be = Decimal(used + int(what == ORDERS))
                    self._measure(name, scope, Decimal(used), Decimal(maximum), would_be)
                    if used >= maximum:
                        self._note(name, scope, Decimal(used), Decimal(maximum), would_be)

    def _check_kind(self, one: LimitSet) -> None:
        limits, scope, order = one.limits, one.scope, self._order
        if limits.allowed_order_types is not None and order.order_type not in limits.allowed_order_types:
            self._refuse_choice("allowed_order_types", scope, order.order_type.value, limits.allowed_order_types)
        if limits.duplicate_window is not None:
            last = self._ledger.last_same(order)
            if last is not None and self._now - last < timedelta(seconds=limits.duplicate_window):
                ago = shortest(Decimal(max(0, (self._now - last) // timedelta(milliseconds=1))).scaleb(-3))
                self._note_texts("duplicate_window", scope, ago, str(limits.duplicate_window), ago)
        if limits.prevent_self_cross:
            self._check_self_cross(scope)

    def _check_self_cross(self, scope: Scope) -> None:
        opposite = TradeType.SELL if self._is_buy else TradeType.BUY
        price = self._order.price
        for book in self._ledger.books_of_pair(self._order.connector_name, self._order.trading_pair):
            if not scope.covers(book.place._replace(key_id=self._place.key_id)):
                continue
            for held in book.active.values():
                if held.side is not opposite or held.price is None:
                    continue
                if price is None or (price >= held.price if self._is_buy else price <= held.price):
                    own = "MARKET" if price is None else shortest(price)
                    self._note_texts("prevent_self_cross", scope, shortest(held.price), shortest(held.price), own)
                    return

    def _check_collar(self, scope: Scope, collar: Collar) -> None:
        reference = self._admission.references.get(collar.reference)
        if reference is None or not is_fresh(reference, collar, self._now):
            self._references.add(collar.reference)
            return
        allowed = band(collar, reference, self._order.trade_type, tick=self._admission.tick, reduces=self._reduces)
        price = self._order.price
        if self._order.order_type is OrderType.MARKET:
            if allowed == Band():
                return
            price = self._admission.worst_price
        if price is None:
            self._needs_price = True
        elif not allowed.holds(price):
            bound = allowed.high if allowed.high is not None and price > allowed.high else allowed.low
            assert bound is not None
            text = shortest(price)
            self.outside.append(
                Violation(
                    limit="price_collar",
                    scope=scope,
                    value=shortest(reference.price),
                    maximum=shortest(bound),
                    would_be=text,
                )
            )

    # -- values ---------------------------------------------------------------------------------------------------------

    def _amount(self) -> Decimal:
        """The order's amount in base units, which for one by quote amount needs a price."""
        if self._reserved.is_unpriced and self._order.amount is None:
            self._needs_price = True
        return self._reserved.amount

    def _value(self) -> Decimal:
        """What the order is worth in dollars."""
        if self._reserved.is_unpriced and self._order.quote_amount is None:
            self._needs_price = True
        return self._reserved.notional * self._rate(self._order.trading_pair.partition("-")[2])

    def _rate(self, currency: str) -> Decimal:
        if is_dollar(currency):
            return _ONE
        rate = self._admission.rates.get(currency)
        if rate is None:
            self._currencies.add(currency)
            return ZERO
        return rate

    # -- what is told ---------------------------------------------------------------------------------------------------

    def _check(self, name: str, scope: Scope, used: Decimal, maximum: Decimal, more: Decimal) -> None:
        """Note ``name`` unless the order adds nothing, or what is used and ``more`` stay within ``maximum``."""
        would_be = used + more
        self._measure(name, scope, used, maximum, would_be)
        if would_be > maximum and more > ZERO:
            self._note(name, scope, used, maximum, would_be)

    def _check_own(self, name: str, scope: Scope, maximum: Decimal, own: Decimal) -> None:
        """Note a limit of single orders."""
        self._measure(name, scope, ZERO, maximum, own)
        if own > maximum:
            self._note(name, scope, own, maximum, own)

    def _measure(self, name: str, scope: Scope, used: Decimal, maximum: Decimal, would_be: Decimal) -> None:
        if self._is_measured:
            self.measured.append(Measured(name, scope, used, maximum, would_be))

    def _note(self, name: str, scope: Scope, used: Decimal, maximum: Decimal, would_be: Decimal) -> None:
        self._note_texts(name, scope, shortest(used), shortest(maximum), shortest(would_be))

    def _refuse_choice(self, name: str, scope: Scope, chosen: str, allowed: Sequence[str]) -> None:
        self._note_texts(name, scope, chosen, ", ".join(allowed), chosen)

    def _note_texts(self, name: str, scope: Scope, value: str, maximum: str, would_be: str) -> None:
        self.violations.append(Violation(limit=name, scope=scope, value=value, maximum=maximum, would_be=would_be))
