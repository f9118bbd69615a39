"""Settings from the environment: what is understood, and what stops the start with the variable's name."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from environs import EnvError

from app import settings as settings_module
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


@pytest.mark.parametrize("name", ["desk:1", ":", "", "a\nb", "a\x00b"])
def test_a_user_who_could_never_sign_in_stops_the_start(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The first colon ends the name where somebody signs in, so a name with one is another name there."""
    monkeypatch.setattr("os.environ", {**os.environ, "ORDERGATE_USERNAME": name})
    with pytest.raises(EnvError, match="ORDERGATE_USERNAME"):
        load_settings()


@pytest.mark.parametrize("name", ["admin", "o'neill", "a b", "ü/€@x"])
def test_other_signs_in_a_user_s_name(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Nothing parts a name there."""
    monkeypatch.setenv("ORDERGATE_USERNAME", name)
    assert load_settings().username == name


@pytest.mark.parametrize("where", ["data?x", "a\nb"])
def test_a_directory_that_would_not_be_the_one_used_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str
) -> None:
    """The address of a SQLite file ends at a question mark: the journal would lie in another file than the one that was named."""
    monkeypatch.setenv("ORDERGATE_DATA_DIR", str(tmp_path / where))
    with pytest.raises(EnvError, match="ORDERGATE_DATA_DIR"):
        load_settings()
    monkeypatch.chdir((tmp_path / "up?").mkdir() or tmp_path / "up?")
    monkeypatch.setenv("ORDERGATE_DATA_DIR", "data")
    with pytest.raises(EnvError, match="ORDERGATE_DATA_DIR"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("ORDERGATE_BINANCE_REST_URL", "https://desk:canary@exchange.example/api"),
        ("ORDERGATE_BINANCE_REST_URL", "https://exchange.example/api?key=canary"),
        ("ORDERGATE_BINANCE_REST_URL", "https://exchange.example/api#x"),
        ("ORDERGATE_BINANCE_REST_URL", "exchange.example/api"),
        ("ORDERGATE_BINANCE_REST_URL", "wss://exchange.example/api"),
        ("ORDERGATE_BINANCE_REST_URL", "https://"),
        ("ORDERGATE_BINANCE_STREAM_URL", "https://exchange.example/"),
        ("ORDERGATE_BINANCE_WS_API_URL", "wss://exchange.example/ws?x=1"),
    ],
)
def test_an_exchange_s_address_is_an_address_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    """Paths are put behind it, so a query would swallow them; credentials have a place of their own."""
    monkeypatch.setenv(name, url)
    with pytest.raises(EnvError, match=name) as raised:
        load_settings()
    assert "canary" not in str(raised.value)


def test_an_exchange_s_address_may_have_a_port_and_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also as IPv6."""
    monkeypatch.setenv("ORDERGATE_BINANCE_REST_URL", "http://[::1]:9000/api/")
    monkeypatch.setenv("ORDERGATE_BINANCE_STREAM_URL", "ws://127.0.0.1:9001/")
    urls = load_settings().connector_urls
    assert urls["ORDERGATE_BINANCE_REST_URL"] == "http://[::1]:9000/api/"


def test_a_variable_that_is_no_setting_is_named_with_the_nearest_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its value, which may be a password."""
    for name in [name for name in os.environ if name.startswith("ORDERGATE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ORDERGATE_REQUIRE_LIMIT", "1")
    monkeypatch.setenv("ORDERGATE_PASWORD", "canary")
    monkeypatch.setenv("ORDERGATE_REQUIRE_LIMITS", "1")
    assert load_settings().strange_variables == (
        "ORDERGATE_PASWORD is no setting and has no effect. Did you mean ORDERGATE_PASSWORD?",
        "ORDERGATE_REQUIRE_LIMIT is no setting and has no effect. Did you mean ORDERGATE_REQUIRE_LIMITS?",
    )


def test_every_setting_that_is_read_is_known() -> None:
    """So no right one is called strange."""
    source = Path(settings_module.__file__).read_text()
    for name in set(re.findall(r'env\.\w+\(\s*"(ORDERGATE_\w+)"', source)):
        assert name in settings_module._VARIABLES, name


@pytest.mark.parametrize(("text", "host"), [("[::1]", "::1"), ("::", "::"), (" 0.0.0.0 ", "0.0.0.0"), ("", "")])
def test_brackets_around_an_address_are_none_of_it(monkeypatch: pytest.MonkeyPatch, text: str, host: str) -> None:
    """They belong into a URL; people write them here too."""
    monkeypatch.setenv("HOST", text)
    assert load_settings().host == host
