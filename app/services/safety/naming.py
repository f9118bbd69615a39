"""Whether what a scope names exists: a halt or a limit of what does not exist would protect nothing, and look as if it did."""

from __future__ import annotations

from collections.abc import Collection

from app.domain.safety.scope import Scope
from app.journal.journal import Journal
from app.services.names import Names


class Naming:
    """The look at the names of a scope."""

    def __init__(self, journal: Journal, names: Names) -> None:
        self._journal = journal
        self._names = names

    async def check(self, scope: Scope, allowed_pairs: Collection[str] = ()) -> None:
        """Raise as ``Names.check`` does for names of ``scope`` that do not exist, and for pairs that it is to allow.

        A scope with a halt or limits of its own is one: these can be ended also where an account is deleted or a pair delisted.
        """
        state = await self._journal.safety()
        connectors = () if scope.connector_name is None else (scope.connector_name,)
        if state.halt_of(scope) is None and state.set_of(scope) is None:
            await self._names.check(
                accounts=() if scope.account_name is None else (scope.account_name,),
                connectors=connectors,
                pairs=() if scope.trading_pair is None else (scope.trading_pair,),
                key_id=scope.key_id,
            )
        if allowed_pairs:
            await self._names.check(connectors=connectors, pairs=allowed_pairs)
