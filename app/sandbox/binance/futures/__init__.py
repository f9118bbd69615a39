"""Binance's USD-M futures market."""
