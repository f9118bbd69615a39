"""What may be done at all: scopes, limits as reservations, price collars, halts and the anomaly brake. Pure values and arithmetic.

The journal's writer asks this package inside the intent's transaction (``app.journal.safety``); services ask it for what they show.
"""
