"""Binance's errors: a status, a code and a text, as on its "Error codes" page. Refusals of the paper exchange map to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.paper.refusals import PaperRefusal, RefusalCode


class ApiError(Exception):
    """An error answer. ``extra`` are further members of the body, beside code and msg."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        status: int = 400,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    def body(self) -> dict[str, Any]:
        """The answer's body."""
        return {"code": self.code, "msg": self.message, **self.extra}


def illegal(name: str, legal: str) -> ApiError:
    return ApiError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def missing(name: str) -> ApiError:
    return ApiError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def missing_both(one: str, other: str) -> ApiError:
    return ApiError(-1102, f"Param '{one}' or '{other}' must be sent, but both were empty/null!")


def not_required(name: str) -> ApiError:
    return ApiError(-1106, f"Parameter '{name}' sent when not required.")


def too_precise(name: str) -> ApiError:
    return ApiError(-1111, f"Parameter '{name}' has too much precision.")


def invalid_symbol() -> ApiError:
    return ApiError(-1121, "Invalid symbol.")


def filter_failure(name: str) -> ApiError:
    return ApiError(-1013, f"Filter failure: {name}")


def new_order_rejected(text: str) -> ApiError:
    return ApiError(-2010, text)


def unknown_order() -> ApiError:
    return ApiError(-2011, "Unknown order sent.")


def no_such_order() -> ApiError:
    return ApiError(-2013, "Order does not exist.")


def bad_key_format() -> ApiError:
    return ApiError(-2014, "API-key format invalid.", status=401)


def bad_key() -> ApiError:
    return ApiError(-2015, "Invalid API-key, IP, or permissions for action.", status=401)


def bad_signature() -> ApiError:
    return ApiError(-1022, "Signature for this request is not valid.")


def unsupported(what: str, status: int = 400) -> ApiError:
    """The refusal of what the sandbox does not have, which it names."""
    return ApiError(-1020, f"This operation is not supported: the sandbox has no {what}.", status=status)


def service_unavailable() -> ApiError:
    """A 503 whose text proves that nothing was accepted."""
    return ApiError(-1001, "Service Unavailable.", status=503)


#: The errors of refusals in one market.
ErrorTable = Mapping[RefusalCode, Callable[[], ApiError]]

#: The errors of refusals that both markets share.
SHARED_ERRORS: ErrorTable = {
    RefusalCode.UNKNOWN_PAIR: invalid_symbol,
    RefusalCode.UNKNOWN_ORDER: unknown_order,
    RefusalCode.INVALID_INTERVAL: lambda: ApiError(-1120, "Invalid interval."),
}


def error_of(refusal: PaperRefusal, errors: ErrorTable, fallback: int) -> ApiError:
    """The error of ``refusal``; one that ``errors`` lacks has the code ``fallback`` and the exchange's text."""
    make = errors.get(refusal.code)
    return ApiError(fallback, refusal.text) if make is None else make()
