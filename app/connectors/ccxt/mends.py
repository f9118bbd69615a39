"""What single classes of ccxt do otherwise here, where their options don't reach.

Only ``client`` imports this, with ccxt.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ccxt.base.errors import BadResponse, BaseError, OrderNotFound


class _Grvt:
    """Signs in with the API key, whose private key signs the orders; the library knows a wallet's key only."""

    async def sign_in_with_private_key(self, params: Mapping[str, Any] | None = None) -> Any:
        return await self.sign_in_with_api_key(params or {})  # type: ignore[attr-defined]

    def uses_private_key(self) -> bool:
        return True

    def parse_order(self, order: dict[str, Any], market: Any = None) -> Any:
        # Until the exchange has numbered an order, its number reads as zero.
        named = {**order, "order_id": None} if order.get("order_id") in ("0x00", "0x0", "0") else order
        return super().parse_order(named, market)  # type: ignore[misc]


class _Gemini:
    """Asks by the client id alone; the library sends an empty number beside it."""

    async def fetch_order(self, identity: str | None, symbol: str, params: Mapping[str, Any]) -> Any:
        if identity is not None:
            return await super().fetch_order(identity, symbol, params)  # type: ignore[misc]
        answer = await self.privatePostV1OrderStatus(dict(params))  # type: ignore[attr-defined]
        found = answer if isinstance(answer, list) else [answer]
        if not found:
            raise OrderNotFound("no order has the client id")
        if len(found) > 1:
            raise BadResponse("several orders have the client id")
        return self.parse_order(found[0], self.market(symbol))  # type: ignore[attr-defined]


class _Hyperliquid:
    """Says why an action failed: the library knows some of the exchange's sentences, which end in the asset."""

    def handle_errors(self, *answer: Any) -> Any:
        try:
            return super().handle_errors(*answer)  # type: ignore[misc]
        except BaseError as error:
            if getattr(error, "exchange_code", None) is None:
                error.exchange_code = self._sentence(answer[6])
            raise

    @staticmethod
    def _sentence(payload: Any) -> str | None:
        """The sentence of the only failure in an answer, None where there is none, or where there are several."""
        if not isinstance(payload, dict):
            return None
        if payload.get("status") == "unknownOid":
            return "unknownOid"
        told = payload.get("response")
        if isinstance(told, str):
            return told
        rows = told.get("data", {}).get("statuses", []) if isinstance(told, dict) else []
        texts = [str(row["error"]) for row in rows if isinstance(row, dict) and "error" in row]
        return texts[0].partition(" asset=")[0] if len(texts) == 1 else None


class _KucoinFutures:
    """Compares the amount with a number."""

    def create_contract_order_request(self, symbol: str, kind: str, side: str, amount: str, *more: Any) -> Any:
        return super().create_contract_order_request(symbol, kind, side, Decimal(amount), *more)  # type: ignore[misc]


class _Okx:
    """Says why one order failed: the library knows the codes of some, and of the others that an operation failed."""

    def handle_errors(self, *answer: Any) -> Any:
        try:
            return super().handle_errors(*answer)  # type: ignore[misc]
        except BaseError as error:
            payload = answer[6]
            rows = (payload.get("data") or ()) if isinstance(payload, dict) else ()
            codes = [row["sCode"] for row in rows if isinstance(row, dict) and "sCode" in row]
            if len(codes) == 1:
                error.exchange_code = str(codes[0])
            raise


class _Foxbit:
    """A cancel that is on its way is no end, and one that ended an order in part is. An order's pair need not be listed, and one
    that is filled is no larger than its fills. A trade tells its order, and the currency of its fee.
    """

    def parse_order(self, order: dict[str, Any], market: Any = None) -> Any:
        # The library raises for a pair that it does not know, and adds what is executed to the amount, whether or not it is in it.
        known = market or self.safe_market(order.get("market_symbol"))  # type: ignore[attr-defined]
        read = super().parse_order(order, known)  # type: ignore[misc]
        return {**read, "amount": read["filled"]} if read.get("status") == "closed" else read

    def parse_trade(self, trade: dict[str, Any], market: Any = None) -> Any:
        read = super().parse_trade(trade, market)  # type: ignore[misc]
        currency = self.safe_currency_code(trade.get("fee_currency_symbol"))  # type: ignore[attr-defined]
        fee = {"cost": (read.get("fee") or {}).get("cost"), "currency": currency}
        return {**read, "order": self.safe_string(trade, "order_id"), "fee": fee, "fees": [fee]}  # type: ignore[attr-defined]

    def parse_order_status(self, status: str | None) -> Any:
        ours = {"PENDING_CANCEL": "open", "PARTIALLY_CANCELED": "canceled"}.get(status or "")
        return ours or super().parse_order_status(status)  # type: ignore[misc]


class _Pacifica:
    """Candles must have a beginning; without one, they are the last ones."""

    async def fetch_ohlcv(
        self, symbol: str, timeframe: str, since: int | None, limit: int, params: Mapping[str, Any]
    ) -> Any:
        if since is None:
            since = self.milliseconds() - limit * 1000 * int(self.parse_timeframe(timeframe))  # type: ignore[attr-defined]
        return await super().fetch_ohlcv(symbol, timeframe, since, limit, params)  # type: ignore[misc]


MENDS: Mapping[str, type] = {
    "foxbit": _Foxbit,
    "gemini": _Gemini,
    "grvt": _Grvt,
    "hyperliquid": _Hyperliquid,
    "kucoinfutures": _KucoinFutures,
    "okx": _Okx,
    "pacifica": _Pacifica,
}
