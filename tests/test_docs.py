"""The documentation against the live program: every setting, command, error, connector and problem has its place."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from app.cli import main
from app.connectors.registry import CONNECTORS
from app.domain.errors import OrdergateError
from openapi import load_spec

ROOT = Path(__file__).resolve().parent.parent
OPERATIONS = (ROOT / "docs" / "run" / "operations.md").read_text(encoding="utf-8")
SETTINGS_PAGE = (ROOT / "docs" / "run" / "settings.md").read_text(encoding="utf-8")
ERRORS = (ROOT / "docs" / "trade" / "errors.md").read_text(encoding="utf-8")
ACCESS = (ROOT / "docs" / "run" / "access.md").read_text(encoding="utf-8")
CONNECTORS_PAGE = (ROOT / "docs" / "connect" / "exchanges.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "app" / "settings.py").read_text(encoding="utf-8")


def commands(group: click.Group, prefix: str = "ordergate") -> Iterator[str]:
    """Every command of the program with its groups."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}"


def error_classes(root: type[OrdergateError] = OrdergateError) -> Iterator[type[OrdergateError]]:
    """Every error that a caller can meet."""
    for kind in root.__subclasses__():
        yield kind
        yield from error_classes(kind)


@pytest.mark.parametrize("name", sorted(set(re.findall(r'env\.\w+\("([A-Z_]+)"', SETTINGS))))
def test_every_setting_is_documented(name: str) -> None:
    """docs/run/settings.md has a row for each environment variable that the settings read."""
    assert f"`{name}`" in SETTINGS_PAGE


@pytest.mark.parametrize("command", sorted(commands(main)))
def test_every_command_is_documented(command: str) -> None:
    """docs/run/operations.md names each command."""
    assert command in OPERATIONS


@pytest.mark.parametrize("name", sorted(CONNECTORS))
def test_every_connector_is_documented(name: str) -> None:
    """docs/connect/exchanges.md has a row for each connector that can trade."""
    assert f"`{name}`" in CONNECTORS_PAGE


def error_row(kind: type[OrdergateError]) -> str:
    """The row that docs/trade/errors.md must have for an error."""
    sentence = " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())
    return f"| `{kind.code}` | {kind.status} | {'yes' if kind.retryable else 'no'} | {sentence} |"


@pytest.mark.parametrize("kind", sorted(set(error_classes()), key=lambda kind: kind.code), ids=lambda kind: kind.code)
def test_every_error_is_documented(kind: type[OrdergateError]) -> None:
    """docs/trade/errors.md has a row with the code, the status, whether to retry, and the meaning as the class states it."""
    assert error_row(kind) in ERRORS


@pytest.mark.parametrize("page", [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of the documentation names a file that exists, and a heading of it."""
    targets = re.findall(r"\]\(([^):#]*)(?:#([^):]+))?\)", page.read_text(encoding="utf-8"))
    assert [name for name, _ in targets if not (page.parent / name).exists()] == []
    assert [
        f"{name}#{heading}"
        for name, heading in targets
        if heading and heading not in headings(page.parent / name if name else page)
    ] == []


def headings(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in found}


def test_every_code_of_an_answer_that_is_no_error_is_documented() -> None:
    """docs/trade/errors.md has a row for codes that the edge writes without an error's class, such as that of a redirect."""
    written = {
        code
        for module in (ROOT / "app" / "web").rglob("*.py")
        for code in re.findall(r'"code": "([a-z_]+)"', module.read_text(encoding="utf-8"))
    }
    assert "moved" in written
    assert {code for code in written if f"| `{code}` |" not in ERRORS} == set()


def test_scopes_that_no_operation_demands_are_called_reserved() -> None:
    """docs/run/access.md says so of exactly those; `admin` is looked at beside the scope of an operation."""
    spec = load_spec()
    demanded = {
        each["x-scope"]
        for item in spec["paths"].values()
        for each in item.values()
        if isinstance(each, dict) and "x-scope" in each
    }
    sentence = re.search(r"^(.*) are reserved: no operation", ACCESS, flags=re.MULTILINE)
    assert sentence is not None
    assert (
        set(re.findall(r"`([a-z:]+)`", sentence[1]))
        == set(spec["components"]["schemas"]["Scope"]["enum"]) - {"admin"} - demanded
    )


def test_no_two_decisions_share_a_number() -> None:
    """The number in the name of an ADR is its own, and that of its heading."""
    pages = sorted((ROOT / "docs" / "adr").glob("*.md"))
    numbers = [int(page.name[:4]) for page in pages]
    assert len(set(numbers)) == len(numbers)
    assert [
        page.name for page in pages if not page.read_text(encoding="utf-8").startswith(f"# {int(page.name[:4])}. ")
    ] == []


def test_the_members_of_a_problem_are_those_of_the_page() -> None:
    """docs/trade/errors.md and the contract name the same members, and no meaning in the table names another one."""
    schemas = load_spec()["components"]["schemas"]
    page = re.findall(r"^\| (`[a-z_`, ]+`) \| (?!\d)", ERRORS, flags=re.MULTILINE)
    named = {name for cell in page for name in re.findall(r"`([a-z_]+)`", cell)}
    assert named == set(schemas["Problem"]["properties"])
    said = set(re.findall(r"``([a-z_]+)``", ERRORS))
    assert said <= named
    fault = re.search(r"A fault has (.*?)\. A field", ERRORS, flags=re.DOTALL)
    assert fault is not None
    assert set(re.findall(r"`([a-z_]+)` \(", fault.group(1))) == set(schemas["Fault"]["properties"])
