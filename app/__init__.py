"""Ordergate: a self-hosted trading gateway.

The packages, from the edge inwards: ``web`` and ``cli`` start it, ``bootstrap`` wires it, ``handlers`` translate HTTP,
``services`` hold the verbs, ``journal`` records orders, ``storage`` is the database under it, ``connectors`` talk to exchanges,
``paper`` is an exchange in a box, and ``domain`` is what all of them speak. Imports go in that direction only.
"""

__version__ = "0.1.0"
