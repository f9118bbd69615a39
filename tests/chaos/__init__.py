"""Fault injection: real servers are killed, exchanges fail, and then the promise is checked clause by clause."""
