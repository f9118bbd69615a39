"""Errors about who calls: what they may not do, and users and keys that are not there."""

from __future__ import annotations

from collections.abc import Collection

from app.domain.errors.requests import RequestError
from app.domain.suggestions import listed


class KeyRevoked(RequestError):
    """The key or the user was deleted, disabled or changed before this could be written."""

    status = 401
    code = "key_revoked"
    title = "No longer valid"


class NotAuthenticated(RequestError):
    """No credentials, or wrong ones."""

    status = 401
    code = "not_authenticated"
    title = "Not authenticated"


class TotpRequired(NotAuthenticated):
    """The password is right, but this user signs in with a code as well: at the console. Programs use an API key."""

    code = "totp_required"
    title = "Code required"

    def __init__(self) -> None:
        super().__init__(
            "This user signs in with a code as well as the password",
            hint="Use an API key for programs. People sign in at /console, or by POST /console/session with the code as `totp`",
        )


class WrongTotp(NotAuthenticated):
    """The code is not one of this moment, or it was used before: a code counts once."""

    code = "wrong_totp"
    title = "Wrong code"

    def __init__(self) -> None:
        super().__init__(
            "The code is wrong, or was used before",
            hint="Give the next code of the authenticator. If none is taken, compare its clock with the server's",
        )


class Forbidden(RequestError):
    """The caller is known and may not do this."""

    status = 403
    code = "forbidden"
    title = "Forbidden"


class MissingScope(Forbidden):
    """The caller's role or key does not have the scope of the operation."""

    code = "missing_scope"
    title = "Scope missing"

    def __init__(self, scope: str) -> None:
        super().__init__(f"This needs the scope '{scope}', which your role or key does not have")
        self.scope = scope


class OutOfBounds(Forbidden):
    """The key is bounded to other accounts, connectors or trading pairs."""

    code = "out_of_bounds"
    title = "Out of the key's bounds"

    def __init__(self, kind: str, name: str | None, allowed: Collection[str] = ()) -> None:
        """``name`` is what the key is not for; None where a scope covers every ``kind``, while the key is for ``allowed`` only."""
        if name is not None:
            super().__init__(f"The key is not for {kind} '{name}'")
            return
        super().__init__(
            f"The scope is wider than the key: it covers every {kind}, and the key is for {listed(sorted(allowed))} only",
            hint=f"Name one {kind} of the key in the scope",
        )


class WrongEnvironment(Forbidden):
    """A key for play money names a connector with real money, or the other way round."""

    code = "wrong_environment"
    title = "Wrong environment"

    def __init__(self, key_environment: str, connector_name: str) -> None:
        super().__init__(f"A {key_environment} key does not reach the connector '{connector_name}'")


class OwnApproval(Forbidden):
    """Nobody approves what they asked for themselves."""

    code = "own_approval"
    title = "Your own order"

    def __init__(self) -> None:
        super().__init__(
            "Another person must decide: you asked for this order, or one of your key and the asker's was told the other's secret"
        )


class OwnHold(Forbidden):
    """What holds a key back is ended or loosened by another: a person, a key that it does not hold, or an admin's."""

    code = "own_hold"
    title = "Held by it yourself"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} for this key itself, or for a key that was told its secret: another must end or change that",
            hint="A person whose role has the scope may, and so may a key that places no orders",
        )


class UnknownUser(RequestError):
    """There is no user of that name."""

    status = 404
    code = "unknown_user"
    title = "User not found"

    def __init__(self, username: str) -> None:
        super().__init__(f"There is no user '{username}'")


class UnknownKey(RequestError):
    """There is no such API key, or it is deleted."""

    status = 404
    code = "unknown_key"
    title = "API key not found"

    def __init__(self, key_id: str) -> None:
        super().__init__(f"API key '{key_id}' not found", hint="GET /api-keys lists the keys with their ids")


class LastAdmin(RequestError):
    """Somebody must be left who may do everything."""

    status = 409
    code = "last_admin"
    title = "The last admin"

    def __init__(self) -> None:
        super().__init__("Nobody would be left who may do everything; make another user an admin first")
