"""Halting, resuming, and setting limits: what risk managers do. What follows of it is decided in the journal's transactions."""
