"""An account's balances, positions and settings on the futures market."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from app.domain.decimals import ZERO, plain
from app.domain.enums import PositionMode, PositionSide
from app.paper.pairs import Pair
from app.paper.perpetual.margin import MAINTENANCE, MAX_LEVERAGE
from app.paper.perpetual.positions import MARGIN_STEP
from app.paper.refusals import PaperRefusal, RefusalCode
from app.sandbox.binance.endpoint import Call, Endpoint, Handler, Security, weighing
from app.sandbox.binance.failures import ApiError
from app.sandbox.binance.futures import portfolio as rows
from app.sandbox.binance.futures.portfolio import Portfolio, read_portfolio
from app.sandbox.binance.futures.refusals import margin_error, no_need
from app.sandbox.binance.futures.venue import FuturesVenue
from app.sandbox.binance.limits import Usage
from app.sandbox.binance.numbers import wire
from app.sandbox.binance.parameters import Parameter, anything, decimal, optional, required, symbol, truth, whole, words
from app.sandbox.binance.symbols import symbol_of
from app.sandbox.binance.terms import check_precision
from app.sandbox.times import milliseconds

#: The types of a change of margin: whether it is added.
_MARGIN_CHANGES = {"1": True, "2": False}

_SUCCESS = {"code": 200, "msg": "success"}

_ONE: tuple[Parameter, ...] = (required("symbol", symbol),)
_ANY: tuple[Parameter, ...] = (optional("symbol", symbol),)


class FuturesAccount:
    """The endpoints that read an account as a whole, or change its settings."""

    def __init__(self, venue: FuturesVenue, usage: Usage) -> None:
        self._venue = venue
        self._usage = usage
        self._exchange = venue.exchange

    def endpoints(self) -> Sequence[Endpoint]:
        margin_type = (*_ONE, required("marginType", anything))
        margin = (
            *_ONE,
            optional("positionSide", words("BOTH", "LONG", "SHORT", code=-4060, message="Invalid position side.")),
            required("amount", decimal),
            required("type", words(*_MARGIN_CHANGES, code=-4055, message="Invalid type.")),
        )
        return (
            _endpoint("GET", "v2/account", self.account_of("v2"), ws_method="account.status"),
            _endpoint("GET", "v3/account", self.account_of("v3"), ws_method="v2/account.status"),
            _endpoint("GET", "v2/balance", self.balance, ws_method="account.balance"),
            _endpoint("GET", "v3/balance", self.balance, ws_method="v2/account.balance"),
            _endpoint("GET", "v2/positionRisk", self.risk_of("v2"), _ANY, "account.position"),
            _endpoint("GET", "v3/positionRisk", self.risk_of("v3"), _ANY, "v2/account.position"),
            _endpoint("GET", "v1/positionSide/dual", self.mode),
            _endpoint("POST", "v1/positionSide/dual", self.set_mode, (required("dualSidePosition", truth),)),
            _endpoint("POST", "v1/leverage", self.set_leverage, (*_ONE, required("leverage", whole))),
            _endpoint("POST", "v1/marginType", self.set_margin_type, margin_type),
            _endpoint("POST", "v1/positionMargin", self.change_margin, margin),
            _endpoint("GET", "v1/rateLimit/order", self.order_counts),
            _endpoint("GET", "v1/multiAssetsMargin", self.multi_assets),
            _endpoint("GET", "v1/leverageBracket", self.brackets, _ANY),
            _endpoint("GET", "v1/symbolConfig", self.symbol_config, _ANY),
            _endpoint("GET", "v1/accountConfig", self.account_config),
            _endpoint("GET", "v1/commissionRate", self.commission, _ONE),
        )

    async def balance(self, call: Call) -> list[dict[str, Any]]:
        portfolio = await self._portfolio(call)
        return [rows.balance_row(balance, portfolio) for balance in portfolio.balances]

    def account_of(self, version: str) -> Handler:
        """``account``: version 2 has settings and every possible position, version 3 the existing positions."""

        async def account(call: Call) -> dict[str, Any]:
            portfolio, pairs = await self._portfolio(call), self._exchange.pairs.values()
            slots = (rows.all_slots if version == "v2" else rows.open_slots)(pairs, portfolio)
            row = rows.account_row(
                [rows.asset_row(balance, portfolio) for balance in portfolio.balances],
                [rows.position_row(pair, side, portfolio) for pair, side in slots],
            )
            return row if version == "v3" else {**_rights(call), "multiAssetsMargin": False, **row}

        return account

    def risk_of(self, version: str) -> Handler:
        """``positionRisk`` of one symbol or of all."""

        async def risk(call: Call) -> list[dict[str, Any]]:
            portfolio, pairs = await self._portfolio(call), self._asked(call)
            if version == "v2":
                return [rows.old_risk_row(*slot, portfolio) for slot in rows.all_slots(pairs, portfolio)]
            return [rows.new_risk_row(*slot, portfolio) for slot in rows.open_slots(pairs, portfolio)]

        return risk

    async def mode(self, call: Call) -> dict[str, bool]:
        mode = await self._venue.run(self._exchange.position_mode, call.account)
        return {"dualSidePosition": mode is PositionMode.HEDGE}

    async def set_mode(self, call: Call) -> dict[str, Any]:
        mode = PositionMode.HEDGE if call.values["dualSidePosition"] else PositionMode.ONEWAY

        def change() -> None:
            if self._exchange.position_mode(call.account) is mode:
                raise no_need(-4059, "position side")
            if self._exchange.open_orders(call.account):
                raise ApiError(-4067, "Position side cannot be changed if there exists open orders.")
            self._exchange.set_position_mode(call.account, mode)

        await self._venue.run(change)
        return _SUCCESS

    async def set_leverage(self, call: Call) -> dict[str, Any]:
        pair, leverage = self._venue.pair(call.values["symbol"]), call.values["leverage"]
        try:
            await self._venue.run(self._exchange.set_leverage, call.account, pair.trading_pair, leverage)
        except PaperRefusal as refusal:
            if refusal.code is not RefusalCode.LEVERAGE:
                raise
            raise ApiError(-4028, f"Leverage {leverage} is not valid") from refusal
        return {
            "symbol": symbol_of(pair.trading_pair),
            "leverage": leverage,
            "maxNotionalValue": wire(pair.max_notional),
        }

    async def set_margin_type(self, call: Call) -> dict[str, Any]:
        """Refuse a change: margin is always isolated."""
        self._venue.pair(call.values["symbol"])
        if call.values["marginType"] == "ISOLATED":
            raise no_need(-4046, "margin type")
        if call.values["marginType"] == "CROSSED":
            raise ApiError(-1020, "This operation is not supported.")
        raise ApiError(-4098, "Invalid margin type.")

    async def change_margin(self, call: Call) -> dict[str, Any]:
        """Add to a position's margin, or take from it. Source: "Modify Isolated Position Margin" in Binance's documentation."""
        values, pair = call.values, self._venue.pair(call.values["symbol"])
        amount: Decimal = values["amount"]
        check_precision("amount", amount, MARGIN_STEP)
        if amount == ZERO:
            raise ApiError(-4055, "Amount must be positive.")
        change = amount if _MARGIN_CHANGES[values["type"]] else -amount
        side = PositionSide(values.get("positionSide", "BOTH"))
        try:
            await self._venue.run(self._exchange.change_margin, call.account, pair.trading_pair, side, change)
        except PaperRefusal as refusal:
            raise margin_error(refusal, is_added=change > ZERO) from refusal
        return {
            "amount": msgspec.Raw(plain(amount).encode()),
            "code": 200,
            "msg": "Successfully modify position margin.",
            "type": int(values["type"]),
        }

    async def order_counts(self, call: Call) -> list[dict[str, Any]]:
        return self._usage.order_counts(call.account, milliseconds(call.now))

    async def multi_assets(self, call: Call) -> dict[str, bool]:
        return {"multiAssetsMargin": False}

    async def brackets(self, call: Call) -> Any:
        """One bracket per symbol, since the paper exchange has one maintenance rate."""
        found = [{"symbol": symbol_of(pair.trading_pair), "brackets": [_bracket(pair)]} for pair in self._asked(call)]
        return found[0] if "symbol" in call.values else found

    async def symbol_config(self, call: Call) -> list[dict[str, Any]]:
        settings = await self._venue.run(self._exchange.margin_account, call.account)
        return [
            {
                "symbol": symbol_of(pair.trading_pair),
                "marginType": "ISOLATED",
                "isAutoAddMargin": False,
                "leverage": settings.leverages[pair.trading_pair],
                "maxNotionalValue": wire(pair.max_notional),
            }
            for pair in self._asked(call)
        ]

    async def account_config(self, call: Call) -> dict[str, Any]:
        return {**_rights(call), **await self.mode(call), "multiAssetsMargin": False}

    async def commission(self, call: Call) -> dict[str, Any]:
        pair, fees = self._venue.pair(call.values["symbol"]), self._exchange.fees
        return {
            "symbol": symbol_of(pair.trading_pair),
            "makerCommissionRate": wire(fees.maker),
            "takerCommissionRate": wire(fees.taker),
        }

    async def _portfolio(self, call: Call) -> Portfolio:
        return await self._venue.run(read_portfolio, self._venue, call.account)

    def _asked(self, call: Call) -> list[Pair]:
        asked = call.values.get("symbol")
        return list(self._exchange.pairs.values()) if asked is None else [self._venue.pair(asked)]


def _rights(call: Call) -> dict[str, Any]:
    """An account's rights: it may trade."""
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": False,
        "canWithdraw": False,
        "tradeGroupId": -1,
        "updateTime": milliseconds(call.now),
    }


def _bracket(pair: Pair) -> dict[str, Any]:
    """A leverage bracket. Binance writes its values as numbers, not as text."""
    return {
        "bracket": 1,
        "initialLeverage": MAX_LEVERAGE,
        "notionalCap": int(pair.max_notional),
        "notionalFloor": 0,
        "maintMarginRatio": msgspec.Raw(plain(MAINTENANCE).encode()),
        "cum": 0,
    }


def _endpoint(
    method: str, name: str, answer: Handler, parameters: Sequence[Parameter] = (), ws_method: str | None = None
) -> Endpoint:
    return Endpoint(
        method=method,
        path=f"/fapi/{name}",
        answer=answer,
        parameters=parameters,
        security=Security.SIGNED,
        route="account",
        weigh=weighing(5 if method == "GET" else 1),
        ws_method=ws_method,
    )
