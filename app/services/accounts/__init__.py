"""Accounts, their users and credentials, and what they hold: balances, positions, settings."""
