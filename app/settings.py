"""What the environment says, read once into a frozen value. No other module reads the environment.

Secrets are wrapped so that neither ``repr`` nor a log shows them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from environs import Env, validate

#: Heroku and other platforms still spell the scheme in a way that SQLAlchemy no longer takes.
_POSTGRES_SCHEMES = ("postgres://", "postgresql://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one process. ``password`` is None where the one made on the first run applies."""

    host: str = "127.0.0.1"
    port: int = 8000
    username: str = "admin"
    password: str | None = field(default=None, repr=False)
    #: What credentials are sealed with; None where the key file that the first run made applies.
    secret_key: str | None = field(default=None, repr=False)
    data_dir: Path = Path("data")
    database_url: str = field(repr=False)
    #: How long one call to an exchange may take. Above the ten seconds after which Binance's engine gives up.
    exchange_timeout: timedelta = timedelta(seconds=12)
    #: How long a stopping server waits for what is in flight; Heroku kills after thirty seconds.
    shutdown_timeout: timedelta = timedelta(seconds=20)
    #: Whether a commit waits for the disk. Without it a crash of the machine may lose the records of the last orders.
    is_durable: bool = True
    #: The largest request body in bytes; an order is under a kilobyte.
    max_body: int = 1_000_000
    #: The seed of the paper exchange's synthetic market.
    paper_seed: int = 20
    #: What goes wrong at the paper exchange on purpose (``app.paper.faults``); empty, so nothing, outside of rehearsals.
    paper_faults: str = ""
    #: Addresses of exchanges other than their public ones, by variable name (``ORDERGATE_BINANCE_REST_URL`` ...).
    connector_urls: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")


def load_settings() -> Settings:
    """The settings that the environment holds. Raises ``environs.EnvError`` with the variable's name on a bad value."""
    env = Env()
    data_dir = Path(env.str("ORDERGATE_DATA_DIR", "data")).absolute()
    return Settings(
        host=env.str("HOST", "127.0.0.1"),
        port=env.int("PORT", 8000),
        username=env.str("ORDERGATE_USERNAME", "admin"),
        password=env.str("ORDERGATE_PASSWORD", None) or None,
        secret_key=env.str("ORDERGATE_SECRET_KEY", None) or None,
        data_dir=data_dir,
        database_url=sqlalchemy_url(env.str("DATABASE_URL", "") or f"sqlite:///{data_dir / 'ordergate.db'}"),
        exchange_timeout=timedelta(seconds=env.float("ORDERGATE_EXCHANGE_TIMEOUT", 12.0)),
        is_durable=env.str("ORDERGATE_DURABILITY", "full", validate=validate.OneOf(["full", "relaxed"])) == "full",
        paper_seed=env.int("ORDERGATE_PAPER_SEED", 20),
        paper_faults=env.str("ORDERGATE_PAPER_FAULTS", ""),
        connector_urls=MappingProxyType(
            {name: url for name, url in os.environ.items() if name.startswith("ORDERGATE_") and name.endswith("_URL")}
        ),
    )


def sqlalchemy_url(url: str) -> str:
    """``url`` in SQLAlchemy's spelling: PostgreSQL through psycopg 3, whichever way the platform writes it."""
    for scheme in _POSTGRES_SCHEMES:
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url
