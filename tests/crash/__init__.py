"""The gateway killed at every named step of its work, and what the next process makes of it."""
