"""What an operator chose is kept, by name, in either database."""

from __future__ import annotations

from app.storage.database import Database
from app.storage.preferences import Preferences


def test_a_choice_is_kept_and_replaced(database_url: str) -> None:
    """What was put last is what another process finds; names do not touch each other; without a choice there is nothing."""
    database = Database(database_url)
    preferences = Preferences(database)
    assert preferences.get("colour") == {}
    blue = {"name": "blue", "shades": [1, 2]}
    assert preferences.replace("colour", {}, blue)
    assert preferences.replace("other", {}, {"name": "x"})
    assert preferences.replace("colour", preferences.get("colour"), {"name": "grün"})
    database.dispose()

    again = Database(database_url)
    assert Preferences(again).get("colour") == {"name": "grün"}
    assert Preferences(again).get("other") == {"name": "x"}
    again.dispose()


def test_a_choice_replaces_only_the_one_that_it_was_made_from(database_url: str) -> None:
    """Of two that read the same choice, or none, the second to write changes nothing and learns that."""
    database = Database(database_url)
    preferences = Preferences(database)
    assert preferences.replace("colour", {}, {"name": "grün"})
    assert not preferences.replace("colour", {}, {"name": "red"})
    assert preferences.replace("colour", {"name": "grün"}, {"name": "blue"})
    assert not preferences.replace("colour", {"name": "grün"}, {"name": "red"})
    assert preferences.get("colour") == {"name": "blue"}
    database.dispose()
