"""The error tree: the drawing, the classes, and what each tells the edge and the caller."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest

import app
from app.domain import errors
from app.domain.errors import (
    ConnectorNotConfigured,
    NotNow,
    OrdergateError,
    OrderRefused,
    PriceRequired,
    Refused,
    RequestError,
    RulesNotLoaded,
    SchemaViolation,
    UnknownAccount,
    UnsupportedConnector,
    UnsupportedPair,
    approvals,
    availability,
    base,
    callers,
    dead_man,
    questions,
    refusals,
    requests,
)

#: The modules of the package in the order in which the drawing shows their classes.
MODULES = (base, requests, dead_man, callers, approvals, refusals, availability, questions)

CLASSES: list[type[OrdergateError]] = [
    found
    for module in MODULES
    for found in vars(module).values()
    if inspect.isclass(found) and issubclass(found, OrdergateError) and found.__module__ == module.__name__
]


def subclasses(root: type[OrdergateError]) -> Iterator[type[OrdergateError]]:
    """``root`` and everything below it."""
    yield root
    for kind in root.__subclasses__():
        yield from subclasses(kind)


def drawn_tree() -> dict[str, tuple[str | None, int | None]]:
    """The docstring's drawing: each class with its parent and, where one is drawn, its status."""
    drawn: dict[str, tuple[str | None, int | None]] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.fullmatch(r" {4}((?:│   |    )*(?:├── |└── )?)(\w+)(?: +(.*))?", line)
        if match is None:
            continue
        depth = len(match[1]) // 4
        status = re.match(r"(\d{3})\b", match[3] or "")
        del above[depth:]
        drawn[match[2]] = (above[-1] if above else None, int(status[1]) if status else None)
        above.append(match[2])
    return drawn


def test_drawing_names_every_class() -> None:
    """No class is missing in the drawing, and none is drawn that is not there."""
    assert set(drawn_tree()) == {kind.__name__ for kind in CLASSES}


def test_the_tree_is_whole() -> None:
    """Every error of the program stands in the package and can be imported from it; no other package adds a class of its own."""
    for module in pkgutil.walk_packages(app.__path__, "app."):
        if "migrations" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found = {kind for kind in subclasses(OrdergateError) if kind.__module__.startswith("app.")}
    assert found == set(CLASSES)
    assert {kind.__name__ for kind in found} | {"REFUSALS"} == set(errors.__all__)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_drawing_is_true(kind: type[OrdergateError]) -> None:
    """Each class hangs where it is drawn and has the status that is drawn."""
    parent, status = drawn_tree()[kind.__name__]
    assert kind.__base__ is not None
    assert kind.__base__.__name__ == (parent or "Exception")
    if status is not None:
        assert kind.status == status
    else:
        assert kind in (OrdergateError, RequestError, Refused, NotNow, errors.ExchangeReadFailed)


def test_drawing_is_in_the_order_of_the_classes() -> None:
    """Who reads the drawing finds the classes below in the same order."""
    assert list(drawn_tree()) == [kind.__name__ for kind in CLASSES]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_class_says_what_it_is(kind: type[OrdergateError]) -> None:
    """Each class has a sentence, a title, a neutral slug of its own and a status that HTTP knows."""
    assert kind.__doc__
    assert kind.title
    assert re.fullmatch(r"[a-z]+(?:_[a-z]+)*", kind.code)
    assert kind is OrdergateError or "code" in vars(kind), "a class without a code of its own hides behind its parent's"
    assert HTTPStatus(kind.status) >= HTTPStatus.BAD_REQUEST


def test_codes_are_unique() -> None:
    """A program can tell every error by its code."""
    codes = [kind.code for kind in CLASSES]
    assert sorted(set(codes)) == sorted(codes)


def test_advice_on_retrying() -> None:
    """Only what may pass by itself is retryable."""
    retryable = {kind.__name__ for kind in CLASSES if kind.retryable}
    assert retryable == {
        *(
            "NotNow",
            "RequestInProgress",
            "CredentialsChanged",
            "CallerChanged",
            "RulesNotLoaded",
            "ReferencePriceMissing",
            "ShuttingDown",
            "TooManyStreams",
            "TooManySignIns",
            "TooManyApprovals",
            "JournalUnavailable",
            "JournalInDoubt",
        ),
        *("RateLimited", "ClockRefused", "ExchangeDown", "Halted", "DeadManDue", "CountdownMissing"),
        *("ExchangeReadFailed", "ExchangeReadTimeout", "ExchangeReadError"),
    }


def test_what_an_error_carries() -> None:
    """An error is its detail, and may name an order and the time to wait."""
    plain = OrdergateError("Something.")
    assert (str(plain), plain.detail, plain.order_id, plain.retry_after) == ("Something.", "Something.", None, None)
    full = NotNow("Later.", order_id="order-1", retry_after=timedelta(seconds=3))
    assert (full.order_id, full.retry_after) == ("order-1", timedelta(seconds=3))


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (UnknownAccount("nobody"), "Account 'nobody' not found"),
        (ConnectorNotConfigured("binance", "main"), "Connector 'binance' not found for account 'main'"),
        (PriceRequired(), "Price is required for LIMIT and LIMIT_MAKER orders"),
        (RulesNotLoaded("paper"), "Trading rules not yet loaded for paper. Please try again in a moment."),
        (
            UnsupportedPair("A-B", "paper", ["C-D", "E-F"]),
            "Trading pair 'A-B' not supported on paper. Available pairs: ['C-D', 'E-F']",
        ),
        (
            UnsupportedPair("A-B", "paper", [str(number) for number in range(10)]),
            "Trading pair 'A-B' not supported on paper."
            " Available pairs: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']",
        ),
        (
            UnsupportedPair("A-B", "paper", tuple(str(number) for number in range(13))),
            "Trading pair 'A-B' not supported on paper."
            " Available pairs: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'] (and 3 more)",
        ),
        (
            UnsupportedConnector("xrpl", ["paper"], "a reason"),
            "Connector 'xrpl' is known, but this gateway can't trade on it: a reason",
        ),
        (UnsupportedPair("A-B", "paper", []), "Trading pair 'A-B' not supported on paper. Available pairs: []"),
    ],
)
def test_texts_that_callers_read(error: OrdergateError, detail: str) -> None:
    """Where the contract demands a text, the class writes it."""
    assert error.detail == detail


def test_rules_not_loaded_says_when_to_come_back() -> None:
    """Loading takes a moment, and the error says how long."""
    assert RulesNotLoaded("paper").retry_after == timedelta(seconds=1)


def test_schema_violation_lists_its_faults() -> None:
    """A schema violation keeps the list and joins the messages for a log."""
    faults: list[dict[str, Any]] = [
        {"type": "missing", "loc": ["body", "amount"], "msg": "Field required", "input": {}},
        {"type": "enum", "loc": ["body", "trade_type"], "msg": "Input should be 'BUY' or 'SELL'", "input": "buy"},
    ]
    error = SchemaViolation(faults)
    assert error.faults == faults
    assert error.detail == "Field required; Input should be 'BUY' or 'SELL'"


def test_refusal_of_the_exchange_keeps_its_code() -> None:
    """The exchange's own code travels with the refusal where there is one."""
    assert OrderRefused("No.", exchange_code="-2010").exchange_code == "-2010"
    assert OrderRefused("No.").exchange_code is None
