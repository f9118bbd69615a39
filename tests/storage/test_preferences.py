"""What an operator chose is kept, by name, in either database."""

from __future__ import annotations

from app.storage.database import Database
from app.storage.preferences import Preferences


def test_a_choice_is_kept_and_replaced(database_url: str) -> None:
    """What was put last is what another process finds; names do not touch each other; without a choice there is nothing."""
    database = Database(database_url)
    preferences = Preferences(database)
    assert preferences.get("colour") == {}
    preferences.put("colour", {"name": "blue", "shades": [1, 2]})
    preferences.put("other", {"name": "x"})
    preferences.put("colour", {"name": "grün"})
    database.dispose()

    again = Database(database_url)
    assert Preferences(again).get("colour") == {"name": "grün"}
    assert Preferences(again).get("other") == {"name": "x"}
    again.dispose()
