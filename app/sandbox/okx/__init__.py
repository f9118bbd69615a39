"""A local OKX: version 5 of its REST API, with spot and with swaps in contracts."""
