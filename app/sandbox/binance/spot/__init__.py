"""Binance's spot market as the sandbox speaks it."""
