"""Errors of the gateway's own condition: it can't take the request now, can't tell what it wrote, or can't start."""

from __future__ import annotations

from datetime import timedelta

from app.domain.errors.base import OrdergateError


class NotNow(OrdergateError):
    """Nothing was sent; the same request may succeed later."""

    status = 503
    code = "not_now"
    title = "Not now"
    retryable = True


class RequestInProgress(NotNow):
    """The first request with this key is still running, or the exchange is being asked about it after a stop."""

    status = 409
    code = "request_in_progress"
    title = "Request in progress"


class CredentialsChanged(NotNow):
    """The account's credentials were replaced or deleted at this moment."""

    code = "credentials_changed"
    title = "Credentials changed"

    def __init__(self, account_name: str, connector_name: str) -> None:
        super().__init__(
            f"The credentials of account '{account_name}' for '{connector_name}' were changed at this moment; nothing was"
            " sent. Please try again.",
            retry_after=timedelta(seconds=1),
        )


class CallerChanged(NotNow):
    """What the key or user may do was changed at this moment; the same request is judged anew."""

    code = "caller_changed"
    title = "Rights changed"


class RulesNotLoaded(NotNow):
    """The connector has not loaded its trading rules yet."""

    code = "rules_not_loaded"
    title = "Trading rules not loaded"

    def __init__(self, connector_name: str) -> None:
        super().__init__(
            f"Trading rules not yet loaded for {connector_name}. Please try again in a moment.",
            retry_after=timedelta(seconds=1),
        )


class ReferencePriceMissing(NotNow):
    """A limit or a collar needs a price that is not there, or too old. The order is not waved through."""

    code = "reference_price_missing"
    title = "Reference price missing"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"The limits can't be judged: {what} is not known, or not fresh enough. Nothing was sent",
            retry_after=timedelta(seconds=1),
        )


class ShuttingDown(NotNow):
    """The server is stopping and takes no new orders."""

    code = "shutting_down"
    title = "Shutting down"


class TooManySignIns(NotNow):
    """Too many sign-ins failed, from this address or of this user; says when the next one is verified."""

    status = 429
    code = "too_many_sign_ins"
    title = "Too many sign-ins"

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("Too many failed sign-ins: this one was not verified", retry_after=retry_after)


class TooManyApprovals(NotNow):
    """The user or key has as many orders that await an approval as one may."""

    status = 429
    code = "too_many_approvals"
    title = "Too many wait"

    def __init__(self, count: int, retry_after: timedelta) -> None:
        super().__init__(
            f"{count} orders of yours await an approval already; nothing was asked for", retry_after=retry_after
        )


class TooManyStreams(NotNow):
    """The user has as many event streams and WebSockets open as one may, or the server as many as it can hold."""

    status = 429
    code = "too_many_streams"
    title = "Too many streams"

    def __init__(self, count: int) -> None:
        super().__init__(f"There are {count} event streams and WebSockets open already: close one first")


class JournalUnavailable(NotNow):
    """The database did not take the intent, so nothing was sent."""

    code = "journal_unavailable"
    title = "Journal not available"


class JournalInDoubt(OrdergateError):
    """The connection broke during the commit, so nobody can tell whether the unit was written.

    Whoever opened an order must not send it: if the intent is there after all, recovery finds it and settles it.
    """

    status = 503
    retryable = True
    code = "journal_in_doubt"
    title = "Journal in doubt"


class SchemaOutdated(OrdergateError):
    """The database's schema is not the one that this version writes: migrations have to be applied first, or it is a later one."""

    status = 503
    code = "schema_outdated"
    title = "Schema not up to date"


class PoolerFound(OrdergateError):
    """A pooler in transaction mode, such as PgBouncer's, stands before the database: sessions must last as long as connections."""

    status = 503
    code = "pooler_found"
    title = "Pooler in transaction mode"

    def __init__(self) -> None:
        super().__init__(
            "DATABASE_URL leads to a pooler in transaction mode, such as PgBouncer with pool_mode = transaction: it would lose the"
            " journal's session settings and prepared statements. Connect to PostgreSQL itself, or set pool_mode = session"
        )


class DirectoryInUse(OrdergateError):
    """Another process uses the data directory: on SQLite one process owns the journal."""

    status = 503
    code = "directory_in_use"
    title = "Data directory in use"


class JournalDamaged(OrdergateError):
    """What the database holds is not what was written: its file was damaged or changed by another program."""

    status = 503
    code = "journal_damaged"
    title = "Journal is damaged"


class EmptyJournal(OrdergateError):
    """The database holds no journal although the key file was used with one: the journal was lost, or is in another place."""

    status = 503
    code = "empty_journal"
    title = "Journal is empty"

    def __init__(self, key_file: str) -> None:
        super().__init__(
            f"The database is empty, but {key_file} was used with another one, whose orders may be open at an exchange. "
            "Restore the journal, or set DATABASE_URL or ORDERGATE_DATA_DIR to where it is. "
            "To begin with an empty journal, start once with --accept-empty-journal "
            "or ORDERGATE_ACCEPT_EMPTY_JOURNAL=true"
        )
