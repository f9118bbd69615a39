"""Removes an account's credentials from everything that its connector returns and raises, before it is logged or stored.

Exchanges and their SDKs repeat keys in error texts. The meaning of an error must not change: one of the domain's tree keeps its
class, and any other stays outside the tree and so an unknown outcome.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import replace
from itertools import takewhile
from typing import Any, NoReturn
from urllib.parse import quote, quote_plus

from msgspec import structs

from app.connectors.base import Connector
from app.connectors.capabilities import CredentialField
from app.connectors.optional import OptionalVerbs
from app.connectors.rows import Rows
from app.domain.errors import OrdergateError
from app.domain.reports import Gap, OrderReport

#: A shorter credential is no secret, and removing it would damage the text.
_SHORTEST = 6
#: A text that agrees with a secret for this many characters holds the secret, cut off where the text was shortened.
_HEAD = 12
_STRUCK = "***"
#: The verbs that yield.
_STREAMS = ("events", "follow")


class ConnectorFault(Exception):
    """Replaces an exception outside the error tree whose text contained a credential; names its class."""


class Redactor:
    """Removes the values of one account's credentials from texts, errors and reports."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = {form for secret in secrets for form in _forms(secret) if len(form) >= _SHORTEST}
        self._heads = re.compile("|".join(sorted({re.escape(form[:_HEAD]) for form in self._secrets})))

    def __bool__(self) -> bool:
        """Whether there is anything to remove."""
        return bool(self._secrets)

    def text(self, text: str) -> str:
        """``text`` without the secrets."""
        at = 0
        while self._secrets and (found := self._heads.search(text, at)) is not None:
            start = found.start()
            # The longest, since one form may begin like another, and its rest must not stay.
            end = start + max(_alike(text, start, secret) for secret in self._secrets)
            text = text[:start] + _STRUCK + text[end:]
            at = start + len(_STRUCK)
        return text

    def error(self, error: Exception) -> Exception:
        """``error`` itself where neither it nor its causes contain a secret.

        Otherwise an error of the tree is cleaned and loses its causes; any other is replaced by a new exception, which is a
        ``TimeoutError`` if the first one was.
        """
        if not any(self._is_shown_by(each) for each in _chain(error)):
            return error
        if isinstance(error, OrdergateError):
            self._clean(error)
            return error
        kind = TimeoutError if isinstance(error, TimeoutError) else ConnectorFault
        return kind(f"{type(error).__name__}: {self.text(str(error))}")

    def report(self, value: Any) -> Any:
        """The answer of a verb, without the secrets in the exchange's own words."""
        if isinstance(value, OrderReport) and (value.reason or value.reason_code):
            return structs.replace(
                value, reason=self._optional(value.reason), reason_code=self._optional(value.reason_code)
            )
        if isinstance(value, Gap):
            return replace(value, reason=self.text(value.reason))
        if isinstance(value, Rows):
            odd = (replace(row, why=self.text(row.why)) for row in value.unreadable)
            return Rows.of((self.report(each) for each in value), odd)
        if isinstance(value, list):
            return [self.report(each) for each in value]
        return value

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """Clean every error that is raised within."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - an SDK may raise anything; everything is raised on
            self.raise_clean(error)

    def raise_clean(self, error: Exception) -> NoReturn:
        """Raise ``error``, or its replacement where it contains a secret. To be called while it is handled."""
        clean = self.error(error)
        if clean is error:
            raise error
        raise clean from None

    def _is_shown_by(self, error: BaseException) -> bool:
        text = "\n".join((str(error), repr(error), *getattr(error, "__notes__", ())))
        return self.text(text) != text

    def _clean(self, error: OrdergateError) -> None:
        for name, value in vars(error).items():
            if isinstance(value, str):
                setattr(error, name, self.text(value))
        error.args = tuple(self.text(each) if isinstance(each, str) else each for each in error.args)
        if hasattr(error, "__notes__"):
            del error.__notes__
        error.__cause__ = error.__context__ = None

    def _optional(self, text: str | None) -> str | None:
        return None if text is None else self.text(text)


def guarded(connector: Connector, redactor: Redactor) -> Connector:
    """``connector`` itself; from now on its verbs return and raise nothing with a secret in it."""
    if redactor:
        for name, verb in {**vars(OptionalVerbs), **vars(Connector)}.items():
            if inspect.isfunction(verb) and not name.startswith("_"):
                setattr(connector, name, _guarded_verb(connector, name, verb, redactor))
    return connector


def secrets_of(fields: Mapping[str, CredentialField], credentials: Mapping[str, str]) -> list[str]:
    """The values that are secrets; an undeclared field counts as one."""
    return [text for name, text in credentials.items() if name not in fields or fields[name].type == "SecretStr"]


def _guarded_verb(connector: Connector, name: str, verb: Callable[..., Any], redactor: Redactor) -> Callable[..., Any]:
    def own(*args: Any, **options: Any) -> Any:
        # Looked up at each call: the class is the truth about what a verb does.
        return getattr(type(connector), name)(connector, *args, **options)

    async def awaited(*args: Any, **options: Any) -> Any:
        # As ``guarding`` does, without the cost of a context manager for each order.
        try:
            return redactor.report(await own(*args, **options))
        except Exception as error:  # noqa: BLE001 - an SDK may raise anything; everything is raised on
            redactor.raise_clean(error)

    async def streamed(*args: Any, **options: Any) -> AsyncGenerator[Any, None]:
        with redactor.guarding():
            async with aclosing(own(*args, **options)) as events:
                async for event in events:
                    yield redactor.report(event)

    def called(*args: Any, **options: Any) -> Any:
        try:
            return own(*args, **options)
        except Exception as error:  # noqa: BLE001 - an SDK may raise anything; everything is raised on
            redactor.raise_clean(error)

    if inspect.iscoroutinefunction(verb):
        return awaited
    return streamed if name in _STREAMS else called


def _forms(secret: str) -> Iterator[str]:
    """A secret, whole and line by line, as it is and as it looks in JSON, in a URL and in a form."""
    # A private key is also given with its line ends escaped.
    unescaped = secret.replace("\\n", "\n")
    for text in (secret, unescaped, *(line.strip() for line in unescaped.splitlines())):
        yield text
        yield json.dumps(text)[1:-1]
        yield quote(text)
        yield quote(text, safe="")
        yield quote_plus(text)


def _alike(text: str, start: int, secret: str) -> int:
    """The number of characters in which ``text`` agrees with ``secret`` from ``start`` on."""
    pairs = zip(text[start : start + len(secret)], secret, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """``error``, its causes, and the members of groups; each once."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
