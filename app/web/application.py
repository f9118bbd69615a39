"""``create_app``: the contract, the handlers and the gateway put together as one ASGI application.

The application is a ``connexion.FlaskApp`` whose layers are prepared at start-up:

    Cors            which web pages may read answers
    Edge            request id, common headers, problem documents
    FrontRouter     docs, WebSockets, event streams
    PreparedRouting     method and path -> operation
    PreparedSecurity    origin and credentials, before the body is read
    PreparedValidation  bytes -> checked arguments
    LifespanMiddleware  the gateway's start and stop
    ContextMiddleware   Connexion's context, for its own code
    InnerApp        async handlers on the loop, the others in Flask

Nothing here serves a request; a contract or handler that does not fit stops the start with the reason.
"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from typing import Any, Protocol

import structlog
from connexion.middleware.context import ContextMiddleware
from connexion.middleware.lifespan import LifespanMiddleware

from app.clock import SystemClock
from app.domain.acting import Acting
from app.domain.errors import OrdergateError
from app.metrics import Metrics
from app.web.access.authentication import Authenticator, Callers
from app.web.access.origins import Origins
from app.web.auditing import Auditor
from app.web.console import console_pages
from app.web.contract.arguments import PreparedValidation
from app.web.contract.resolver import HandlerResolver, Named
from app.web.contract.routing import PreparedRouting
from app.web.contract.security import PreparedSecurity, security_map
from app.web.contract.validity import taken_as_valid
from app.web.docs import pages_for
from app.web.edge import Cors, Edge, FrontRouter, SocketRoute
from app.web.inner import GatewayApp, WireJsonifier
from app.web.termination import on_termination
from openapi import load_spec

HANDLERS = "app.handlers"

_LOG = structlog.get_logger("ordergate.web")

#: New objects, less those freed, after which the garbage collector looks at them; some megabytes at the most.
_GC_THRESHOLD = 20_000


class WebSettings(Protocol):
    """What the edge needs to know of the settings."""

    @property
    def max_body(self) -> int:
        """The largest request body in bytes."""

    @property
    def cors_origins(self) -> Sequence[str]:
        """The origins of web pages that may read answers; none for pages of this host."""

    @property
    def username(self) -> str:
        """The user's name."""

    @property
    def password(self) -> str | None:
        """The user's password, if the environment has one: the gateway's ``start`` hashes it."""


class Gateway(Callers, Protocol):
    """What the edge needs of the running gateway."""

    @property
    def settings(self) -> WebSettings:
        """The settings of the process."""

    async def start(self) -> None:
        """Get ready to serve; called once, on the loop that serves."""

    def prepare_stop(self) -> None:
        """The process is about to stop: take no new orders and end the streams. ``stop`` follows."""

    async def finish_orders(self) -> None:
        """Wait for the orders that are under way, within a limit."""

    async def stop(self) -> None:
        """End everything that ``start`` began."""

    def acting_as(self, acting: Acting) -> Named:
        """The gateway for one request's caller, which handlers get as their first argument."""

    async def password_hash(self, username: str) -> str | None:
        """The argon2 hash of a user's password, None for an unknown user. Called about once per second for a busy caller."""


def create_app(
    gateway: Gateway,
    *,
    spec: Mapping[str, Any] | None = None,
    sockets: Sequence[SocketRoute] = (),
    authenticator: Authenticator | None = None,
    metrics: Metrics | None = None,
    handlers: str = HANDLERS,
) -> GatewayApp:
    """The ASGI application that serves ``gateway`` by the contract ``spec`` (the one in ``openapi`` by default).

    ``handlers`` is the package that operation ids are relative to. Raises ``StartupRefused``, or Connexion's ``ResolverError`` or
    ``InvalidSpecification``, if the contract can't be kept.
    """
    contract = dict(spec) if spec is not None else load_spec()
    metrics = metrics or Metrics()
    authenticator = authenticator or Authenticator(gateway.password_hash, SystemClock(), metrics, gateway)
    max_body = gateway.settings.max_body
    origins = Origins(gateway.settings.cors_origins)
    closing = [authenticator.close]
    app = GatewayApp(
        __name__,
        max_body=max_body,
        middlewares=[
            partial(Cors, origins=gateway.settings.cors_origins),
            partial(Edge, metrics=metrics, clock=SystemClock()),
            partial(
                FrontRouter,
                pages={**pages_for(contract), **console_pages()},
                sockets=sockets,
                authenticator=authenticator,
                origins=origins,
            ),
            PreparedRouting,
            partial(
                PreparedSecurity,
                authenticator=authenticator,
                origins=origins,
                auditor=Auditor(gateway, SystemClock()),
            ),
            partial(PreparedValidation, max_body=max_body),
            LifespanMiddleware,
            ContextMiddleware,
        ],
        lifespan=_lifespan(gateway, authenticator, closing),
        jsonifier=WireJsonifier(),
        resolver=HandlerResolver(gateway, handlers),
        security_map=security_map(authenticator),
    )
    closing.append(app.bridge.close)
    with taken_as_valid() if spec is None else nullcontext():
        app.add_api(contract)
    app.build()
    return app


async def _start(gateway: Gateway) -> None:
    """Start. A failure is logged in one line, with its traceback only where the error is not an expected one."""
    try:
        await gateway.start()
    except (OrdergateError, OSError) as error:
        _LOG.error("not started", reason=str(error))
        raise
    except Exception as error:
        _LOG.error("not started", reason=type(error).__name__, exc_info=error)
        raise


def _lifespan(
    gateway: Gateway, authenticator: Authenticator, closing: Sequence[Callable[[], None]]
) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        await _start(gateway)
        if gateway.settings.password is not None:
            # The gateway has just hashed it. To verify it would take a fifth of a second of the first request.
            await authenticator.expect(gateway.settings.username, gateway.settings.password)
        # What is loaded by now stays for good; without this, each full collection walks all of it and takes tens of milliseconds.
        gc.collect()
        gc.freeze()
        # What a request makes is freed by its reference count. The collector looks for cycles, of which there are few; at its usual
        # threshold that takes a tenth of an order's time.
        gc.set_threshold(_GC_THRESHOLD, *gc.get_threshold()[1:])
        try:
            with on_termination(gateway.prepare_stop, gateway.finish_orders):
                yield
        finally:
            await gateway.stop()
            for close in closing:
                close()

    return lifespan
