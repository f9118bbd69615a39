"""Conversion between the perpetual exchange's records and the rows of its tables."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from sqlalchemy import Row

from app.domain.enums import PositionSide
from app.paper import rows
from app.paper.perpetual.orders import PaperFunding, PerpetualFill, PerpetualOrder
from app.paper.perpetual.positions import PaperPosition


def order_of(row: Row[Any]) -> PerpetualOrder:
    values = row._mapping
    return PerpetualOrder(
        position_side=PositionSide(values["position_side"]),
        reduce_only=bool(values["reduce_only"]),
        **rows.record_row(rows.order_of(row)),
    )


def fill_of(row: Row[Any]) -> PerpetualFill:
    values = row._mapping
    return PerpetualFill(
        position_side=PositionSide(values["position_side"]),
        realized_pnl=values["realized_pnl"],
        is_liquidation=bool(values["is_liquidation"]),
        **rows.record_row(rows.fill_of(row)),
    )


def position_of(row: Row[Any]) -> PaperPosition:
    return PaperPosition(**_values(PaperPosition, row))


def funding_of(row: Row[Any]) -> PaperFunding:
    return PaperFunding(**_values(PaperFunding, row))


def _values(kind: Any, row: Row[Any]) -> dict[str, Any]:
    """The fields of a record from the columns of the same names."""
    values = {field.name: row._mapping[field.name] for field in fields(kind)}
    return values | {"side": PositionSide(values["side"])}
