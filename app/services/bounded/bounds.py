"""What a caller's bounds leave of accounts, connectors and pairs: names are checked, lists narrowed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from app.domain.caller import Caller
from app.domain.enums import Environment
from app.domain.errors import OutOfBounds, WrongEnvironment

#: Under which names the contract's parameters and bodies hold what bounds are about.
_ACCOUNTS = frozenset({"account_name", "account_names"})
_CONNECTORS = frozenset({"connector_name", "connector_names", "connector", "connectors"})
_PAIRS = frozenset({"trading_pair", "trading_pairs"})

#: The filter that lets nothing pass: no account, connector or pair has this name.
_NOTHING = ("",)


class Bounds:
    """The bounds of ``caller``. ``environments`` are those of all connectors, by name."""

    def __init__(self, caller: Caller, environments: Mapping[str, Environment]) -> None:
        self._caller = caller
        self.environments = environments
        self.is_whole = not caller.is_bounded

    def check(
        self, *, account_name: str | None = None, connector_name: str | None = None, trading_pair: str | None = None
    ) -> None:
        """Raise ``OutOfBounds`` or ``WrongEnvironment`` where the caller may not touch what is named."""
        caller = self._caller
        if connector_name is not None and not self._reaches(connector_name):
            raise WrongEnvironment(str(caller.environment), connector_name)
        for kind, name, allowed in (
            ("account", account_name, caller.accounts),
            ("connector", connector_name, caller.connectors),
            ("trading pair", trading_pair, caller.pairs),
        ):
            if name is not None and allowed is not None and name not in allowed:
                raise OutOfBounds(kind, name)

    def check_named(self, value: Any) -> None:
        """The same for everything that parameters and a body name, however deep."""
        if self.is_whole:
            return
        if isinstance(value, Mapping):
            for name, part in value.items():
                if name in _ACCOUNTS:
                    for each in _texts(part):
                        self.check(account_name=each)
                elif name in _CONNECTORS:
                    for each in _texts(part):
                        self.check(connector_name=each)
                elif name in _PAIRS:
                    for each in _texts(part):
                        self.check(trading_pair=each)
                self.check_named(part)
        elif isinstance(value, list | tuple):
            for part in value:
                self.check_named(part)

    def seen(self, connector_names: Collection[str]) -> list[str]:
        """Those of the connectors that the caller may touch."""
        return [name for name in connector_names if self.holds(None, name)]

    def holds(self, account_name: str | None, connector_name: str, trading_pair: str | None = None) -> bool:
        """Whether the caller may see what is there; None is no account's, or about no pair."""
        if self.is_whole:
            return True
        caller = self._caller
        return (
            (caller.accounts is None or account_name is None or account_name in caller.accounts)
            and (caller.connectors is None or connector_name in caller.connectors)
            and (caller.pairs is None or trading_pair is None or trading_pair in caller.pairs)
            and self._reaches(connector_name)
        )

    def accounts(self, asked: Collection[str] = ()) -> tuple[str, ...]:
        """The accounts to show where ``asked`` are asked for; empty where all are meant."""
        return _narrowed(asked, self._caller.accounts)

    def connectors(self, asked: Collection[str] = ()) -> tuple[str, ...]:
        """The connectors to show where ``asked`` are asked for; empty where all are meant."""
        caller = self._caller
        if caller.environment is None:
            return _narrowed(asked, caller.connectors)
        reached = {name for name in self.environments if self._reaches(name)}
        return _narrowed(asked, frozenset(reached if caller.connectors is None else reached & caller.connectors))

    def pairs(self, asked: Collection[str] = ()) -> tuple[str, ...]:
        """The pairs to show where ``asked`` are asked for; empty where all are meant."""
        return _narrowed(asked, self._caller.pairs)

    def _reaches(self, connector_name: str) -> bool:
        # A name that no connector has may be that of a live one tomorrow.
        return self._caller.reaches(self.environments.get(connector_name, Environment.LIVE))


def told(caller: Caller) -> str:
    """The bounds of ``caller`` in words, for an answer that they may have narrowed."""
    parts = [
        f"{kind}={','.join(sorted(names))}"
        for kind, names in (("accounts", caller.accounts), ("connectors", caller.connectors), ("pairs", caller.pairs))
        if names is not None
    ]
    if caller.environment is not None:
        parts.append(f"environment={caller.environment}")
    return "; ".join(parts)


def _narrowed(asked: Collection[str], allowed: frozenset[str] | None) -> tuple[str, ...]:
    if allowed is None:
        return tuple(asked)
    return tuple(sorted(allowed.intersection(asked) if asked else allowed)) or _NOTHING


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)
