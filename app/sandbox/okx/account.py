"""The account: its balances, positions, leverage, mode, fees and fundings.

One account is shown, as OKX's has it; what spot and swaps have behind it is their own. Sources: "Trading Account", sections "Get
balance", "Get positions", "Get account configuration", "Set leverage", "Set position mode" and "Get bills details" in OKX's
documentation
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from app.domain.decimals import EXACT, ZERO
from app.domain.enums import PositionMode
from app.paper.orders import PaperBalance
from app.sandbox.common.calls import Call, Endpoint, Handler
from app.sandbox.common.rows import wire
from app.sandbox.common.venue import ALL
from app.sandbox.keys import account_number
from app.sandbox.okx import rows
from app.sandbox.okx.failures import invalid
from app.sandbox.okx.instruments import Instruments
from app.sandbox.okx.rows import Row
from app.sandbox.okx.venue import SPOT, SWAP, OkxVenue
from app.sandbox.times import milliseconds

_MODES = {"net_mode": PositionMode.ONEWAY, "long_short_mode": PositionMode.HEDGE}
_MODE_NAMES = {mode: name for name, mode in _MODES.items()}

_FUNDING = "8"


class Account:
    """The endpoints that read an account as a whole, or change its settings."""

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments

    def endpoints(self) -> Sequence[Endpoint]:
        def endpoint(method: str, path: str, answer: Handler) -> Endpoint:
            return Endpoint(method=method, path=f"/api/v5/{path}", answer=answer, route="account")

        return (
            endpoint("GET", "account/balance", self.balance),
            endpoint("GET", "account/positions", self.positions),
            endpoint("GET", "account/config", self.config),
            endpoint("GET", "account/leverage-info", self.leverages),
            endpoint("POST", "account/set-leverage", self.set_leverage),
            endpoint("POST", "account/set-position-mode", self.set_mode),
            endpoint("GET", "account/trade-fee", self.fees),
            endpoint("GET", "account/bills", self.bills),
            endpoint("GET", "account/bills-archive", self.bills),
            endpoint("GET", "asset/currencies", self.currencies),
        )

    async def balance(self, call: Call) -> list[Row]:
        asked = call.text("ccy")
        names = None if asked is None else asked.split(",")
        assets: dict[str, tuple[Decimal, Decimal]] = {}
        for venue in self._instruments.venues.values():
            for each in await venue.run(venue.exchange.balances, call.account):
                _add(assets, each)
        now = str(milliseconds(self._instruments.spot.clock.now()))
        details = [
            _detail(name, *assets[name], now)
            for name in sorted(assets)
            if assets[name][0] and (names is None or name in names)
        ]
        return [{"details": details, "uTime": now, "totalEq": "", "adjEq": "", "imr": "", "mmr": ""}]

    async def positions(self, call: Call) -> list[Row]:
        found: list[Row] = []
        for venue in self._swaps(call):
            found += await venue.run(_positions, call, venue)
        return found

    async def config(self, call: Call) -> list[Row]:
        """Spot and futures mode. The position mode is that of swaps."""
        mode = PositionMode.ONEWAY
        for venue in self._swaps(call):
            mode = await venue.run(venue.perpetual.position_mode, call.account)
        number = str(account_number(call.account))
        shown = {"acctLv": "2", "posMode": _MODE_NAMES[mode], "autoLoan": False, "perm": "read_only,trade"}
        return [{"uid": number, "mainUid": number, "label": call.account, **shown}]

    async def set_mode(self, call: Call) -> list[Row]:
        name = call.one_of("posMode", *_MODES)
        for venue in self._swaps(call):
            await venue.run(venue.perpetual.set_position_mode, call.account, _MODES[name])
        return [{"posMode": name}]

    async def leverages(self, call: Call) -> list[Row]:
        venue = self._instruments.of(call)
        call.one_of("mgnMode", "cross")
        name = venue.pair(call.required("instId")).trading_pair
        account = await venue.run(venue.perpetual.margin_account, call.account)
        return [_leverage(call, str(account.leverages[name]))]

    async def set_leverage(self, call: Call) -> list[Row]:
        venue = self._instruments.of(call)
        call.one_of("mgnMode", "cross")
        leverage = call.whole("lever")
        if not leverage:
            raise invalid("lever")
        name = venue.pair(call.required("instId")).trading_pair
        await venue.run(venue.perpetual.set_leverage, call.account, name, leverage)
        return [_leverage(call, str(leverage))]

    async def fees(self, call: Call) -> list[Row]:
        """What is paid is negative."""
        kind = call.one_of("instType", *self._instruments.venues)
        fees = self._instruments.venues[kind].exchange.fees
        maker, taker = wire(-fees.maker), wire(-fees.taker)
        linear = {"makerU": maker, "takerU": taker} if kind == SWAP else {"makerU": "", "takerU": ""}
        return [{"instType": kind, "level": "Lv1", "maker": maker, "taker": taker, **linear}]

    async def bills(self, call: Call) -> list[Row]:
        """Fundings only, newest first."""
        if call.required("type") != _FUNDING:
            raise invalid("type (only fundings are served here)")
        found: list[Row] = []
        for venue in self._swaps(call):
            found += await venue.run(_fundings, call, venue)
        found.sort(key=lambda row: int(row["ts"]), reverse=True)
        return found[: call.rows(100, 100)]

    async def currencies(self, call: Call) -> list[Row]:
        assets = {asset for venue in self._instruments.venues.values() for asset in venue.exchange.assets}
        return [{"ccy": each, "name": each, "chain": f"{each}-{each}", "canDep": False} for each in sorted(assets)]

    def _swaps(self, call: Call) -> list[OkxVenue]:
        return [each for each in self._instruments.typed(call) if each.kind != SPOT]


def _add(assets: dict[str, tuple[Decimal, Decimal]], balance: PaperBalance) -> None:
    total, held = assets.get(balance.asset, (ZERO, ZERO))
    assets[balance.asset] = (EXACT.add(total, balance.total), EXACT.add(held, balance.held))


def _detail(name: str, total: Decimal, held: Decimal, now: str) -> Row:
    free = wire(EXACT.subtract(total, held))
    shown: dict[str, Any] = {"ccy": name, "eq": wire(total), "cashBal": wire(total), "availBal": free, "availEq": free}
    return shown | {"frozenBal": wire(held), "ordFrozen": wire(held), "upl": "0", "isoEq": "0", "uTime": now}


def _positions(call: Call, venue: OkxVenue) -> list[Row]:
    """Used on the exchange's thread."""
    symbols = call.text("instId")
    mode = venue.perpetual.position_mode(call.account)
    return [
        rows.position_row(view, mode, venue)
        for view in venue.perpetual.positions(call.account)
        if symbols is None or venue.symbol_of(view.position.trading_pair) in symbols.split(",")
    ]


def _fundings(call: Call, venue: OkxVenue) -> list[Row]:
    """Used on the exchange's thread."""
    paid = venue.perpetual.funding_payments(call.account, limit=ALL)
    return [rows.funding_row(each, each.trading_pair.partition("-")[2], venue) for each in paid]


def _leverage(call: Call, leverage: str) -> Row:
    return {"instId": call.required("instId"), "lever": leverage, "mgnMode": "cross", "posSide": "net"}
