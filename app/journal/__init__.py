"""The journal: every event of every order, the orders, fills and balances that follow from them, and the one writer.

Knows nothing of exchanges, HTTP or callers; it stores the domain's values and gives them back. What lies under it, and what is no
event of an order, is in ``app.storage``.
"""
