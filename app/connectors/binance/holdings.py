"""Binance's account payloads as reports: balances, positions, funding; of REST answers and of the user streams.

Plain functions without I/O; they raise ``Unreadable``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from app.connectors.common.answers import Unreadable
from app.connectors.common.lists import OddRows, kept, of_object, read_rows
from app.connectors.common.numbers import integer_text, mapping, number, optional_number, text, time
from app.connectors.rows import Rows
from app.domain.decimals import EXACT, ZERO
from app.domain.enums import PositionMode, PositionSide, TradeType
from app.domain.reports import Balance, BalanceReport, FeeRates, FundingPayment, Position

PairOf = Callable[[str], str]

#: The parts of spot's fees, each with rates of its own. Source: "Query Commission Rates" and the page on commissions of the
#: spot API.
_COMMISSIONS = ("standardCommission", "specialCommission", "taxCommission")


def spot_balances(payload: Any) -> Rows[Balance]:
    """The assets of ``account`` with a balance."""
    read = of_object(partial(_free_and_locked, asset="asset", free="free", locked="locked"))
    return kept(read_rows(mapping(payload).get("balances"), read), lambda balance: balance.total != ZERO)


def spot_account(payload: Any) -> str | None:
    """The user id in ``account``, None where it has none."""
    return integer_text(payload, "uid") if mapping(payload).get("uid") is not None else None


def perpetual_account(payload: Any) -> str | None:
    """The account's alias in futures' ``balance``, the same in every row; None where there is none."""
    wallets = read_rows(payload, mapping)
    aliases = [row["accountAlias"] for row in wallets if row.get("accountAlias")]
    if any(alias != aliases[0] for alias in aliases) or not all(isinstance(alias, str) for alias in aliases):
        raise Unreadable("accountAlias is not one text")
    return aliases[0] if aliases else None


def streamed_spot_balances(event: Mapping[str, Any], odd: OddRows) -> BalanceReport:
    """``outboundAccountPosition``: the assets that may have changed, also those that are now zero."""
    balances = read_rows(event.get("B"), of_object(partial(_free_and_locked, asset="a", free="f", locked="l")))
    odd.note("streamed balances", balances.unreadable)
    return BalanceReport(balances=tuple(balances), reported_at=time(event, "E"))


def perpetual_balances(payload: Any) -> Rows[Balance]:
    """The assets of futures' ``balance``: the wallet, and what of it new orders may use."""

    def wallet(row: Mapping[str, Any]) -> Balance:
        return Balance(
            asset=text(row, "asset"), total=number(row, "balance"), available=number(row, "availableBalance")
        )

    return kept(
        read_rows(payload, of_object(wallet)), lambda balance: balance.total != ZERO or balance.available != ZERO
    )


def streamed_perpetual_balances(event: Mapping[str, Any], odd: OddRows) -> BalanceReport | None:
    """``ACCOUNT_UPDATE``, None if it is about positions only.

    The event does not state what is available. The cross wallet is another number: it holds the margin of orders and positions.
    """

    def wallet(row: Mapping[str, Any]) -> Balance:
        return Balance(asset=text(row, "a"), total=number(row, "wb"), available=None)

    balances = read_rows(mapping(event.get("a")).get("B", []), of_object(wallet))
    odd.note("streamed balances", balances.unreadable)
    return BalanceReport(balances=tuple(balances), reported_at=time(event, "E")) if balances else None


def positions(payload: Any, pair_of: PairOf) -> Rows[Position]:
    """The open positions in ``positionRisk`` (version 2 or 3). Short amounts are negative in either mode."""
    found = read_rows(payload, of_object(lambda row: _position(row, pair_of)), _symbol_of)
    return kept(found, lambda position: position.amount != ZERO)


def leverage(payload: Any) -> Decimal:
    """The leverage in one symbol's rows of ``positionRisk``, which is the same in all of them."""
    return number(mapping(payload[0] if isinstance(payload, list) and payload else None), "leverage")


def spot_fees(payload: Any, trade_type: TradeType) -> FeeRates:
    """``account/commission``: the standard fee, taxes and special fees, for both sides and for the order's own."""
    side = "buyer" if trade_type is TradeType.BUY else "seller"
    parts = [mapping(mapping(payload).get(name)) for name in _COMMISSIONS]

    def total(name: str) -> Decimal:
        return sum((number(part, name) for part in parts), ZERO)

    return FeeRates(maker=total("maker") + total(side), taker=total("taker") + total(side), source="exchange")


def perpetual_fees(payload: Any) -> FeeRates:
    """``commissionRate``."""
    row = mapping(payload)
    return FeeRates(
        maker=number(row, "makerCommissionRate"), taker=number(row, "takerCommissionRate"), source="exchange"
    )


def position_mode(payload: Any) -> PositionMode:
    """The answer of ``positionSide/dual``; anything else than true or false is unreadable, because a mode is never assumed."""
    dual = mapping(payload).get("dualSidePosition")
    if not isinstance(dual, bool):
        raise Unreadable("dualSidePosition is neither true nor false")
    return PositionMode.HEDGE if dual else PositionMode.ONEWAY


def funding_payments(payload: Any, pair_of: PairOf) -> Rows[FundingPayment]:
    """A page of ``income`` of the type FUNDING_FEE."""
    return read_rows(payload, of_object(lambda row: funding_payment(row, pair_of)), _symbol_of)


def _symbol_of(row: Mapping[str, Any]) -> Mapping[str, str | None]:
    symbol = row.get("symbol")
    return {"trading_pair": symbol if isinstance(symbol, str) else None}


def funding_payment(row: Mapping[str, Any], pair_of: PairOf) -> FundingPayment:
    """One row of ``income`` of the type FUNDING_FEE."""
    return FundingPayment(
        exchange_funding_id=integer_text(row, "tranId"),
        trading_pair=pair_of(text(row, "symbol")),
        payment=number(row, "income"),
        currency=text(row, "asset"),
        paid_at=time(row, "time"),
    )


def _free_and_locked(row: Mapping[str, Any], asset: str, free: str, locked: str) -> Balance:
    available = number(row, free)
    return Balance(asset=text(row, asset), total=EXACT.add(available, number(row, locked)), available=available)


def _position(row: Mapping[str, Any], pair_of: PairOf) -> Position:
    try:
        side = PositionSide(text(row, "positionSide"))
    except ValueError:
        raise Unreadable(f"the position side '{row.get('positionSide')}' is not known") from None
    amount = number(row, "positionAmt")
    leverage = optional_number(row, "leverage")
    return Position(
        trading_pair=pair_of(text(row, "symbol")),
        side=side,
        amount=-abs(amount) if side is PositionSide.SHORT else amount,
        entry_price=optional_number(row, "entryPrice"),
        unrealized_pnl=number(row, "unRealizedProfit"),
        leverage=leverage,
        mark_price=optional_number(row, "markPrice"),
        liquidation_price=optional_number(row, "liquidationPrice"),
        margin=_margin(row, leverage),
    )


def _margin(row: Mapping[str, Any], leverage: Decimal | None) -> Decimal | None:
    """What is set aside for the position: its isolated margin, else its initial margin, which is notional over leverage."""
    stated = optional_number(row, "isolatedMargin") or optional_number(row, "positionInitialMargin")
    notional = optional_number(row, "notional")
    if stated is not None or notional is None or leverage is None:
        return stated
    return EXACT.divide(abs(notional), leverage).quantize(_MARGIN_PLACES, context=EXACT)


#: Binance states margins with eight places.
_MARGIN_PLACES = Decimal("1e-8")
