"""The spot exchange as Kraken names things: assets with X before them, pairs without a dash, ids in three groups of letters.

An order has a client id (``cl_ord_id``), or a number of the client (``userref``) that many orders may share. The paper exchange,
which knows names only, is given the number within one.
"""

from __future__ import annotations

import uuid
from decimal import Decimal

from app.clock import Clock
from app.domain.decimals import EXACT, plain
from app.paper.exchange import PaperExchange
from app.paper.orders import PaperFill, PaperOrder
from app.paper.pairs import Pair
from app.sandbox.common.venue import NamingVenue
from app.sandbox.kraken.failures import UNKNOWN_PAIR

#: The reason of an order that could only have taken, as Kraken writes it.
WOULD_TAKE = "Post only order"

#: Kraken's old names of assets; the others have their own.
_ASSETS = {"BTC": "XXBT", "ETH": "XETH", "LTC": "XLTC", "XRP": "XXRP", "DOGE": "XXDG"}

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
#: How an id is grouped after its first letter, which says whether it is an order's or a trade's.
_GROUPS = (5, 5, 6)
_DIGITS = sum(_GROUPS)
#: Mixed into the numbers, so that ids are no row of A's.
_MASK = 0x2C51D3A917F64B8E0FA5

#: What stands before a client's number in the name that the paper exchange is given.
_NUMBERED = "userref-"


class KrakenVenue(NamingVenue):
    """The spot market."""

    def __init__(self, exchange: PaperExchange, clock: Clock) -> None:
        super().__init__(exchange, clock, symbol_of=pair_id_of, would_take=WOULD_TAKE)
        self._by_altname = {altname_of(name): pair_id_of(name) for name in exchange.pairs}

    def pair(self, symbol: str) -> Pair:
        try:
            return self.listings.pairs[self._by_altname.get(symbol, symbol)]
        except KeyError:
            raise UNKNOWN_PAIR from None

    def wire_id(self, number: int) -> str:
        return f"O{_grouped(number)}"

    def trade_id(self, number: int) -> str:
        """The id of a trade."""
        return f"T{_grouped(number)}"

    def paper_id(self, wire_id: str) -> int:
        letters = wire_id[1:].replace("-", "")
        if wire_id[:1] != "O" or len(letters) != _DIGITS or set(letters) - set(_LETTERS):
            return 0
        number = 0
        for letter in letters:
            number = number << 5 | _LETTERS.index(letter)
        number ^= _MASK
        return number if 0 < number < 1 << 48 else 0

    def client_id_of(self, order: PaperOrder) -> str:
        return "" if order.client_order_id.startswith(_NUMBERED) else super().client_id_of(order)

    def shown_fill(self, fill: PaperFill) -> dict[str, str]:
        """Kraken tells fees in the quote currency, whatever they are charged in."""
        fee = fee_in_quote(fill)
        return {"exchange_fill_id": self.trade_id(fill.fill_id), "fee": plain(fee), "fee_currency": quote_of(fill)}


def numbered_name(userref: int) -> str:
    """The name of an order with the client's number ``userref``."""
    return f"{_NUMBERED}{userref}-{uuid.uuid4().hex[:16]}"


def userref_of(order: PaperOrder) -> int | None:
    """The client's number of an order, None where it has none."""
    if not order.client_order_id.startswith(_NUMBERED):
        return None
    return int(order.client_order_id.removeprefix(_NUMBERED).partition("-")[0])


def asset_of(asset: str) -> str:
    """Kraken's name of an asset."""
    return _ASSETS.get(asset, asset)


def altname_of(trading_pair: str) -> str:
    """A pair's other name, without the X before its assets."""
    return "".join(asset_of(each)[1:] if each in _ASSETS else each for each in trading_pair.split("-"))


def pair_id_of(trading_pair: str) -> str:
    """A pair's name: with the X where both assets have one."""
    assets = trading_pair.split("-")
    return "".join(map(asset_of, assets)) if all(each in _ASSETS for each in assets) else altname_of(trading_pair)


def fee_in_quote(fill: PaperFill) -> Decimal:
    """A fee in the quote currency, at the price of its trade."""
    return fill.fee if fill.fee_currency == quote_of(fill) else EXACT.multiply(fill.fee, fill.price)


def quote_of(fill: PaperFill) -> str:
    return fill.trading_pair.partition("-")[2]


def _grouped(number: int) -> str:
    mixed = number ^ _MASK
    letters = "".join(_LETTERS[mixed >> 5 * place & 31] for place in reversed(range(_DIGITS)))
    first, second, _ = _GROUPS
    return f"{letters[:first]}-{letters[first : first + second]}-{letters[first + second :]}"
