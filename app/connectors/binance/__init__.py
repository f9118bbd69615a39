"""Binance: spot and USD-M perpetuals, each a class that keeps the contract of ``connectors.base``."""
