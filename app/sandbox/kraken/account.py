"""The account: its balances, with what is on hold for orders, and its fees.

Sources: "Get Account Balance", "Get Extended Balance" and "Get Trade Volume" in Kraken's documentation
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from app.domain.decimals import EXACT
from app.sandbox.common.calls import Call, Endpoint, Handler
from app.sandbox.common.rows import wire
from app.sandbox.kraken.rows import Row
from app.sandbox.kraken.venue import KrakenVenue, asset_of, pair_id_of


class Account:
    """The endpoints that read an account as a whole."""

    def __init__(self, venue: KrakenVenue) -> None:
        self._venue = venue

    def endpoints(self) -> Sequence[Endpoint]:
        def question(name: str, answer: Handler) -> Endpoint:
            return Endpoint(method="POST", path=f"/0/private/{name}", answer=answer, route="account")

        return (
            question("Balance", self.balance),
            question("BalanceEx", self.extended),
            question("TradeVolume", self.fees),
        )

    async def balance(self, call: Call) -> Row:
        balances = await self._venue.run(self._venue.exchange.balances, call.account)
        return {asset_of(each.asset): wire(each.total) for each in balances}

    async def extended(self, call: Call) -> Row:
        balances = await self._venue.run(self._venue.exchange.balances, call.account)
        return {
            asset_of(each.asset): {"balance": wire(each.total), "hold_trade": wire(each.held)}
            for each in balances
            if each.total
        }

    async def fees(self, call: Call) -> Row:
        """In percent."""
        pair = pair_id_of(self._venue.pair(call.required("pair")).trading_pair)
        fees = self._venue.exchange.fees
        shown = {"fees": _fee(fees.taker), "fees_maker": _fee(fees.maker)}
        return {"currency": "ZUSD", "volume": "0", **{name: {pair: fee} for name, fee in shown.items()}}


def _fee(rate: Decimal) -> Row:
    percent = wire(EXACT.multiply(rate, Decimal(100)))
    return {
        "fee": percent,
        "minfee": percent,
        "maxfee": percent,
        "nextfee": None,
        "tiervolume": "0",
        "nextvolume": None,
    }
