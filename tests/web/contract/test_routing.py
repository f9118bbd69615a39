"""The route table."""

from __future__ import annotations

import pytest

from app.web.contract.routing import RouteTable
from app.web.scope import path_of


def table_of(*paths: str, method: str = "GET") -> RouteTable:
    table = RouteTable()
    for path in paths:
        assert table.add(method, path, {"id": "string", "n": "integer"}, {"path": path})
    return table


@pytest.mark.parametrize(
    ("path", "found", "parameters"),
    [
        ("/", "/", {}),
        ("/a/", "/a/", {}),
        ("/a/x", "/a/{id}", {"id": "x"}),
        ("/a/fixed", "/a/fixed", {}),
        ("/a/fixed/b", "/a/{id}/b", {"id": "fixed"}),
        ("/a/fixed/c", "/a/fixed/c", {}),
        ("/a/7/n/-3", "/a/{id}/n/{n}", {"id": "7", "n": "-3"}),
        ("/a/é ü/b", "/a/{id}/b", {"id": "é ü"}),
    ],
)
def test_paths_that_are_found(path: str, found: str, parameters: dict[str, str]) -> None:
    """Static before templated, with a way back where the static branch ends nowhere."""
    table = table_of("/", "/a/", "/a/{id}", "/a/fixed", "/a/{id}/b", "/a/fixed/c", "/a/{id}/n/{n}")
    match = table.find("GET", path)
    assert match is not None
    route, values = match
    assert (route.context["path"], values) == (found, parameters)


@pytest.mark.parametrize(
    "path", ["", "/a", "/a//b", "/a/x/", "/a/x/n/y", "/a/x/n/", "/a/x/n/" + "9" * 20, "/a/x/b/c", "a/x", "/a/x\n/c"]
)
def test_paths_that_are_not(path: str) -> None:
    """Empty segments, stray slashes, text where an integer belongs."""
    table = table_of("/a/", "/a/{id}", "/a/{id}/b", "/a/{id}/n/{n}")
    assert table.find("GET", path) is None
    assert table.methods(path) == []


def test_an_exact_path_hides_a_template_for_every_method() -> None:
    """As OpenAPI says: the concrete path is matched first, and it has only the methods that it has."""
    table = table_of("/o/{id}")
    assert table.add("POST", "/o/search", {}, {"path": "search"})
    assert table.find("GET", "/o/search") is None
    assert table.methods("/o/search") == ["POST"]
    assert sorted(table.methods("/o/searches")) == ["GET", "HEAD"]


@pytest.mark.parametrize(
    ("path", "types"), [("/a/{id}.json", {"id": "string"}), ("/a/{id}", {"id": "path"}), ("/a/{id}", {"id": "number"})]
)
def test_templates_that_are_left_to_connexion(path: str, types: dict[str, str]) -> None:
    """Parts of segments, several segments, and numbers."""
    assert not RouteTable().add("GET", path, types, {})


def test_the_path_below_a_mount_counts() -> None:
    """A proxy may put us below a prefix."""
    assert path_of({"type": "http", "path": "/x/a", "root_path": "/x"}) == "/a"
    assert path_of({"type": "http", "path": "/a"}) == "/a"
