"""Binance's protocol: what its spot and futures markets share. Neither market imports the other."""
