"""Binance's protocol, spoken by the sandbox: what both of its markets share."""
