"""``ordergate sandbox``: serve a local exchange until it is stopped. The command line itself is read in ``app.cli``."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from app.clock import SystemClock
from app.paper.exchange import PaperExchange
from app.paper.perpetual.exchange import PaperPerpetualExchange
from app.sandbox.keys import PASSPHRASE
from app.sandbox.prices import SteeredPath
from app.sandbox.server import Sandbox

#: The account of the first key, and the key if none is given.
ACCOUNT = "main"
DEFAULT_KEY = "sandbox-key:sandbox-secret"
#: Where the secrets of an exchange have a form of their own.
DEFAULT_KEYS = {
    "kraken": "sandbox-key:c2FuZGJveC1zZWNyZXQ=",
    "hyperliquid": f"0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a:0x{'11' * 32}",
}


def serve(
    protocol: str, *, port: int, keys: Sequence[str], seed: int, data: Path | None, echo: Callable[[str], None]
) -> None:
    """Serve ``protocol``'s exchange on loopback until SIGINT or SIGTERM. ``keys`` are KEY:SECRET, one account each; without
    ``data`` nothing is kept.

    Raises ``ValueError`` for a key without a secret and ``OSError`` if the port is taken.
    """
    if data is not None:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        asyncio.run(_serve(protocol, port, keys or (DEFAULT_KEYS.get(protocol, DEFAULT_KEY),), seed, data, echo))
        return
    with tempfile.TemporaryDirectory(prefix="ordergate-sandbox-") as directory:
        asyncio.run(
            _serve(protocol, port, keys or (DEFAULT_KEYS.get(protocol, DEFAULT_KEY),), seed, Path(directory), echo)
        )


async def _serve(
    protocol: str, port: int, keys: Sequence[str], seed: int, data: Path, echo: Callable[[str], None]
) -> None:
    clock, path = SystemClock(), SteeredPath(seed)
    # What a killed process has committed is kept; a machine that loses its power may forget the last orders.
    terms: dict[str, Any] = {"clock": clock, "seed": seed, "path": path, "is_durable": False}
    with (
        closing(PaperExchange(f"sqlite:///{data / 'sandbox.db'}", **terms)) as exchange,
        closing(PaperPerpetualExchange(f"sqlite:///{data / 'futures.db'}", **terms)) as futures,
    ):
        sandbox = Sandbox(exchange, clock, path=path, futures=futures, protocol=protocol)
        for index, key in enumerate(keys):
            name, _, secret = key.partition(":")
            if not secret:
                raise ValueError("a key is KEY:SECRET")
            sandbox.keys.add(ACCOUNT if index == 0 else f"{ACCOUNT}{index + 1}", name, secret=secret)
        stopping = asyncio.Event()
        for signum in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signum, stopping.set)
        try:
            await sandbox.start(port)
            echo(_greeting(sandbox, keys[0]))
            await stopping.wait()
        finally:
            await sandbox.stop()


def _greeting(sandbox: Sandbox, key: str) -> str:
    name, _, secret = key.partition(":")
    more = f", its passphrase {PASSPHRASE}" if sandbox.has_passphrases else ""
    return (
        f"A local {sandbox.title} is served on {sandbox.base_url}. Its first account's key is {name}, its secret {secret}{more}.\n"
        + "\n".join(f"  export {variable}={address}" for variable, address in sandbox.addresses.items())
    )
