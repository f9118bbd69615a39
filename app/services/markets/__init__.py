"""Market data: prices, order books, candles, trades, rates and trading rules."""
