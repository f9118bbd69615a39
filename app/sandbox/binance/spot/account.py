"""The spot market's queries for an account: balances, order counts, commissions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.domain.decimals import ZERO
from app.sandbox.binance.endpoint import Call, Endpoint, query, weighing
from app.sandbox.binance.limits import Usage
from app.sandbox.binance.parameters import optional, required, symbol, truth
from app.sandbox.binance.spot import payloads
from app.sandbox.binance.spot.venue import SpotVenue
from app.sandbox.binance.symbols import symbol_of
from app.sandbox.keys import account_number
from app.sandbox.times import milliseconds

#: Commissions are also given in ten-thousandths.
_BASIS_POINTS = 10_000


class SpotAccount:
    """The endpoints that read an account as a whole."""

    def __init__(self, venue: SpotVenue, usage: Usage) -> None:
        self._venue = venue
        self._usage = usage

    def endpoints(self) -> Sequence[Endpoint]:
        one, zeros = (required("symbol", symbol),), (optional("omitZeroBalances", truth),)
        counts, commission = "account.rateLimits.orders", "account.commission"
        return (
            query("/api/v3/account", self.account, zeros, "account", weighing(20), "account.status"),
            query("/api/v3/rateLimit/order", self.order_counts, (), "account", weighing(40), counts),
            query("/api/v3/account/commission", self.commission, one, "account", weighing(20), commission),
        )

    async def account(self, call: Call) -> dict[str, Any]:
        balances = await self._venue.run(self._venue.exchange.balances, call.account)
        shown = [each for each in balances if each.total != ZERO or not call.values.get("omitZeroBalances")]
        fees = self._venue.exchange.fees
        return {
            "makerCommission": int(fees.maker * _BASIS_POINTS),
            "takerCommission": int(fees.taker * _BASIS_POINTS),
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": payloads.commission_rates(fees),
            "canTrade": True,
            "canWithdraw": False,
            "canDeposit": False,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": milliseconds(call.now),
            "accountType": "SPOT",
            "balances": [payloads.balance(each) for each in shown],
            "permissions": ["SPOT"],
            "uid": account_number(call.account),
        }

    async def order_counts(self, call: Call) -> list[dict[str, Any]]:
        return self._usage.order_counts(call.account, milliseconds(call.now))

    async def commission(self, call: Call) -> dict[str, Any]:
        pair = self._venue.pair(call.values["symbol"])
        rates = payloads.commission_rates(self._venue.exchange.fees)
        zero = dict.fromkeys(rates, "0.00000000")
        return {
            "symbol": symbol_of(pair.trading_pair),
            "standardCommission": rates,
            "specialCommission": zero,
            "taxCommission": zero,
            "discount": payloads.no_discount(),
        }
