"""The command ``ordergate``: serve, work, and look after the database."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TextIO

import click
import uvicorn
from environs import EnvError

from app import __version__
from app.bootstrap import build_gateway, build_vault, rotate_vault
from app.clock import SystemClock
from app.commands import key, user
from app.domain.errors import OrdergateError
from app.logs import configure_logging
from app.sandbox import PROTOCOLS
from app.services.gateway import Gateway
from app.settings import Settings, load_settings
from app.standard_streams import open_what_is_closed
from app.storage import schema
from app.vault import Vault, VaultError

#: A trading client that pauses between orders should not pay a new connection; seconds.
KEEP_ALIVE = 75


#: The exit code that uvicorn and gunicorn have for it.
_STARTUP_FAILED = 3


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ordergate")
def main() -> None:
    """A self-hosted trading gateway. Settings come from the environment; see docs/run/settings.md."""
    open_what_is_closed()
    configure_logging(SystemClock().now)


_accept_empty_journal = click.option(
    "--accept-empty-journal",
    is_flag=True,
    help="Begin with an empty journal although the key file was used with another.",
)


@main.command()
@_accept_empty_journal
def serve(accept_empty_journal: bool) -> None:
    """Serve HTTP in one process that also keeps the accounts in step with their exchanges."""
    # Not sooner: no other command serves HTTP, and what serves it takes as long to import as all the rest.
    from app.web.application import create_app
    from app.web.greeting import greet
    from app.web.listening import CanNotListen, bind
    from app.web.server import options_of
    from app.web.sockets import sockets

    settings = _settings(accept_empty_journal)
    gateway = _gateway(settings)
    gateway.is_attended = True
    config = uvicorn.Config(
        create_app(gateway, sockets=sockets(gateway), metrics=gateway.metrics),
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=int(settings.shutdown_timeout.total_seconds()),
        **options_of(settings),
    )
    # Before anything starts: a server that can't listen must not greet, nor show the password that it shows but once.
    try:
        listening = bind(settings.host, settings.port)
    except CanNotListen as error:
        raise click.ClickException(str(error)) from error

    def welcome(started: Gateway) -> None:
        # The server does so a moment later; whoever pastes the greeting until then must wait and not be turned away.
        listening.listen(config.backlog)
        greet(started, port=listening.getsockname()[1])

    gateway.on_start = welcome
    _serve(config, listening)


@main.command()
@_accept_empty_journal
def worker(accept_empty_journal: bool) -> None:
    """Keep the accounts in step with their exchanges, beside web processes on PostgreSQL."""
    settings = _settings(accept_empty_journal)
    if settings.is_sqlite:
        raise click.UsageError(
            "SQLite serves one process, which does this itself; set DATABASE_URL to a PostgreSQL database"
        )
    asyncio.run(_work(settings))


@main.command()
@click.option("--exchange", type=click.Choice(PROTOCOLS), default="binance", show_default=True, help="Whose protocol.")
@click.option("--port", type=click.IntRange(0, 65535), default=9000, show_default=True, help="0 takes a free one.")
@click.option("--key", "keys", multiple=True, metavar="KEY:SECRET", help="An account's API key; may be repeated.")
@click.option("--seed", type=int, default=20, show_default=True, help="Of the synthetic market.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Remember in this directory.")
def sandbox(exchange: str, port: int, keys: tuple[str, ...], seed: int, data: Path | None) -> None:
    """Serve a local exchange on loopback, with play money and faults on demand; see docs/connect/sandbox.md."""
    from app.sandbox.command import serve as serve_sandbox  # not sooner: only this command pays for its server

    try:
        serve_sandbox(exchange, port=port, keys=keys, seed=seed, data=data, echo=click.echo)
    except OSError as error:
        advice = ". Choose another port with --port; 0 takes a free one" if error.errno == errno.EADDRINUSE else ""
        raise click.ClickException(f"{error}{advice}") from error
    except ValueError as error:
        raise click.ClickException(str(error)) from error


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line, with check, level, text and advice.")
def doctor(as_json: bool) -> None:
    """Look at all that a gateway stands on, and say what to do. Changes nothing; ends with code 1 where orders can't be placed."""
    configure_logging(SystemClock().now, logging.WARNING)
    settings = _settings()
    try:
        vault = build_vault(settings)
    except (VaultError, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    if asyncio.run(_examine(settings, vault, as_json=as_json)):
        sys.exit(1)


@main.group()
def db() -> None:
    """Look after the database."""


@db.command()
def upgrade() -> None:
    """Bring the database to the version that this program needs."""
    settings = _settings()
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        schema.upgrade(settings.database_url)
    except (OrdergateError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo("The database is up to date.")


@main.group()
def journal() -> None:
    """Look after the journal."""


@journal.command()
def verify() -> None:
    """Check that the journal is what was written, and that all that follows from it does; also beside a running server."""
    from app.journal.reading.verifying import verify as verify_journal  # not sooner: a server has no use for it
    from app.storage.database import Database

    try:
        verdict = verify_journal(Database(_settings().database_url))
    except OrdergateError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Events: {verdict.events}, orders: {verdict.orders}, fills: {verdict.fills}.")
    for problem in verdict.problems:
        click.echo(f"- {problem}")
    if verdict.problem_count:
        raise click.ClickException(f"The journal is damaged. Problems: {verdict.problem_count}.")
    click.echo("All is as it was written.")


@main.group()
def audit() -> None:
    """Look after the audit log."""


@audit.command("verify")
@click.option(
    "--checkpoint", "file", type=click.File(encoding="ascii"), help="Compare with the checkpoints in this file."
)
@click.option("--public-key", help="Of the checkpoints, in hexadecimal; by default that of this gateway.")
def verify_audit(file: TextIO | None, public_key: str | None) -> None:
    """Check that the audit log is what was written; also beside a running server.

    Rows that were cut off at the end are found only with a checkpoint that was made after them.
    """
    from app.services.checkpoints import Signer, read_checkpoints  # not sooner: a server has no use for it
    from app.storage.audit_log import AuditLog
    from app.storage.database import Database

    settings = _settings()
    try:
        known = [] if file is None else read_checkpoints(file, public_key or Signer(settings.audit_key_file).public_key)
        verdict = AuditLog(Database(settings.database_url)).verify(checkpoints=known)
    except OrdergateError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Rows: {verdict.rows}, checkpoints: {len(known)}.")
    for problem in verdict.problems:
        click.echo(f"- {problem}")
    if verdict.problem_count:
        raise click.ClickException(f"The audit log is not what was written. Problems: {verdict.problem_count}.")
    click.echo("All is as it was written.")


@audit.command("checkpoint")
def make_checkpoint() -> None:
    """Print a signed checkpoint of the log as it is; keep it where the database's writers can't."""
    from app.services.checkpoints import Signer
    from app.storage.audit_log import AuditLog
    from app.storage.database import Database

    settings = _settings()
    try:
        verdict = AuditLog(Database(settings.database_url)).verify()
    except OrdergateError as error:
        raise click.ClickException(str(error)) from error
    if verdict.problem_count:
        raise click.ClickException("The audit log is not what was written: run `ordergate audit verify`")
    at = SystemClock().now().isoformat(timespec="microseconds")
    click.echo(Signer(settings.audit_key_file).line(verdict.end, at))


@audit.command("key")
def audit_key() -> None:
    """Print the public key of the checkpoints."""
    from app.services.checkpoints import Signer

    click.echo(Signer(_settings().audit_key_file).public_key)


main.add_command(user)
main.add_command(key)


@main.group()
def vault() -> None:
    """Look after the key that credentials are sealed with."""


@vault.command()
def rotate() -> None:
    """Seal all credentials, and the secrets of codes, with a new key.

    A key file gets a new first line. Where ORDERGATE_SECRET_KEY is set, put the new key before the old one, with a comma between.
    """
    settings = _settings()
    try:
        count = rotate_vault(settings)
    except (OrdergateError, VaultError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Credentials sealed with the new key: {count}.")


def _settings(accept_empty_journal: bool = False) -> Settings:
    """The settings; a bad one ends the command with a sentence that names it."""
    try:
        settings = load_settings()
    except EnvError as error:
        raise click.ClickException(str(error)) from error
    return replace(settings, accept_empty_journal=settings.accept_empty_journal or accept_empty_journal)


def _gateway(settings: Settings) -> Gateway:
    try:
        return build_gateway(settings)
    except (VaultError, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error


def _serve(config: uvicorn.Config, listening: socket.socket) -> None:
    """Serve until told to stop. Exits with a code of its own where the start failed; the log says why."""
    server = uvicorn.Server(config)
    with listening, suppress(KeyboardInterrupt):
        server.run(sockets=[listening])
    if not server.started:
        sys.exit(_STARTUP_FAILED)


async def _examine(settings: Settings, vault: Vault, *, as_json: bool) -> bool:
    """Show what the doctor finds, as it is found; whether there is a failure."""
    from app.doctor.examination import examine  # not sooner: a server has no use for it

    has_failed = False
    async for finding in examine(settings, SystemClock(), vault):
        click.echo(json.dumps(asdict(finding)) if as_json else finding.line())
        has_failed = has_failed or finding.level == "failure"
    return has_failed


async def _work(settings: Settings) -> None:
    gateway = _gateway(settings)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopping.set)
    await gateway.start()
    await stopping.wait()
    await gateway.stop()
