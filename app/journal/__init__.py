"""The journal: all SQL that the gateway speaks about orders, accounts and leases, and the only place that keeps anything.

Knows nothing of exchanges, HTTP or callers; it stores the domain's values and gives them back.
"""
