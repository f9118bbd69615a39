"""Binance's websockets, in both markets: market streams, their events, and the websocket API."""
