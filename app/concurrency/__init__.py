"""How coroutines wait: for an event or a time, between attempts, and for one result that many callers want. Knows no service."""
