"""What the journal raises beyond the domain's errors.

``JournalUnavailable`` (in the domain) means *surely not written*. The two here say the other things that can be true of a
write or of a database.
"""

from __future__ import annotations

from app.domain.errors import OrdergateError


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
