"""What a key may not do about itself: end or loosen what holds it back, and decide about an order that it asked for.

A key is taken together with every key that was told its secret, however many keys ago (its *line*): a program that holds both would
only have to use the other one. Decided in the transaction, so that a key that is made at the same moment changes nothing.
"""

from __future__ import annotations

from app.domain.audit import AuditRecord
from app.domain.caller import Actor, Caller
from app.domain.enums import Scope as CallerScope
from app.domain.errors import OwnHold
from app.domain.safety.scope import Scope
from app.journal.batch import Batch


def check_lifts(
    batch: Batch, record: AuditRecord | None, scope: Scope, what: str, *, set_by_key: str | None = None
) -> None:
    """Raise ``OwnHold`` unless who asks for what ``record`` is of may end or change ``what`` holds in ``scope``."""
    caller = None if record is None else record.caller
    if caller is not None and holds(batch, caller, scope, set_by_key):
        raise OwnHold(what)


def holds(batch: Batch, caller: Caller, scope: Scope, set_by_key: str | None = None) -> bool:
    """Whether what holds in ``scope``, which lies within the bounds of ``caller``, is another's to end or change. Not a person; not
    the key that has set it, ``set_by_key``; not a key where it holds back neither that one nor one of its line; and not an admin's
    key that it does not name.
    """
    if caller.key_id is None or caller.key_id == set_by_key:
        return False
    line = batch.keys.line(caller.key_id)
    if scope.key_id not in line:
        # Bounds of a key are never wider than those of the keys that it is of, so the scope is within those, too.
        places = (key for key in line.values() if CallerScope.ORDERS_PLACE in key.scopes)
        is_held = scope.key_id is None and any(places)
        return is_held and CallerScope.ADMIN not in caller.scopes
    return True


def is_own(batch: Batch, asked_by: Actor, decider: Actor) -> bool:
    """Whether ``decider`` asked for what ``asked_by`` asked for, or may have: a key of the asker's, or one whose line meets that of
    the asker's key. A person may decide about keys that they made.
    """
    if (decider.name, decider.key_id) == (asked_by.name, asked_by.key_id):
        return True
    if decider.key_id is None:
        return False
    line = batch.keys.line(decider.key_id)
    if asked_by.key_id is None:
        return any(key.created_by == asked_by.name for key in line.values())
    return not line.keys().isdisjoint(batch.keys.line(asked_by.key_id))
