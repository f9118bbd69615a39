"""Binance's USD-M futures market as the sandbox speaks it."""
