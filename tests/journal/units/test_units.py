"""What the writer writes for callers, it writes only while they hold: every unit says who asks for it, and the writer looks."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module
from types import ModuleType

import app.journal.units
from app.journal.units.approvals import ExpireApprovals
from app.journal.units.balances import RecordBalances
from app.journal.units.dead_man import EndClearing, FireDeadMan, NoteCountdowns, ReadDeadMan
from app.journal.units.orders import OpenOrder, RecordEvents, Unit
from app.journal.units.plain import Probe, RecordAudit
from app.journal.units.safety import AskedUnit, FindEntries, LookAgain, ReadHalts, ReadUsage, SafetyUnit
from app.journal.units.weighing import WeighOrder

#: Who is looked at by an order's guard, when something is written of it.
GUARDED = {OpenOrder, RecordEvents, WeighOrder}
#: What nobody asks for: what the exchange and the clock say, questions, and rows about what was refused.
OWN = {
    EndClearing,
    ExpireApprovals,
    FindEntries,
    FireDeadMan,
    LookAgain,
    NoteCountdowns,
    Probe,
    ReadDeadMan,
    ReadHalts,
    ReadUsage,
    RecordAudit,
    RecordBalances,
}


def modules() -> list[ModuleType]:
    package = app.journal.units
    return [import_module(f"{package.__name__}.{each.name}") for each in pkgutil.iter_modules(package.__path__)]


def units() -> set[type]:
    """Every class of the package that the writer can stage."""
    found = {
        each
        for module in modules()
        for _, each in inspect.getmembers(module, inspect.isclass)
        if each.__module__ == module.__name__ and "stage" in vars(each)
    }
    return found - {SafetyUnit, Unit}


def test_every_unit_says_who_asks_for_it() -> None:
    """By the record of a request, by a guard, or nobody does: a new one must be put to one of these here."""
    asked = {unit for unit in units() if issubclass(unit, AskedUnit)}
    assert len(asked) >= 10
    assert units() == asked | GUARDED | OWN
    assert all("guard" in unit.__annotations__ or unit is WeighOrder for unit in GUARDED)
    assert all("record" not in getattr(unit, "__annotations__", {}) for unit in OWN - {RecordAudit})
