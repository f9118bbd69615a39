"""Users beside the one of the environment: adding, listing, changing and disabling them. For the command line."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from argon2 import PasswordHasher

from app.clock import Clock
from app.domain.audit import AuditRecord
from app.domain.caller import Actor
from app.domain.enums import Role
from app.domain.errors import InvalidArgument
from app.storage.callers import StoredCallers, User


class UserAdmin:
    """The verbs on users. ``owner`` is the user of the environment, who stays what it is; ``actor`` is who asks."""

    def __init__(self, stored: StoredCallers, owner: str, actor: Actor, clock: Clock) -> None:
        self._stored = stored
        self._owner = owner
        self._actor = actor
        self._clock = clock

    def list(self) -> Sequence[User]:
        """The users, by name, without the one of the environment."""
        users = self._stored.known().users
        return [users[name] for name in sorted(users) if name != self._owner]

    def with_codes(self) -> Collection[str]:
        """The names of those who sign in with a code, the environment's user among them."""
        return self._stored.known().totp.keys()

    def add(self, username: str, password: str, role: Role) -> None:
        """Add a user. Raises ``InvalidArgument``."""
        if not username or ":" in username or not username.isprintable():
            raise InvalidArgument("A user's name has one sign at least, no colon, and no sign that can't be printed.")
        self._check_other(username)
        self._stored.add_user(username, PasswordHasher().hash(password), role, self._record("user add", username))

    def set_password(self, username: str, password: str) -> None:
        """Set a user's password. Raises ``UnknownUser``."""
        self._change("user password", username, password_hash=PasswordHasher().hash(password))

    def set_role(self, username: str, role: Role) -> None:
        """Give a user another role. Raises ``UnknownUser`` or ``LastAdmin``."""
        self._change("user role", username, role=role.value)

    def disable(self, username: str) -> None:
        """Let a user sign in no more. Raises ``UnknownUser`` or ``LastAdmin``."""
        self._change("user disable", username, disabled_at=self._clock.now())

    def enable(self, username: str) -> None:
        """Let a disabled user sign in again. Raises ``UnknownUser``."""
        self._change("user enable", username, disabled_at=None)

    def _change(self, operation: str, username: str, **changes: object) -> None:
        self._check_other(username)
        self._stored.change_user(username, self._record(operation, username), owner=self._owner, **changes)

    def _check_other(self, username: str) -> None:
        if username == self._owner:
            raise InvalidArgument(
                f"'{username}' is the user of the environment (ORDERGATE_USERNAME), who may do everything and stays so."
            )

    def _record(self, operation: str, username: str) -> AuditRecord:
        return AuditRecord(at=self._clock.now(), actor=self._actor, operation=operation, object=username)
