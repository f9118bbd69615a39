"""Tokens of previews: they hold what a preview showed, so that placing can be bound to it. Sealed, so nobody can make or change
one.

A token is not used up: that an order is placed once is what its idempotency key is for.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct, structs

from app.clock import Clock
from app.domain.decimals import plain, shortest
from app.domain.enums import TradeType
from app.domain.errors import OrdergateError, PreviewOutdated, ReferencePriceMissing
from app.domain.markets.order_book import taken_side
from app.domain.order import OrderRequest
from app.domain.safety.collar import Band
from app.services.markets.market_data import MarketData
from app.vault import Vault, VaultError

#: How long a preview binds.
LIFETIME = timedelta(seconds=30)
#: The side of a preview's band where no collar has one: one percent from the best price.
WIDTH = Decimal("0.01")
#: Nobody's account has such a name, so no token can be mistaken for credentials, or the other way round.
_PURPOSE = "preview\x00"


class Issued(Struct, frozen=True, kw_only=True):
    """A token, and until when it binds."""

    text: str
    expires_at: datetime


class PreviewTokens:
    """Makes tokens and checks orders by them."""

    def __init__(self, vault: Vault, market_data: MarketData, clock: Clock) -> None:
        self._vault = vault
        self._market_data = market_data
        self._clock = clock

    def issue(self, request: OrderRequest, sendable: OrderRequest, allowed: Band) -> Issued:
        """A token for ``request``, which is sent as ``sendable`` while the market's price lies in ``allowed``."""
        expires_at = self._clock.now() + LIFETIME
        shown = {
            "terms": _terms(request, sendable),
            "low": "" if allowed.low is None else plain(allowed.low),
            "high": "" if allowed.high is None else plain(allowed.high),
            "expires_at": expires_at.isoformat(),
        }
        sealed = self._vault.seal(_PURPOSE + request.account_name, request.connector_name, shown)
        return Issued(text=base64.urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii"), expires_at=expires_at)

    async def check(self, token: str, request: OrderRequest, sendable: OrderRequest) -> None:
        """Raise ``PreviewOutdated`` unless ``token`` was made for these terms, is young, and the market's best price on the side
        that the order takes from still lies in the band. Raises ``ReferencePriceMissing`` where that price can't be had.
        """
        shown = self._opened(token, request)
        if shown["terms"] != _terms(request, sendable):
            raise PreviewOutdated("The order is not the one that was previewed")
        if self._clock.now() >= datetime.fromisoformat(shown["expires_at"]):
            raise PreviewOutdated(f"The preview is older than {LIFETIME.total_seconds():g} seconds")
        allowed = Band(
            low=Decimal(shown["low"]) if shown["low"] else None, high=Decimal(shown["high"]) if shown["high"] else None
        )
        if allowed == Band():
            return
        price = await self._price(request)
        if not allowed.holds(price):
            raise PreviewOutdated(f"The price is {shortest(price)} and has left the band that the preview showed")

    def _opened(self, token: str, request: OrderRequest) -> dict[str, str]:
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            return self._vault.open(_PURPOSE + request.account_name, request.connector_name, sealed)
        except (VaultError, binascii.Error):
            raise PreviewOutdated(
                "The Preview-Token was not made by this gateway for this account and connector"
            ) from None

    async def _price(self, request: OrderRequest) -> Decimal:
        try:
            book = await self._market_data.order_book(request.connector_name, request.trading_pair, 1)
        except OrdergateError as error:
            raise ReferencePriceMissing(f"the order book of {request.trading_pair}") from error
        levels = taken_side(book, is_buy=request.trade_type is TradeType.BUY)
        if not levels:
            raise ReferencePriceMissing(f"the order book of {request.trading_pair}")
        return levels[0].price


def around(best_price: Decimal) -> Band:
    """The band of a preview that no collar bounds."""
    return Band(low=best_price * (1 - WIDTH), high=best_price * (1 + WIDTH))


def _terms(request: OrderRequest, sendable: OrderRequest) -> str:
    """What must be the same: the terms as asked and as rounded. The order's own name may be chosen after the preview."""
    asked, rounded = (structs.replace(each, client_order_id=None).terms() for each in (request, sendable))
    return f"{asked}\n{rounded}"
