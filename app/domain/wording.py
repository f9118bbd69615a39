"""Exceptions in words: for an answer of the gateway, which names no class, and for the log."""

from __future__ import annotations

from app.domain.errors import OrdergateError


def in_words(fault: BaseException) -> str:
    """What an exception of another library means for a caller. Its class and its text are for the log."""
    if isinstance(fault, OrdergateError):
        return fault.detail
    if isinstance(fault, TimeoutError):
        return "it took too long"
    if isinstance(fault, OSError):
        return "the connection or the system failed"
    return "it failed in an unexpected way (the log has the reason)"


def text_of(fault: BaseException) -> str:
    """The exception's own text, or its class where it has none; for the log."""
    return str(fault) or type(fault).__name__
