"""The HTTP edge: Connexion routes, checks and authenticates by the contract, handlers answer, all else is a problem document.

The package turns bytes into checked arguments and answers into bytes. It must hold no trading logic and touch no journal and no
exchange: whatever a request means is decided behind the handlers.
"""

import warnings

# Connexion imports starlette's test client, which asks its users to move to another HTTP library. Nobody here can help it.
warnings.filterwarnings("ignore", message="Using .httpx. with .starlette.testclient. is deprecated")
