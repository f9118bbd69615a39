"""Keeping each account's orders and funding payments in the journal equal to what its exchange has."""
