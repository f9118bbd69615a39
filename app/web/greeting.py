"""What a server prints when it is ready: where it listens, and a first order to paste.

It goes to standard output, not to the log: on the first run it holds the password, which is shown this once.
"""

from __future__ import annotations

import sys

from app.services.gateway import Gateway

_ORDER = (
    '{"account_name":"master_account","connector_name":"paper","trading_pair":"BTC-USDT","trade_type":"BUY",'
    '"amount":1,"order_type":"LIMIT","price":123,"position_action":"OPEN"}'
)


def greet(gateway: Gateway) -> None:
    """Print the greeting."""
    sys.stdout.write(greeting(gateway))
    sys.stdout.flush()


def greeting(gateway: Gateway) -> str:
    """The text. Only a new password is shown; for any other, curl asks."""
    settings = gateway.settings
    url = f"http://{settings.host}:{settings.port}"
    lines = [f"\nOrdergate is ready on {url} (explore it at {url}/docs)\n"]
    credentials = settings.username
    if gateway.first_password is not None:
        credentials = f"{settings.username}:{gateway.first_password}"
        lines.append(
            f"\nThe password of user '{settings.username}' is: {gateway.first_password}\n"
            "It was made just now, is shown this once, and only its hash is kept.\n"
        )
    lines.append(
        "\nA first order on the paper exchange:\n\n"
        f"curl --request POST --url {url}/trading/orders --user '{credentials}' \\\n"
        f"  --header 'Content-Type: application/json' \\\n  --data '{_ORDER}'\n\n"
    )
    return "".join(lines)
