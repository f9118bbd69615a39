"""Where Binance lives: the addresses of each connector, replaceable by environment variables for a local exchange.

Only names and texts; nothing is opened here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """``rest`` ends in ``/api`` or ``/fapi``; ``stream`` is the websocket API on spot, and on perpetuals the base of the streams,
    ending in a slash.
    """

    rest: str
    stream: str
    is_perpetual: bool


_PUBLIC: Mapping[str, Endpoints] = {
    "binance": Endpoints(
        rest="https://api.binance.com/api",
        stream="wss://ws-api.binance.com:443/ws-api/v3",
        is_perpetual=False,
    ),
    "binance_perpetual": Endpoints(
        rest="https://fapi.binance.com/fapi", stream="wss://fstream.binance.com/", is_perpetual=True
    ),
    "binance_perpetual_testnet": Endpoints(
        rest="https://testnet.binancefuture.com/fapi", stream="wss://fstream.binancefuture.com/", is_perpetual=True
    ),
}


def endpoints_of(connector_name: str, urls: Mapping[str, str]) -> Endpoints:
    """The addresses of ``connector_name``: those in ``urls`` by variable name, else Binance's public ones.

    The variables are ``ORDERGATE_<NAME>_REST_URL`` and ``ORDERGATE_<NAME>_STREAM_URL``; the spot user stream's is
    ``ORDERGATE_BINANCE_WS_API_URL``, because it comes through the websocket API.
    """
    public = _PUBLIC[connector_name]
    prefix = f"ORDERGATE_{connector_name.upper()}"
    stream = f"{prefix}_STREAM_URL" if public.is_perpetual else f"{prefix}_WS_API_URL"
    stream_url = urls.get(stream) or public.stream
    return Endpoints(
        rest=(urls.get(f"{prefix}_REST_URL") or public.rest).rstrip("/"),
        stream=stream_url.rstrip("/") + "/" if public.is_perpetual else stream_url,
        is_perpetual=public.is_perpetual,
    )
