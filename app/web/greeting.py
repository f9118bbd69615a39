"""What a server prints when it is ready: where it listens, and a first order to paste.

It goes to standard output, not to the log: on the first run it holds the password, which is shown this once.
"""

from __future__ import annotations

import sys
from ipaddress import ip_address
from pathlib import Path
from shlex import quote

import structlog

from app.services.gateway import Gateway

log = structlog.get_logger(__name__)

_COMMAND = "ordergate"

_ORDER = (
    '{"account_name":"master_account","connector_name":"paper","trading_pair":"BTC-USDT","trade_type":"BUY",'
    '"amount":"0.01","order_type":"MARKET"}'
)


def greet(gateway: Gateway, *, port: int | None = None) -> None:
    """Print the greeting. ``port`` is where the server listens, if that is not the port of the settings."""
    try:
        sys.stdout.write(greeting(gateway, port=port))
        sys.stdout.flush()
    except OSError as error:  # a full disk, a reader that has gone
        log.warning(
            "greeting not printed",
            error=str(error),
            next_step="If the password was made just now, set another one: ordergate user password",
        )


def greeting(gateway: Gateway, *, port: int | None = None) -> str:
    """The text. Only a new password is shown; for any other, curl asks."""
    settings = gateway.settings
    url = f"http://{reachable(settings.host)}:{settings.port if port is None else port}"
    lines = [f"\nOrdergate is ready on {url} (explore it at {url}/docs)\n"]
    credentials = settings.username
    if gateway.first_password is not None:
        credentials = f"{settings.username}:{gateway.first_password}"
        lines.append(
            f"\nThe password of user '{settings.username}' is: {gateway.first_password}\n"
            "It was made just now, is shown this once, and only its hash is kept.\n"
        )
    else:
        lines.append(
            f"\nThe user is '{settings.username}'. A forgotten password is replaced by: {_command()} user password\n"
        )
    if gateway.undecided:
        named = ", ".join("/".join(account) for account in gateway.undecided)
        lines.append(f"\nLive accounts without limits: {named}. Set some with PUT /safety/limits.\n")
    lines.append(
        "\nAn order on the paper exchange, which fills at once:\n\n"
        f"curl --request POST --url {quote(url + '/trading/orders')} --user {_quoted(credentials)} \\\n"
        f"  --header 'Content-Type: application/json' \\\n  --data '{_ORDER}'\n\n"
    )
    return "".join(lines)


def _command() -> str:
    """How the command of this program was called."""
    return quote(sys.argv[0]) if Path(sys.argv[0]).name == _COMMAND else _COMMAND


def reachable(host: str) -> str:
    """``host`` as part of a URL that leads to this server from its own machine: no caller can go to "all addresses"."""
    if not host:
        return "127.0.0.1"
    try:
        address = ip_address(host)
    except ValueError:  # a name
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"
    # A zone, as in fe80::1%eth0, is escaped in a URL (RFC 6874).
    return host if address.version == 4 else f"[{host.replace('%', '%25')}]"


def _quoted(text: str) -> str:
    """``text`` for a shell, in quotes also where none are needed."""
    quoted = quote(text)
    return quoted if quoted != text else f"'{text}'"
