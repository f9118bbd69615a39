"""From ``operationId`` to handler: ``trading.place_order`` is the function of that name in ``app.handlers.trading``.

The handler's first parameter is the gateway, acting as the caller of the request, so that handlers stay plain functions without
globals. A missing handler stops the server from starting; nothing is looked up while a request waits.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any, Protocol

from connexion.exceptions import ResolverError
from connexion.resolver import Resolver

from app.domain.acting import Acting
from app.domain.caller import Actor, Caller
from app.web.messages import CALLING


class Named(Protocol):
    """A gateway for one caller."""

    def check_named(self, arguments: Any) -> None:
        """Raise what says so if ``arguments`` name what the caller may not touch."""


class Actable(Protocol):
    """A gateway that acts for callers."""

    def acting_as(self, acting: Acting) -> Named:
        """The gateway as one request's caller sees it."""


#: Who calls an operation that asks nobody for credentials.
_STRANGER = Acting(Caller(name="", scopes=frozenset()), Actor(name=""))


class Handler(functools.partial[Any]):
    """A handler with its gateway. Connexion sees a function of the other parameters."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Call it for the caller of the request."""
        gateway: Actable = self.args[0]
        acting = gateway.acting_as(CALLING.get() or _STRANGER)
        acting.check_named(kwargs)
        return self.func(acting, *args, **kwargs)


class HandlerResolver(Resolver):  # type: ignore[misc]  # Connexion has no types
    """Resolves operation ids relative to ``package`` and binds ``gateway``."""

    def __init__(self, gateway: Actable, package: str) -> None:
        super().__init__()
        self._gateway = gateway
        self._package = package

    def resolve_function_from_operation_id(self, operation_id: str | None) -> Callable[..., Any]:
        """The bound handler, ``async`` if the function is. Raises ``ResolverError`` saying what is missing."""
        module_name, _, function_name = (operation_id or "").rpartition(".")
        if not module_name:
            raise ResolverError(f"operationId '{operation_id}' is not of the form module.function")
        path = f"{self._package}.{module_name}"
        try:
            function = getattr(importlib.import_module(path), function_name)
        except ModuleNotFoundError as error:
            if error.name is None or not path.startswith(error.name):
                raise
            raise ResolverError(f"operationId '{operation_id}' names no module {path}") from error
        except AttributeError as error:
            raise ResolverError(f"operationId '{operation_id}' names no function of {path}") from error
        return Handler(function, self._gateway)
