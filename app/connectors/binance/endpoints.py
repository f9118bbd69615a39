"""Binance's addresses for each connector, replaceable by environment variables for a local exchange. Nothing is opened here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.connectors.capabilities import MarketKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """``rest`` ends in ``/api`` or ``/fapi``; ``stream`` is the websocket API on spot, and on perpetuals the base of the streams,
    ending in a slash. ``market`` is the base of the market streams, ending in a slash too; None where they are not to be used.
    """

    rest: str
    stream: str
    market: str | None
    is_perpetual: bool

    def market_base(self, kind: MarketKind) -> str | None:
        """The address of the streams of ``kind``; None if there is none.

        Perpetuals have two routes: books and trades come from ``public/``, candles and tickers from ``market/``. A connection to
        the wrong one takes the subscription and stays silent.
        """
        if self.market is None or not self.is_perpetual:
            return self.market
        return self.market + ("market/" if kind in ("candles", "ticker") else "public/")


_PUBLIC: Mapping[str, Endpoints] = {
    "binance": Endpoints(
        rest="https://api.binance.com/api",
        stream="wss://ws-api.binance.com:443/ws-api/v3",
        market="wss://stream.binance.com:443/",
        is_perpetual=False,
    ),
    "binance_perpetual": Endpoints(
        rest="https://fapi.binance.com/fapi",
        stream="wss://fstream.binance.com/",
        market="wss://fstream.binance.com/",
        is_perpetual=True,
    ),
    "binance_perpetual_testnet": Endpoints(
        rest="https://testnet.binancefuture.com/fapi",
        stream="wss://fstream.binancefuture.com/",
        market="wss://fstream.binancefuture.com/",
        is_perpetual=True,
    ),
}


def endpoints_of(connector_name: str, urls: Mapping[str, str]) -> Endpoints:
    """The addresses of ``connector_name``: those in ``urls`` by variable name, else Binance's public ones.

    The variables are ``ORDERGATE_<NAME>_REST_URL`` and ``ORDERGATE_<NAME>_STREAM_URL``; the spot user stream's is
    ``ORDERGATE_BINANCE_WS_API_URL``, because it comes through the websocket API. Where only REST was moved there are no market
    streams: those of the public exchange would be about another market.
    """
    public = _PUBLIC[connector_name]
    prefix = f"ORDERGATE_{connector_name.upper()}"
    rest, stream = urls.get(f"{prefix}_REST_URL"), urls.get(f"{prefix}_STREAM_URL")
    streams = _slashed(stream) if stream else public.market
    return Endpoints(
        rest=(rest or public.rest).rstrip("/"),
        stream=streams or public.stream if public.is_perpetual else urls.get(f"{prefix}_WS_API_URL") or public.stream,
        market=None if rest and not stream else streams,
        is_perpetual=public.is_perpetual,
    )


def _slashed(url: str) -> str:
    return url.rstrip("/") + "/"
