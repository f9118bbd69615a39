"""The commands for users and API keys: they change the database, and running processes take it within a second."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import click
from environs import EnvError

from app.administration import Administration, administration, set_password
from app.domain.api_key import ApiKey
from app.domain.caller import Actor
from app.domain.enums import Role, Scope
from app.domain.errors import OrdergateError, SchemaViolation
from app.handlers.api_keys import wanted_key
from app.services.accounts.totp import uri_of
from app.settings import Settings, load_settings
from app.web.contract.components import Component, value_of

T = TypeVar("T")

#: Characters; a password is hashed slowly, and guesses are throttled.
_SHORTEST_PASSWORD = 8

#: The limits that are lists.
_LISTS = ("allowed_pairs", "allowed_order_types")

_from_stdin = click.option("--stdin", is_flag=True, help="Read the password from the first line of standard input.")
_role = click.Choice([role.value for role in Role])


@contextmanager
def _administering() -> Iterator[Administration]:
    """What changes users and keys; an expected error ends the command with a sentence."""
    try:
        with administration(load_settings(), Actor(name=f"{_login()} (command line)")) as found:
            yield found
    except SchemaViolation as error:
        faults = (f"{'.'.join(map(str, fault['loc'][1:]))}: {fault['msg']}" for fault in error.faults)
        raise click.ClickException("; ".join(faults)) from error
    except (OrdergateError, EnvError) as error:
        raise click.ClickException(str(error)) from error


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        return "somebody"


@click.group()
def user() -> None:
    """Look after the users of the API."""


@user.command("add")
@click.argument("username")
@click.option("--role", type=_role, required=True)
@_from_stdin
def add_user(username: str, role: str, stdin: bool) -> None:
    """Add a user."""
    with _administering() as admin:
        admin.users.add(username, _password(stdin), Role(role))
    click.echo(f"User '{username}' is added as {role}.")


@user.command()
@click.argument("username", required=False)
@_from_stdin
def password(username: str | None, stdin: bool) -> None:
    """Set a user's password, also one that was forgotten; without a name that of the user of the environment."""
    settings = _settings()
    if username is not None and username != settings.username:
        with _administering() as admin:
            admin.users.set_password(username, _password(stdin))
        click.echo(f"The password of user '{username}' is set.")
        return
    if settings.password is not None:
        raise click.UsageError("ORDERGATE_PASSWORD is set and is the password; change it there, or take it away first")
    given = _password(stdin)
    try:
        set_password(settings, given, Actor(name=f"{_login()} (command line)"))
    except OrdergateError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"The password of user '{settings.username}' is set.")


@user.command("role")
@click.argument("username")
@click.argument("role", type=_role)
def change_role(username: str, role: str) -> None:
    """Give a user another role."""
    with _administering() as admin:
        admin.users.set_role(username, Role(role))
    click.echo(f"User '{username}' is {role} now.")


@user.command("disable")
@click.argument("username")
def disable_user(username: str) -> None:
    """Let a user sign in no more."""
    with _administering() as admin:
        admin.users.disable(username)
    click.echo(f"User '{username}' is disabled.")


@user.command("enable")
@click.argument("username")
def enable_user(username: str) -> None:
    """Let a disabled user sign in again."""
    with _administering() as admin:
        admin.users.enable(username)
    click.echo(f"User '{username}' is enabled.")


@user.command("list")
def list_users() -> None:
    """List the users with their roles."""
    with _administering() as admin:
        owner, with_codes = _settings().username, admin.users.with_codes()
        rows = [(owner, "admin", "of the environment")]
        rows += [
            (each.username, each.role, "disabled" if each.disabled_at else "enabled") for each in admin.users.list()
        ]
        for row in rows:
            click.echo("\t".join((*row, "password and code" if row[0] in with_codes else "password")))


@user.group()
def totp() -> None:
    """Let a user sign in with the code of an authenticator as well as the password."""


@totp.command("enable")
@click.argument("username")
def enable_totp(username: str) -> None:
    """Make a secret, show it this once, and demand its codes from now on.

    It asks for a code first, which proves that the authenticator has the secret and that its clock is right.
    """
    with _administering() as admin:
        if not admin.journal.accounts.list_accounts():
            # A key beside a database that no gateway has used is taken for one whose journal was lost.
            raise click.ClickException(
                "Start the gateway once before: the first start makes the key that seals the secret"
            )
        secret = admin.totp.new_secret(username)
        click.echo(
            f"For the authenticator of '{username}', shown this once:\n\n{uri_of(username, secret)}\n\n{secret}\n"
        )
        given = click.prompt("The code that it shows now")
        admin.totp.enable(username, secret, given.replace(" ", ""), admin.record("user totp enable", username))
    click.echo(f"User '{username}' signs in with a code now, at the console only. The password alone opens nothing.")


@totp.command("disable")
@click.argument("username")
def disable_totp(username: str) -> None:
    """Let a user sign in with the password alone."""
    with _administering() as admin:
        admin.totp.disable(username, admin.record("user totp disable", username))
    click.echo(f"User '{username}' signs in with the password alone now.")


@click.group()
def key() -> None:
    """Look after the API keys."""


