"""Admission of a request and its answer, whatever the protocol: what it is signed with and how errors look is the protocol's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from app.clock import Clock
from app.paper.refusals import PaperRefusal, PaperUnavailable
from app.sandbox import rest
from app.sandbox.common.calls import Call, Endpoint
from app.sandbox.common.errors import ApiError
from app.sandbox.keys import KeyRing
from app.sandbox.rest import Answer
from app.sandbox.times import milliseconds


class Gate(ABC):
    """Admits requests and answers them."""

    def __init__(self, keys: KeyRing, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    @abstractmethod
    def account(self, request: web.Request, body: bytes) -> str:
        """The account of the key, once the signature is right. Raises ``ApiError``."""

    @abstractmethod
    def invalid(self, what: str) -> ApiError:
        """The refusal of a parameter."""

    @abstractmethod
    def error_of(self, refusal: PaperRefusal, values: Mapping[str, Any]) -> ApiError:
        """The error of a refusal of the paper exchange."""

    @abstractmethod
    def unavailable(self) -> ApiError:
        """The error of an exchange that could not begin."""

    @abstractmethod
    def answered(self, result: Any) -> Answer:
        """A good answer with ``result``."""

    @abstractmethod
    def refused(self, error: ApiError) -> Answer:
        """The answer of ``error``."""

    def values(self, request: web.Request, body: bytes) -> Mapping[str, Any]:
        """The parameters: of a GET in the query, else in a JSON object. Raises ``ApiError``."""
        if request.method == "GET":
            return dict(parse_qsl(query_of(request), keep_blank_values=True))
        try:
            return msgspec.json.decode(body or b"{}", type=dict[str, Any])
        except msgspec.DecodeError:
            raise self.invalid("the body is not a JSON object") from None

    def rest_endpoint(self, endpoint: Endpoint) -> rest.Endpoint:
        """``endpoint`` as the REST server takes it."""

        async def read(request: web.Request) -> rest.CarryOut:
            return partial(self._answer, endpoint, request, await request.read())

        route = endpoint.route

        def found(request: web.Request, body: bytes) -> str:
            """The route by the parameters; one that can't be read is refused later."""
            assert not isinstance(route, str)
            try:
                return route(self.values(request, body))
            except ApiError:
                return "query"

        named = route if isinstance(route, str) else found
        return rest.Endpoint(method=endpoint.method, path=endpoint.path, route=named, read=read)

    def now_ms(self) -> int:
        return milliseconds(self._clock.now())

    async def _answer(self, endpoint: Endpoint, request: web.Request, body: bytes, delay: float | None) -> Answer:
        values: Mapping[str, Any] = {}
        try:
            account = self.account(request, body) if endpoint.is_private else ""
            values = self.values(request, body)
            if delay is not None:
                await self._clock.sleep(delay)
            return self.answered(await endpoint.answer(Call(account=account, values=values, invalid=self.invalid)))
        except ApiError as error:
            return self.refused(error)
        except PaperRefusal as refusal:
            return self.refused(self.error_of(refusal, values))
        except PaperUnavailable:
            return self.refused(self.unavailable())


def query_of(request: web.Request) -> str:
    """The query as it was sent."""
    return request.raw_path.partition("?")[2]
