"""A local Binance: the paper exchange behind Binance's own protocol, as a server on loopback.

It speaks REST, the websocket API, market and user streams so that unmodified clients of Binance work against it, and it can be told
to misbehave (``faults``). It matches nothing and keeps no balance itself: ``app.paper`` does. ``server.Sandbox`` is the way in; a
market is a list of endpoints (``endpoint``) under its own base path, and signing, limits, faults and sockets are shared.
"""