@key.command("create")
@click.argument("name")
@click.option("--environment", type=click.Choice(["live", "paper"]), required=True)
@click.option("--role", type=_role)
@click.option("--scope", "scopes", type=click.Choice([scope.value for scope in Scope]), multiple=True)
@click.option("--account", "accounts", multiple=True, help="Only this account; may be repeated.")
@click.option("--connector", "connectors", multiple=True, help="Only this connector; may be repeated.")
@click.option("--pair", "pairs", multiple=True, help="Only this trading pair; may be repeated.")
@click.option("--allow", "allowed_ips", multiple=True, help="Only from this address or network; may be repeated.")
@click.option("--days", type=click.IntRange(1), default=90, show_default=True, help="Until the key expires.")
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="NAME=VALUE",
    help="A limit of the key's own, such as max_open_orders=20; the value as in JSON, lists also with commas. May be repeated.",
)
def create_key(
    name: str,
    environment: str,
    role: str | None,
    scopes: Sequence[str],
    accounts: Sequence[str],
    connectors: Sequence[str],
    pairs: Sequence[str],
    allowed_ips: Sequence[str],
    days: int,
    limits: Sequence[str],
) -> None:
    """Make an API key and show its secret, this once."""
    if (role is None) == (not scopes):
        raise click.UsageError("Either --role or --scope is required, and not both")
    named = {
        "role": role,
        "scopes": list(scopes),
        "accounts": list(accounts),
        "connectors": list(connectors),
        "pairs": list(pairs),
        "allowed_ips": list(allowed_ips),
        "limits": _limits(limits),
    }
    document = {"name": name, "environment": environment, **{field: value for field, value in named.items() if value}}

    async def make(admin: Administration) -> tuple[ApiKey, str]:
        wanted = wanted_key(Component("ApiKeyRequest").check(document))
        expires_at = admin.clock.now() + timedelta(days=days)
        return await admin.keys.create(
            admin.maker, lambda key_id: admin.record("key create", key_id), **{**wanted, "expires_at": expires_at}
        )

    made, secret = _run(make)
    click.echo(f"Key {made.key_id} is made. Its secret, which is shown this once:\n\n{secret}\n")


@key.command("list")
def list_keys() -> None:
    """List the keys."""

    async def look(admin: Administration) -> Sequence[ApiKey]:
        return await admin.keys.list()

    for each in _run(look):
        state = "disabled" if each.disabled_at else f"expires {each.expires_at:%Y-%m-%d}"
        click.echo(f"{each.key_id}\t{each.environment}\t{each.name}\t{','.join(sorted(each.scopes))}\t{state}")


@key.command("rotate")
@click.argument("key_id")
@click.option("--overlap", type=click.IntRange(0), default=3600, show_default=True, help="Seconds.")
def rotate_key(key_id: str, overlap: int) -> None:
    """Give a key another secret and show it, this once; the earlier one goes on for the overlap."""

    async def rotate(admin: Administration) -> tuple[ApiKey, str]:
        return await admin.keys.rotate(key_id, admin.record("key rotate", key_id), timedelta(seconds=overlap))

    _, secret = _run(rotate)
    click.echo(f"The new secret of key {key_id}, which is shown this once:\n\n{secret}\n")


@key.command("disable")
@click.argument("key_id")
def disable_key(key_id: str) -> None:
    """Let a key open nothing until it is enabled."""

    async def disable(admin: Administration) -> ApiKey:
        return await admin.keys.disable(key_id, admin.record("key disable", key_id))

    _run(disable)
    click.echo(f"Key {key_id} is disabled.")


@key.command("enable")
@click.argument("key_id")
def enable_key(key_id: str) -> None:
    """Let a disabled key open again what it did."""

    async def enable(admin: Administration) -> ApiKey:
        return await admin.keys.enable(key_id, admin.record("key enable", key_id))

    _run(enable)
    click.echo(f"Key {key_id} is enabled.")


@key.command("delete")
@click.argument("key_id")
def delete_key(key_id: str) -> None:
    """End a key for good."""

    async def delete(admin: Administration) -> None:
        await admin.keys.delete(key_id, admin.record("key delete", key_id))

    _run(delete)
    click.echo(f"Key {key_id} is deleted.")


def _limits(given: Sequence[str]) -> dict[str, Any]:
    """The limits that are given as NAME=VALUE."""
    limits: dict[str, Any] = {}
    for each in given:
        name, is_given, text = each.partition("=")
        if not is_given or name in limits:
            raise click.UsageError(f"--limit takes NAME=VALUE, each name once: {each}")
        value = value_of(text)
        limits[name] = text.split(",") if name in _LISTS and not isinstance(value, list) else value
    return limits


def _run(work: Callable[[Administration], Awaitable[T]]) -> T:
    async def run(admin: Administration) -> T:
        try:
            await admin.journal.open()
            return await work(admin)
        finally:
            await admin.journal.close()

    with _administering() as admin:
        return asyncio.run(run(admin))


def _password(stdin: bool) -> str:
    if stdin:
        given = sys.stdin.readline().rstrip("\r\n")
    else:
        given = click.prompt("New password", hide_input=True, confirmation_prompt=True)
    if len(given) < _SHORTEST_PASSWORD or "\x00" in given:
        raise click.ClickException(f"A password must have at least {_SHORTEST_PASSWORD} characters, none of them NUL.")
    return str(given)


def _settings() -> Settings:
    try:
        return load_settings()
    except EnvError as error:
        raise click.ClickException(str(error)) from error
