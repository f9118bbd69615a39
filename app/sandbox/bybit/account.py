"""The account: its wallet, positions, leverage, and what a client asks about it first.

One wallet is shown, as a unified account has it; what spot and linear have behind it is their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from app.domain.decimals import EXACT, ZERO
from app.paper.orders import PaperBalance
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.paper.refusals import PaperRefusal, RefusalCode
from app.sandbox.bybit import rows
from app.sandbox.bybit.categories import Categories
from app.sandbox.bybit.failures import LINEAR, error_of, invalid
from app.sandbox.bybit.rows import Row
from app.sandbox.bybit.venue import BybitVenue
from app.sandbox.common.calls import Call, Endpoint
from app.sandbox.common.errors import ApiError
from app.sandbox.common.rows import wire
from app.sandbox.keys import account_number


class Account:
    """The endpoints that read an account as a whole, or change its settings."""

    def __init__(self, categories: Categories) -> None:
        self._categories = categories

    def endpoints(self) -> Sequence[Endpoint]:
        def endpoint(method: str, path: str, answer: Any) -> Endpoint:
            return Endpoint(method=method, path=path, answer=answer, route="account")

        return (
            endpoint("GET", "/v5/account/wallet-balance", self.wallet),
            endpoint("GET", "/v5/account/info", self.info),
            endpoint("GET", "/v5/account/fee-rate", self.fee_rate),
            endpoint("GET", "/v5/user/query-api", self.key_info),
            endpoint("GET", "/v5/asset/coin/query-info", self.coins),
            endpoint("GET", "/v5/position/list", self.positions),
            endpoint("POST", "/v5/position/set-leverage", self.set_leverage),
        )

    async def wallet(self, call: Call) -> Row:
        if call.required("accountType") != "UNIFIED":
            raise invalid("accountType only support UNIFIED.")
        coins: dict[str, Row] = {}
        for venue in self._categories.venues.values():
            for balance in await venue.run(venue.exchange.balances, call.account):
                _add(coins, balance, venue)
        asked = call.text("coin")
        names = None if asked is None else asked.split(",")
        shown = [_coin_row(coins[name]) for name in sorted(coins) if names is None or name in names]
        return {"list": [{"accountType": "UNIFIED", "coin": shown}]}

    async def info(self, call: Call) -> Row:
        """A unified account with isolated margin."""
        return {"unifiedMarginStatus": 6, "marginMode": "ISOLATED_MARGIN", "spotHedgingStatus": "OFF"}

    async def fee_rate(self, call: Call) -> Row:
        venue = self._categories.of(call)
        asked = call.text("symbol")
        symbols = list(venue.listings.pairs) if asked is None else [asked]
        return {"list": [{"symbol": symbol, **rows.fee_rates(venue.exchange.fees)} for symbol in symbols]}

    async def key_info(self, call: Call) -> Row:
        number = account_number(call.account)
        return {"id": str(number), "userID": number, "readOnly": 0, "uta": 1, "unified": 1, "isMaster": True}

    async def coins(self, call: Call) -> Row:
        assets = sorted({asset for venue in self._categories.venues.values() for asset in venue.exchange.assets})
        return {"rows": [{"name": each, "coin": each, "remainAmount": "", "chains": []} for each in assets]}

    async def positions(self, call: Call) -> Row:
        venue = self._categories.of(call)
        exchange = _perpetual(venue)
        symbol, settle = call.text("symbol"), call.text("settleCoin")
        if symbol is None and settle is None:
            raise invalid("symbol or settleCoin is required")
        name = None if symbol is None else venue.pair(symbol).trading_pair

        def read() -> list[Row]:
            views = [
                view
                for view in exchange.positions(call.account)
                if name in (None, view.position.trading_pair)
                and settle in (None, view.position.trading_pair.partition("-")[2])
            ]
            if views or name is None:
                return [rows.position_row(view) for view in views]
            return [rows.flat_row(name, exchange.margin_account(call.account).leverages[name])]

        return {"category": LINEAR, "list": await venue.run(read), "nextPageCursor": ""}

    async def set_leverage(self, call: Call) -> Row:
        venue = self._categories.of(call)
        exchange = _perpetual(venue)
        pair = venue.pair(call.required("symbol"))
        buy, sell = call.number("buyLeverage"), call.number("sellLeverage")
        if buy is None or buy != sell or buy != int(buy):
            raise invalid("buyLeverage and sellLeverage must be equal whole numbers here")

        def change() -> None:
            if exchange.margin_account(call.account).leverages[pair.trading_pair] == buy:
                raise ApiError(110043, "leverage not modified")
            try:
                exchange.set_leverage(call.account, pair.trading_pair, int(buy))
            except PaperRefusal as refusal:
                if refusal.code is RefusalCode.INSUFFICIENT_BALANCE:
                    raise ApiError(110012, "ab not enough to change leverage") from refusal
                raise error_of(refusal, LINEAR) from refusal

        await venue.run(change)
        return {}


def _perpetual(venue: BybitVenue) -> PaperPerpetualExchange:
    if not isinstance(venue.exchange, PaperPerpetualExchange):
        raise invalid("Illegal category")
    return venue.exchange


def _add(coins: dict[str, Row], balance: PaperBalance, venue: BybitVenue) -> None:
    """Add a category's balance to the wallet: what spot has on hold is locked, what linear has is margin."""
    row = coins.setdefault(balance.asset, {"coin": balance.asset, "total": ZERO, "locked": ZERO, "margin": ZERO})
    row["total"] = EXACT.add(row["total"], balance.total)
    held = "margin" if venue.category == LINEAR else "locked"
    row[held] = EXACT.add(row[held], balance.held)


def _coin_row(coin: Row) -> Row:
    total: Decimal = coin["total"]
    return {
        "coin": coin["coin"],
        "equity": wire(total),
        "walletBalance": wire(total),
        "locked": wire(coin["locked"]),
        "totalOrderIM": wire(coin["margin"]),
        "totalPositionIM": "0",
        "totalPositionMM": "0",
        "availableToWithdraw": "",
        "borrowAmount": "0",
        "accruedInterest": "0",
        "unrealisedPnl": "0",
        "cumRealisedPnl": "0",
        "bonus": "0",
        "marginCollateral": True,
        "collateralSwitch": True,
    }
