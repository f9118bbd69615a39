"""An account's money, positions and settings on the futures market: what it may ask about them, and what it may set."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from app.domain.decimals import plain
from app.domain.enums import PositionMode
from app.paper.pairs import Pair
from app.paper.perpetual.margin import MAINTENANCE, MAX_LEVERAGE
from app.paper.refusals import PaperRefusal, RefusalCode
from app.sandbox.binance.futures import rows as futures_rows
from app.sandbox.binance.futures.refusals import no_need
from app.sandbox.binance.futures.rows import Portfolio, portfolio
from app.sandbox.binance.futures.venue import FuturesVenue
from app.sandbox.binance.numbers import wire
from app.sandbox.binance.symbols import symbol_of
from app.sandbox.endpoint import Call, Endpoint, Security, weighing
from app.sandbox.failures import ApiError
from app.sandbox.parameters import Parameter, anything, optional, required, symbol, truth, whole
from app.sandbox.times import milliseconds

_SUCCESS = {"code": 200, "msg": "success"}

_ONE: tuple[Parameter, ...] = (required("symbol", symbol),)
_ANY: tuple[Parameter, ...] = (optional("symbol", symbol),)


class FuturesPositions:
    """The endpoints about an account as a whole."""

    def __init__(self, venue: FuturesVenue) -> None:
        self._venue = venue
        self._exchange = venue.exchange

    def endpoints(self) -> Sequence[Endpoint]:
        margin_type = (*_ONE, required("marginType", anything))
        return (
            *(_endpoint("GET", f"{version}/account", self.account_of(version)) for version in ("v2", "v3")),
            *(_endpoint("GET", f"{version}/balance", self.balance) for version in ("v2", "v3")),
            *(_endpoint("GET", f"{version}/positionRisk", self.risk_of(version), _ANY) for version in ("v2", "v3")),
            _endpoint("GET", "v1/positionSide/dual", self.mode),
            _endpoint("POST", "v1/positionSide/dual", self.set_mode, (required("dualSidePosition", truth),)),
            _endpoint("POST", "v1/leverage", self.set_leverage, (*_ONE, required("leverage", whole))),
            _endpoint("POST", "v1/marginType", self.set_margin_type, margin_type),
            _endpoint("GET", "v1/multiAssetsMargin", self.multi_assets),
            _endpoint("GET", "v1/leverageBracket", self.brackets, _ANY),
            _endpoint("GET", "v1/symbolConfig", self.symbol_config, _ANY),
            _endpoint("GET", "v1/accountConfig", self.account_config),
            _endpoint("GET", "v1/commissionRate", self.commission, _ONE),
        )

    async def balance(self, call: Call) -> list[dict[str, Any]]:
        whole = await self._portfolio(call)
        return [futures_rows.balance_row(held, whole) for held in whole.balances]

    def account_of(self, version: str) -> Callable[[Call], Awaitable[Any]]:
        """``account``: version 2 has settings and every position that there could be, version 3 those that there are."""

        async def account(call: Call) -> dict[str, Any]:
            whole, pairs = await self._portfolio(call), self._exchange.pairs.values()
            slots = (futures_rows.all_slots if version == "v2" else futures_rows.open_slots)(pairs, whole)
            row = futures_rows.account_row(
                [futures_rows.asset_row(held, whole) for held in whole.balances],
                [futures_rows.position_row(pair, side, whole) for pair, side in slots],
            )
            return row if version == "v3" else {**_rights(call), "multiAssetsMargin": False, **row}

        return account

    def risk_of(self, version: str) -> Callable[[Call], Awaitable[Any]]:
        """``positionRisk``, of one symbol or of all."""

        async def risk(call: Call) -> list[dict[str, Any]]:
            whole, pairs = await self._portfolio(call), self._asked(call)
            if version == "v2":
                slots = futures_rows.all_slots(pairs, whole)
                return [futures_rows.old_risk_row(pair, side, whole) for pair, side in slots]
            return [
                futures_rows.new_risk_row(pair, side, whole) for pair, side in futures_rows.open_slots(pairs, whole)
            ]

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
        """Margin is isolated here, and can't be anything else."""
        self._venue.pair(call.values["symbol"])
        if call.values["marginType"] == "ISOLATED":
            raise no_need(-4046, "margin type")
        if call.values["marginType"] == "CROSSED":
            raise ApiError(-1020, "This operation is not supported.")
        raise ApiError(-4098, "Invalid margin type.")

    async def multi_assets(self, call: Call) -> dict[str, bool]:
        return {"multiAssetsMargin": False}

    async def brackets(self, call: Call) -> Any:
        """One bracket a symbol, since the paper exchange has one maintenance rate."""
        rows = [{"symbol": symbol_of(pair.trading_pair), "brackets": [_bracket(pair)]} for pair in self._asked(call)]
        return rows[0] if "symbol" in call.values else rows

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
        return await self._venue.run(portfolio, self._venue, call.account)

    def _asked(self, call: Call) -> list[Pair]:
        asked = call.values.get("symbol")
        return list(self._exchange.pairs.values()) if asked is None else [self._venue.pair(asked)]


def _rights(call: Call) -> dict[str, Any]:
    """What an account may do here: trade."""
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": False,
        "canWithdraw": False,
        "tradeGroupId": -1,
        "updateTime": milliseconds(call.now),
    }


def _bracket(pair: Pair) -> dict[str, Any]:
    """Binance writes these as numbers, not as text."""
    return {
        "bracket": 1,
        "initialLeverage": MAX_LEVERAGE,
        "notionalCap": int(pair.max_notional),
        "notionalFloor": 0,
        "maintMarginRatio": msgspec.Raw(plain(MAINTENANCE).encode()),
        "cum": 0,
    }


def _endpoint(
    method: str, name: str, answer: Callable[[Call], Awaitable[Any]], parameters: Sequence[Parameter] = ()
) -> Endpoint:
    return Endpoint(
        method=method,
        path=f"/fapi/{name}",
        answer=answer,
        parameters=parameters,
        security=Security.SIGNED,
        route="account",
        weigh=weighing(5 if method == "GET" else 1),
    )
