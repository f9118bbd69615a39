"""The perpetual exchange's state in memory: positions, leverages and position modes, beside that of every exchange."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from app.domain.enums import PositionMode, PositionSide
from app.paper.depth import Depth
from app.paper.market import moment_of
from app.paper.perpetual.margin import DEFAULT_LEVERAGE
from app.paper.perpetual.orders import PaperFunding, PerpetualOrder
from app.paper.perpetual.positions import PaperPosition, PositionKey
from app.paper.state import Changes, State


@dataclass(slots=True, kw_only=True)
class PerpetualChanges(Changes):
    """The changes of one operation."""

    positions: dict[PositionKey, PaperPosition] = field(default_factory=dict)
    leverages: dict[tuple[str, str], int] = field(default_factory=dict)
    modes: dict[str, PositionMode] = field(default_factory=dict)
    fundings: list[PaperFunding] = field(default_factory=list)

    def __bool__(self) -> bool:
        # Not ``super()``: a slotted dataclass is another class than the one that its methods were defined in.
        return Changes.__bool__(self) or bool(self.positions or self.leverages or self.modes or self.fundings)


class PerpetualState(State):
    """Everything in memory. Closed positions stay, because their realized result adds up when they are opened again."""

    changes_class = PerpetualChanges
    _changes: PerpetualChanges

    def __init__(self, depth: Depth) -> None:
        super().__init__(depth)
        self._positions: dict[PositionKey, PaperPosition] = {}
        self._leverages: dict[tuple[str, str], int] = {}
        self._modes: dict[str, PositionMode] = {}

    def position(self, account: str, trading_pair: str, side: PositionSide) -> PaperPosition:
        """The account's position of that pair and side; an empty one if it was never opened."""
        found = self._positions.get((account, trading_pair, side))
        if found is not None:
            return found
        return PaperPosition(account=account, trading_pair=trading_pair, side=side, updated_at=moment_of(self.tick))

    def positions(self, account: str | None = None, trading_pair: str | None = None) -> Iterator[PaperPosition]:
        """The open positions, of one account and pair if they are given, sorted by account, pair and side."""
        for key in sorted(self._positions):
            position = self._positions[key]
            if position.is_open and account in (None, position.account) and trading_pair in (None, key[1]):
                yield position

    def has_positions(self) -> bool:
        return any(position.is_open for position in self._positions.values())

    def leverage(self, account: str, trading_pair: str) -> int:
        return self._leverages.get((account, trading_pair), DEFAULT_LEVERAGE)

    def mode(self, account: str) -> PositionMode:
        return self._modes.get(account, PositionMode.ONEWAY)

    def orders_of(self, account: str, trading_pair: str | None = None) -> list[PerpetualOrder]:
        """The account's open orders, oldest first."""
        return [
            order
            for order in self.orders.values()
            if isinstance(order, PerpetualOrder)
            and order.account == account
            and trading_pair in (None, order.trading_pair)
        ]

    def save_position(self, position: PaperPosition) -> PaperPosition:
        self._positions[position.key] = position
        self._changes.positions[position.key] = position
        return position

    def save_leverage(self, account: str, trading_pair: str, leverage: int) -> None:
        self._leverages[(account, trading_pair)] = leverage
        self._changes.leverages[(account, trading_pair)] = leverage

    def save_mode(self, account: str, mode: PositionMode) -> None:
        self._modes[account] = mode
        self._changes.modes[account] = mode

    def add_funding(self, funding: PaperFunding) -> None:
        self._changes.fundings.append(funding)

    def restore_perpetual(
        self,
        positions: Iterable[PaperPosition],
        leverages: Iterable[tuple[str, str, int]],
        modes: Iterable[tuple[str, PositionMode]],
    ) -> None:
        """Load what the store has, all of it or only what is newer."""
        self._positions.update((position.key, position) for position in positions)
        self._leverages.update(((account, trading_pair), leverage) for account, trading_pair, leverage in leverages)
        self._modes.update(modes)
