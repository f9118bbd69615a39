"""A local Bybit: version 5 of its REST API, with the categories spot and linear."""
