"""Ordergate: a self-hosted trading gateway.

The packages, from the edge inwards: ``web`` and ``cli`` start it, ``bootstrap`` wires it, ``handlers`` translate HTTP,
``services`` hold the verbs, ``journal`` records orders, ``storage`` is the database under it, ``connectors`` talk to exchanges,
``paper`` is an exchange in a box, and ``domain`` is what all of them speak. Imports go in that direction only.
"""

import sys

# The first thing that any of its commands imports: an older Python is told in a sentence, and not by a SyntaxError further on.
if sys.version_info < (3, 11):  # noqa: UP036 - it is what this is for; what stands above must be read by any Python
    sys.exit("Ordergate needs Python 3.11 or newer, and %s is Python %s." % (sys.executable, sys.version.split()[0]))  # noqa: UP031

__version__ = "0.2.0"
