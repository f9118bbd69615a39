"""A local Kraken: its spot REST API, with nonces that must rise, and orders that are found in lists."""
