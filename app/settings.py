"""What the environment says, read once into a frozen value. No other module reads the environment.

Secrets are wrapped so that neither ``repr`` nor a log shows them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from environs import Env, EnvError, ValidationError, validate

from app.outbound import Outbound, OutboundError, outbound_from

#: Heroku and other platforms still spell the scheme in a way that SQLAlchemy no longer takes.
_POSTGRES_SCHEMES = ("postgres://", "postgresql://")


#: What a browser sends as the origin of a page: no path, no wildcard within.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/*\s]+")

#: The variables that begin with ``ORDERGATE_``, those of rehearsals and of the tests among them.
_VARIABLES = frozenset(
    f"ORDERGATE_{name}"
    for name in (
        "ACCEPT_EMPTY_JOURNAL", "APPROVAL_SECONDS", "AUDIT_CHECKPOINTS", "AUDIT_WEBHOOK", "CORS_ORIGINS", "DATA_DIR", "DURABILITY",
        "EXCHANGE_TIMEOUT", "FAILPOINT", "MAX_CONNECTIONS", "MAX_STREAMS",
        "PAPER_FAULTS", "PAPER_SEED", "PASSWORD", "PYTHON", "REQUEST_TIMEOUT", "REQUIRE_LIMITS",
        "SECRET_KEY", "USERNAME",
    )
)  # fmt: skip

#: Seconds. A call that takes longer helps nobody, and a stopping server would not wait for it.
_LONGEST_CALL = 120


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
    #: Whether an empty journal is taken although the key file was used with another one.
    accept_empty_journal: bool = False
    #: The largest request body in bytes; an order is under a kilobyte.
    max_body: int = 1_000_000
    #: Connections at once, where there are file descriptors for so many.
    max_connections: int = 1000
    #: Event streams and WebSockets of one user at once.
    max_streams: int = 250
    #: In which a request must have come, its head and after it its body, and in which its caller must read some of the answer.
    request_timeout: timedelta = timedelta(seconds=30)
    #: The origins of web pages that may read answers, ``*`` for any; empty for pages of the gateway's own host.
    cors_origins: tuple[str, ...] = ()
    #: Whether live accounts take orders only where somebody has decided about limits.
    require_limits: bool = False
    #: How long an order waits for its approval.
    approval_lifetime: timedelta = timedelta(seconds=60)
    #: The seed of the paper exchange's synthetic market.
    paper_seed: int = 20
    #: What goes wrong at the paper exchange on purpose (``app.paper.faults``); empty, so nothing, outside of rehearsals.
    paper_faults: str = ""
    #: Addresses of exchanges other than their public ones, by variable name (``ORDERGATE_BINANCE_REST_URL`` ...).
    connector_urls: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    #: Through what exchanges are reached.
    outbound: Outbound = field(default_factory=Outbound)

    #: Where checkpoints of the audit log are appended; None for nowhere.
    audit_checkpoints: Path | None = None
    #: Where checkpoints of the audit log are posted; None for nowhere. It may hold a secret.
    audit_webhook: str | None = field(default=None, repr=False)
    #: Addresses and networks of proxies whose word about a caller's address is taken.
    trusted_proxies: str = ""
    #: A sentence for each variable of the environment that looks like a setting and is none.
    strange_variables: tuple[str, ...] = ()

    @property
    def audit_key_file(self) -> Path:
        """The file with the key that checkpoints of the audit log are signed with."""
        return self.data_dir / "audit.key"

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    @property
    def key_file(self) -> Path:
        """The file with the keys that credentials are sealed with, used if the environment has none."""
        return self.data_dir / "secret.key"


def load_settings() -> Settings:
    """The settings that the environment holds. Raises ``environs.EnvError`` with the variable's name on a bad value."""
    env = Env()
    data_dir = Path(env.str("ORDERGATE_DATA_DIR", "data", validate=_check_directory)).absolute()
    return Settings(
        host=env.str("HOST", "127.0.0.1").strip().removeprefix("[").removesuffix("]"),
        port=env.int("PORT", 8000, validate=validate.Range(0, 65535)),
        username=env.str("ORDERGATE_USERNAME", "admin", validate=_check_username),
        password=env.str("ORDERGATE_PASSWORD", None) or None,
        secret_key=env.str("ORDERGATE_SECRET_KEY", None) or None,
        data_dir=data_dir,
        database_url=sqlalchemy_url(
            env.str("DATABASE_URL", "", validate=_check_url) or f"sqlite:///{data_dir / 'ordergate.db'}"
        ),
        exchange_timeout=timedelta(
            seconds=env.float(
                "ORDERGATE_EXCHANGE_TIMEOUT", 12.0, validate=validate.Range(0, _LONGEST_CALL, min_inclusive=False)
            )
        ),
        max_connections=env.int("ORDERGATE_MAX_CONNECTIONS", 1000, validate=validate.Range(2, 1_000_000)),
        max_streams=env.int("ORDERGATE_MAX_STREAMS", 250, validate=validate.Range(1, 1_000_000)),
        request_timeout=timedelta(
            seconds=env.float("ORDERGATE_REQUEST_TIMEOUT", 30.0, validate=validate.Range(0, 3600, min_inclusive=False))
        ),
        is_durable=env.str("ORDERGATE_DURABILITY", "full", validate=validate.OneOf(["full", "relaxed"])) == "full",
        accept_empty_journal=env.bool("ORDERGATE_ACCEPT_EMPTY_JOURNAL", False),
        cors_origins=_origins(env.str("ORDERGATE_CORS_ORIGINS", "", validate=_check_origins)),
        require_limits=env.bool("ORDERGATE_REQUIRE_LIMITS", False),
        approval_lifetime=timedelta(
            seconds=env.int("ORDERGATE_APPROVAL_SECONDS", 60, validate=validate.Range(1, 86_400))
        ),
        audit_checkpoints=Path(checkpoints).absolute()
        if (checkpoints := env.str("ORDERGATE_AUDIT_CHECKPOINTS", ""))
        else None,
        audit_webhook=env.str("ORDERGATE_AUDIT_WEBHOOK", "", validate=_check_webhook) or None,
        trusted_proxies=_proxies(env.str("TRUSTED_PROXIES", "") or env.str("FORWARDED_ALLOW_IPS", "")),
        paper_seed=env.int("ORDERGATE_PAPER_SEED", 20),
        paper_faults=env.str("ORDERGATE_PAPER_FAULTS", ""),
        connector_urls=MappingProxyType(_connector_urls(env)),
        outbound=_outbound(),
        strange_variables=_strange_variables(os.environ),
    )


