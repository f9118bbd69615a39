"""How coroutines wait: for a signal or the clock, and for one answer that many want. Knows nothing of what is waited for."""
