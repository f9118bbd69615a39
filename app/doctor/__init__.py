"""``ordergate doctor``: looks at what a gateway stands on, and says in one line each what is wrong and what to do.

It reads and asks, and changes nothing: no order is placed, nothing is written to the database, and it may run beside a server.
"""
