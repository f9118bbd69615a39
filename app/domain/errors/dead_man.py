"""Dead-man's switches that an exchange can't hold as they are asked for."""

from __future__ import annotations

from app.domain.errors.requests import RequestError


class NoExchangeCountdown(RequestError):
    """The switch must be held by the exchange, which has no countdown that is served, or none of so many seconds."""

    status = 409
    code = "no_exchange_countdown"
    title = "The exchange has no countdown"

    def __init__(self, connector_name: str, seconds: tuple[int, int] | None = None) -> None:
        of = "" if seconds is None else f" but of {seconds[0]} to {seconds[1]} seconds"
        super().__init__(
            f"{connector_name} has no countdown at the exchange that could hold the switch{of}; with require: any the gateway"
            " holds it"
        )


class ProtectiveNotKept(RequestError):
    """The switch is to keep what only reduces a position, and the exchange's countdown can only cancel everything."""

    status = 409
    code = "protective_not_kept"
    title = "The exchange cancels everything"

    def __init__(self, connector_name: str) -> None:
        super().__init__(
            f"The countdown of {connector_name} cancels all orders, also those that protect a position; ask for keep: none, and"
            " protect the position by other means"
        )
