"""The layer that asks for credentials: what the contract's ``security`` demands, checked before anything of the body is read.

Before that, an operation that changes something or streams refuses foreign web pages (``app.web.access.origins``).

It subclasses Connexion's security middleware and replaces only the operations that demand HTTP Basic or Bearer, or nothing. An
operation states the scope that it asks of its caller as ``x-scope``, as ``x-takes-code`` that a person signs in by it, and as
``x-takes-session`` that it demands nothing, but is told who has a session at the console.
Every other demand keeps Connexion's own logic, which reaches the same authenticator through ``security_map``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from connexion.lifecycle import ConnexionRequest
from connexion.middleware.security import SecurityAPI, SecurityMiddleware
from connexion.operations import AbstractOperation
from connexion.security import AbstractSecurityHandler
from starlette.types import ASGIApp, Receive, Scope, Send

from app.domain.enums import Scope as CallerScope
from app.domain.errors import MissingScope, NotAuthenticated, OrdergateError
from app.web.access.authentication import Authenticator, address_of
from app.web.access.cookies import authorization_of, session_in
from app.web.access.origins import Origins
from app.web.auditing import Auditor
from app.web.messages import CALLING, ENDED, headers_of, sign_in

Verify = Callable[[ConnexionRequest], Awaitable[dict[str, str]]]


class OpenOperation:
    """An operation that demands nothing."""

    def __init__(self, next_app: ASGIApp) -> None:
        self._next = next_app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        CALLING.set(None)
        await self._next(scope, receive, send)


class SessionOperation:
    """An operation that demands nothing, and is told whose session the cookie of the request is, if it is anybody's."""

    def __init__(self, next_app: ASGIApp, authenticator: Authenticator, origins: Origins) -> None:
        self._next = next_app
        self._authenticator = authenticator
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        CALLING.set(None)
        session = session_in(scope, self._origins)
        if session is not None:
            with suppress(NotAuthenticated):
                sign_in(scope, await self._authenticator.caller(session, address_of(scope)))
        await self._next(scope, receive, send)


class BasicOperation:
    """An operation that demands credentials, and of its caller the scope ``wanted``. One that ``takes_code`` judges the code of a
    person's sign-in itself.
    """

    def __init__(
        self,
        next_app: ASGIApp,
        authenticator: Authenticator,
        origins: Origins,
        auditor: Auditor,
        operation: str,
        wanted: CallerScope,
        *,
        takes_code: bool,
    ) -> None:
        self._next = next_app
        self._authenticator = authenticator
        self._origins = origins
        self._auditor = auditor
        self._operation = operation
        self._wanted = wanted
        self._takes_code = takes_code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = address_of(scope)
        authorization = authorization_of(scope, self._origins)
        caller = await self._authenticator.caller(authorization, address, takes_code=self._takes_code)
        acting = sign_in(scope, caller)
        if caller.version is not None or caller.expires_at is not None:
            scope[ENDED] = partial(self._authenticator.ended, caller)
        try:
            if self._wanted not in caller.scopes:
                raise MissingScope(self._wanted)
            if self._takes_code:
                async with self._authenticator.judging_code(caller, address):
                    await self._next(scope, receive, send)
            else:
                await self._next(scope, receive, send)
        except Exception as error:
            if caller.is_bounded and isinstance(error, OrdergateError):
                # A hint lists what there is, also beyond the bounds.
                error.hint = None
            await self._auditor.note(acting, self._operation, self._wanted, error)
            raise
        await self._auditor.note(acting, self._operation, self._wanted, None)


class GuardedOperation:
    """An operation that foreign web pages may not call. ``operation`` asks for its credentials."""

    def __init__(self, operation: ASGIApp, origins: Origins) -> None:
        self.operation = operation
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        # What has neither is no page's.
        if b"origin" in headers or b"sec-fetch-site" in headers:
            self._origins.check(scope)
        await self.operation(scope, receive, send)


class PreparedSecurityAPI(SecurityAPI):  # type: ignore[misc]  # Connexion has no types
    """The security of one contract."""

    def __init__(
        self, *args: Any, authenticator: Authenticator, auditor: Auditor, origins: Origins, **kwargs: Any
    ) -> None:
        self._authenticator = authenticator
        self._auditor = auditor
        self._origins = origins
        super().__init__(*args, **kwargs)

    def make_operation(self, operation: AbstractOperation) -> Any:
        """The prepared check, or Connexion's where the demand is another."""
        check = self._security_of(operation)
        return GuardedOperation(check, self._origins) if _changes_or_streams(operation) else check

    def _security_of(self, operation: AbstractOperation) -> Any:
        if operation._operation.get("x-takes-session", False):
            return SessionOperation(self.next_app, self._authenticator, self._origins)
        if not operation.security:
            return OpenOperation(self.next_app)
        if _is_ours(operation):
            return BasicOperation(
                self.next_app,
                self._authenticator,
                self._origins,
                self._auditor,
                str(operation.operation_id),
                scope_of(operation),
                takes_code=bool(operation._operation.get("x-takes-code", False)),
            )
        return super().make_operation(operation)


class PreparedSecurity(SecurityMiddleware):  # type: ignore[misc]  # Connexion has no types
    """The security layer."""

    api_cls = PreparedSecurityAPI

    def __init__(self, app: ASGIApp, *, authenticator: Authenticator, auditor: Auditor, origins: Origins) -> None:
        super().__init__(app)
        self._authenticator = authenticator
        self._auditor = auditor
        self._origins = origins

    def add_api(self, specification: Any, **kwargs: Any) -> Any:
        """Prepare every operation of a contract."""
        return super().add_api(
            specification,
            authenticator=self._authenticator,
            auditor=self._auditor,
            origins=self._origins,
            **kwargs,
        )


def security_map(authenticator: Authenticator) -> dict[str, type[AbstractSecurityHandler]]:
    """Connexion's own ``security_map`` in which Basic is checked by ``authenticator``."""

    class BasicHandler(AbstractSecurityHandler):  # type: ignore[misc]  # Connexion has no types
        """HTTP Basic for Connexion's own security operations."""

        def get_fn(self, _scheme: dict[str, Any], _scopes: list[str]) -> Verify:
            """The coroutine that Connexion calls with each request."""

            async def verify(request: ConnexionRequest) -> dict[str, str]:
                authorization = headers_of(request.scope).get(b"authorization")
                caller = await authenticator.caller(authorization, address_of(request.scope))
                sign_in(request.scope, caller)
                return {"sub": caller.name}

            return verify

    return {"basic": BasicHandler}


def scope_of(operation: AbstractOperation) -> CallerScope:
    """The scope that the operation states as ``x-scope``. One that states none is for those who may do everything."""
    return CallerScope(operation._operation.get("x-scope", CallerScope.ADMIN))


def _is_ours(operation: AbstractOperation) -> bool:
    """Whether each of the operation's demands is one HTTP scheme that the authenticator reads."""
    return all(
        len(demand) == 1 and _is_read(operation.security_schemes.get(next(iter(demand)), {}))
        for demand in operation.security
    )


def _is_read(scheme: Mapping[str, Any]) -> bool:
    return scheme.get("type") == "http" and str(scheme.get("scheme", "")).lower() in ("basic", "bearer")


def _changes_or_streams(operation: AbstractOperation) -> bool:
    """Whether the operation may do more than answer a question."""
    return operation.method != "get" or any(
        "text/event-stream" in response.get("content", {}) for response in operation.responses.values()
    )
