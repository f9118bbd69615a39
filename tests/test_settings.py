"""Settings from the environment: what is understood, and what stops the start with the variable's name."""

from __future__ import annotations

import pytest
from environs import EnvError

from app.settings import load_settings


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", ()),
        ("*", ("*",)),
        ("https://desk.example/", ("https://desk.example",)),
        (" http://localhost:3000, https://desk.example ,", ("http://localhost:3000", "https://desk.example")),
    ],
)
def test_origins_are_a_list(monkeypatch: pytest.MonkeyPatch, text: str, origins: tuple[str, ...]) -> None:
    """Origins are separated by commas; blanks and a last slash do no harm."""
    monkeypatch.setenv("ORDERGATE_CORS_ORIGINS", text)
    assert load_settings().cors_origins == origins


@pytest.mark.parametrize("text", ["desk.example", "https://desk.example/page", "https://*.example", "http://a b"])
def test_what_no_browser_sends_as_an_origin_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """An origin that could never match is a mistake worth stopping for."""
    monkeypatch.setenv("ORDERGATE_CORS_ORIGINS", text)
    with pytest.raises(EnvError, match="ORDERGATE_CORS_ORIGINS"):
        load_settings()
