"""What clients ask for beside the spot market: the wallet, margin, and markets that do not exist here.

The answers are true and minimal: there are no deposits, withdrawals and margin loans. The user stream's listen keys are gone, as on
Binance since 20 February 2026.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.paper.orders import PaperBalance
from app.sandbox.binance.endpoint import Call, Endpoint, Handler, Security, weighing
from app.sandbox.binance.exchange_info import head
from app.sandbox.binance.numbers import wire
from app.sandbox.binance.parameters import anything, optional
from app.sandbox.binance.spot.venue import SpotVenue
from app.sandbox.binance.symbols import symbol_of
from app.sandbox.rest import Answer
from app.sandbox.times import milliseconds

#: The answer of Binance's front end where an endpoint was removed.
_GONE = (
    "<html>\n<head><title>410 Gone</title></head>\n<body>\n<center><h1>410 Gone</h1></center>\n"
    "<hr><center>nginx</center>\n</body>\n</html>\n"
)

_LISTEN_KEY = "/api/v3/userDataStream"


class Wallet:
    """The endpoints under ``/sapi``, and those that were removed."""

    def __init__(self, venue: SpotVenue) -> None:
        self._venue = venue

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            *(_endpoint(method, _LISTEN_KEY, self.gone, Security.NONE) for method in ("POST", "PUT", "DELETE")),
            _endpoint("GET", "/sapi/v1/system/status", self.status, Security.NONE),
            _endpoint("GET", "/sapi/v1/capital/config/getall", self.coins),
            _endpoint("GET", "/sapi/v1/account/status", self.account_status),
            _endpoint("GET", "/sapi/v1/account/apiRestrictions", self.restrictions),
            _endpoint("GET", "/sapi/v1/asset/tradeFee", self.fees),
            _endpoint("POST", "/sapi/v3/asset/getUserAsset", self.assets),
            *(
                _endpoint("GET", f"/sapi/v1/margin/{name}", self.none)
                for name in ("allAssets", "allPairs", "isolated/allPairs")
            ),
        )

    async def gone(self, call: Call) -> Answer:
        return Answer(status=410, html=_GONE)

    async def status(self, call: Call) -> dict[str, Any]:
        return {"status": 0, "msg": "normal"}

    async def account_status(self, call: Call) -> dict[str, Any]:
        return {"data": "Normal"}

    async def none(self, call: Call) -> list[Any]:
        return []

    async def restrictions(self, call: Call) -> dict[str, Any]:
        return {
            "ipRestrict": False,
            "createTime": milliseconds(call.now),
            "enableReading": True,
            "enableSpotAndMarginTrading": True,
            "enableWithdrawals": False,
            "enableInternalTransfer": False,
            "enableMargin": False,
            "enableFutures": False,
            "permitsUniversalTransfer": False,
        }

    async def fees(self, call: Call) -> list[dict[str, Any]]:
        fees = self._venue.exchange.fees
        return [
            {
                "symbol": symbol_of(name),
                "makerCommission": wire(fees.maker),
                "takerCommission": wire(fees.taker),
            }
            for name in self._venue.exchange.pairs
        ]

    async def coins(self, call: Call) -> list[dict[str, Any]]:
        """Every asset of every pair. None can be deposited or withdrawn, and none has a network."""
        balances = {each.asset: each for each in await self._venue.run(self._venue.exchange.balances, call.account)}
        return [
            {
                "coin": asset,
                "name": asset,
                **_amounts(balances.get(asset)),
                "ipoing": "0",
                "storage": "0",
                "isLegalMoney": False,
                "trading": True,
                "depositAllEnable": False,
                "withdrawAllEnable": False,
                "networkList": [],
            }
            for asset in sorted(self._venue.exchange.assets)
        ]

    async def assets(self, call: Call) -> list[dict[str, Any]]:
        balances = await self._venue.run(self._venue.exchange.balances, call.account)
        return [{"asset": each.asset, **_amounts(each), "btcValuation": "0"} for each in balances if each.total]


class NoDerivatives:
    """A derivatives market without symbols, for clients that load all of Binance's markets at once."""

    def __init__(self, path: str) -> None:
        self._path = path

    def endpoints(self) -> Sequence[Endpoint]:
        return (_endpoint("GET", self._path, self.info, Security.NONE),)

    async def info(self, call: Call) -> dict[str, Any]:
        return {**head(call.now, []), "assets": [], "symbols": []}


def _amounts(balance: PaperBalance | None) -> dict[str, str]:
    """The amounts of a balance, zero if there is none."""
    return {
        "free": wire(None if balance is None else balance.available),
        "locked": wire(None if balance is None else balance.held),
        "freeze": "0",
        "withdrawing": "0",
        "ipoable": "0",
    }


def _endpoint(method: str, path: str, answer: Handler, security: Security = Security.SIGNED) -> Endpoint:
    """An endpoint that ignores its parameters."""
    names = ("asset", "symbol", "needBtcValuation") if security is Security.SIGNED else ("listenKey",)
    return Endpoint(
        method=method,
        path=path,
        answer=answer,
        parameters=tuple(optional(name, anything) for name in names),
        security=security,
        route="account" if security is Security.SIGNED else "market",
        weigh=weighing(1),
    )
