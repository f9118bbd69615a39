"""The exchanges that ccxt knows: one connector class, one row of data per name."""
