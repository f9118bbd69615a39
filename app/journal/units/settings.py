"""The unit that decides whether a setting of an account may be changed at its exchange, which is no row of ours."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from app.domain.decimals import shortest
from app.domain.errors import LimitExceeded
from app.domain.safety.scope import Place
from app.journal.batch import Batch
from app.journal.units.safety import AskedUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitSetting(AskedUnit[None]):
    """Raise ``LimitExceeded`` if ``leverage``, where one is to be set, is more than a limit at ``place`` allows. It writes nothing:
    the exchange is asked after it.
    """

    place: Place
    leverage: Decimal | None = None

    def stage(self, batch: Batch) -> None:
        if self.leverage is None:
            return
        violations = []
        for each in batch.permits.state.covering(self.place):
            most = each.limits.max_leverage
            if most is not None and self.leverage > most:
                text = shortest(self.leverage)
                violations.append(
                    {
                        "limit": "max_leverage",
                        "scope": each.scope.parts(),
                        "value": text,
                        "maximum": shortest(most),
                        "would_be": text,
                    }
                )
        if violations:
            raise LimitExceeded(violations)
