"""Binance's spot market."""