def _strange_variables(names: Iterable[str]) -> tuple[str, ...]:
    # Without their values, which may be passwords. Addresses of exchanges are judged where the connectors are known.
    strange = [
        name
        for name in sorted(names)
        if name.startswith("ORDERGATE_") and not name.endswith("_URL") and name not in _VARIABLES
    ]
    return tuple(f"{name} is no setting and has no effect.{_did_you_mean(name)}" for name in strange)


def _did_you_mean(name: str) -> str:
    near = get_close_matches(name, sorted(_VARIABLES), n=1, cutoff=0.85)
    return f" Did you mean {near[0]}?" if near else ""


def _check_username(name: str) -> None:
    if not name or ":" in name or not name.isprintable():
        raise ValidationError(
            "A user's name has one sign at least, and no colon, which parts it from the password where somebody signs in,"
            " nor signs that can't be printed."
        )


def _check_directory(path: str) -> None:
    # A SQLite file's address ends where its options begin.
    path = str(Path(path).absolute())
    if "?" in path or not path.isprintable():
        raise ValidationError("The path must not hold a question mark or signs that can't be printed.")


#: How the names of the variables end that hold the address of a stream.
_STREAMS = ("_STREAM_URL", "_WS_API_URL")


def _connector_urls(env: Env) -> dict[str, str]:
    names = [name for name in os.environ if name.startswith("ORDERGATE_") and name.endswith("_URL")]
    return {name: env.str(name, validate=_check_stream if name.endswith(_STREAMS) else _check_rest) for name in names}


def _check_rest(url: str) -> None:
    _check_address(url, ("http://", "https://"))


def _check_stream(url: str) -> None:
    _check_address(url, ("ws://", "wss://"))


def _check_address(url: str, schemes: tuple[str, str]) -> None:
    # Without a quote of it: what does not belong there may be a password. Paths are put behind it, so nothing may follow its own.
    parts = urlsplit(url)
    if url and (
        not url.startswith(schemes) or not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc
    ):
        raise ValidationError(
            f"Must be {' or '.join(schemes)} with a host, perhaps a port and a path, and nothing else."
        )


def _check_webhook(url: str) -> None:
    # Without a quote of it, since its path or query may be a secret.
    if url and (not url.startswith(("http://", "https://")) or not urlsplit(url).hostname or not url.isprintable()):
        raise ValidationError("Must be http:// or https:// with a host.")


def _outbound() -> Outbound:
    try:
        return outbound_from(os.environ)
    except OutboundError as error:
        raise EnvError(str(error)) from error


def _origins(text: str) -> tuple[str, ...]:
    return tuple(origin.strip().rstrip("/") for origin in text.split(",") if origin.strip())


def _check_origins(text: str) -> None:
    for origin in _origins(text):
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            raise ValidationError(
                f"'{origin}' is no origin: write scheme://host or scheme://host:port, separated by commas."
            )


def _proxies(text: str) -> str:
    named = [each.strip() for each in text.split(",") if each.strip()]
    for each in named:
        if each != "*":
            try:
                ip_network(each, strict=False)
            except ValueError:
                raise EnvError(
                    f"TRUSTED_PROXIES: '{each}' is neither an address nor a network such as 10.0.0.0/8; separate them by commas"
                ) from None
    return ",".join(named)


def _check_url(url: str) -> None:
    # Without a quote of it, because it may hold a password.
    if url and not url.startswith((*_POSTGRES_SCHEMES, "postgresql+psycopg://", "sqlite:///")):
        raise ValidationError("Must begin with postgres://, postgresql:// or sqlite:///.")


def sqlalchemy_url(url: str) -> str:
    """``url`` in SQLAlchemy's spelling: PostgreSQL through psycopg 3, whichever way the platform writes it."""
    for scheme in _POSTGRES_SCHEMES:
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url
