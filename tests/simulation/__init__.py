"""The gateway in simulated time: its real code, with every order of events decided by one seed.

``seams`` is the only module that knows which parts of the program are replaced. ``kernel`` runs simulated processes, ``market`` and
``spot`` are a model of Binance, ``world`` puts them together, ``campaign`` runs many worlds.
"""
