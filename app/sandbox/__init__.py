"""Local exchanges: the paper exchange behind real exchanges' own protocols, as one server on loopback.

Unmodified clients of an exchange work against it, and faults can be switched on (``faults``). Matching and balances are those of
``app.paper``. This package is the server and what every protocol needs; each exchange's protocol is a package below it.
``server.Sandbox`` is the entry point.
"""

#: The exchanges whose protocols are served.
PROTOCOLS = ("binance", "bybit", "okx", "kraken", "hyperliquid")
