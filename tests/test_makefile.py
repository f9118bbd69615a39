"""What `make` says of a Python that can't be used, before it installs anything."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

#: A Python that says of itself that it is an old one.
_OLD = """#!/bin/sh
exec {python} -c 'import sys
sys.version_info = (3, 9, 18)
sys.version = "3.9.18 (main)"
sys.executable = "{path}"
exec(sys.argv[2])' "$@"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What `make` needs of a checkout to look at its Python."""
    (tmp_path / "app").mkdir()
    for name in ("Makefile", "app/__init__.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-build.txt"):
        (tmp_path / name).touch()
    return tmp_path


def old_python(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_OLD.format(python=sys.executable, path=path))
    path.chmod(0o755)
    return path


def make(checkout: Path, *arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
    """Run make; ``path`` is searched before PATH."""
    environment = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}"} if path else None
    return subprocess.run(
        ["make", "-C", str(checkout), *arguments], env=environment, capture_output=True, text=True, check=False
    )


def test_an_old_python_is_told_before_anything_is_made(checkout: Path) -> None:
    """Which it is, which is needed, and how to name another."""
    old = old_python(checkout / "python3.9")
    made = make(checkout, "run", f"PYTHON={old}")
    assert made.returncode != 0
    assert f"Ordergate needs Python 3.11 or newer, and {old} is Python 3.9.18." in made.stderr
    assert "make run PYTHON=" in made.stderr
    assert "Traceback" not in made.stderr
    assert not (checkout / ".venv").exists()


def test_a_python_that_is_not_there_is_told(checkout: Path) -> None:
    """As one that is to be installed."""
    made = make(checkout, "test-gateway", "PYTHON=python3.99")
    assert made.returncode != 0
    assert "Install Python 3.11 or newer, and name it: make test-gateway PYTHON=" in made.stderr


@pytest.mark.parametrize("kind", ["old", "moved", "empty"])
def test_an_environment_of_another_python_is_told(checkout: Path, kind: str) -> None:
    """Of an older one, of one that is not there any more, or of one that the packages were not installed for."""
    python = checkout / ".venv" / "bin" / "python"
    if kind == "old":
        old_python(python)
    elif kind == "moved":
        python.parent.mkdir(parents=True)
        python.symlink_to("/nowhere/python3.11")
    else:
        venv.create(checkout / ".venv", symlinks=True)
        (checkout / ".venv" / ".runtime").touch()
    made = make(checkout, "run")
    assert made.returncode != 0
    assert "Remove it with 'make clean' and run this again" in made.stderr


def test_a_good_environment_is_taken_whatever_python3_is(checkout: Path) -> None:
    """The environment's own Python counts. Nothing is said."""
    (checkout / ".venv").symlink_to(sys.prefix)
    old_python(checkout / "python3")
    made = make(checkout, "--silent", "python", path=str(checkout))
    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")


def test_a_python_that_is_named_is_taken_or_refused(checkout: Path) -> None:
    """An environment that another one made is not used in its place in silence."""
    (checkout / ".venv").symlink_to(sys.prefix)
    old = old_python(checkout / "python3.9")
    made = make(checkout, "--silent", "python", f"PYTHON={old}")
    assert made.returncode != 0
    assert "Remove it with 'make clean' first." in made.stderr
    made = make(checkout, "--silent", "python", f"PYTHON={sys.executable}")
    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")


@pytest.mark.parametrize("command", [("-m", "app", "serve"), ("-m", "app", "--version")])
def test_every_command_tells_an_old_python(command: tuple[str, ...], tmp_path: Path) -> None:
    """In one line, and nothing of the program is run."""
    code = (
        f"import sys, runpy; sys.version_info = (3, 10, 1); sys.argv = {list(command)!r}; "
        "runpy.run_module('app', run_name='__main__')"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "ORDERGATE_DATA_DIR": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 1
    assert told.stderr.startswith("Ordergate needs Python 3.11 or newer, and ")
    assert told.stderr.count("\n") == 1


def test_what_takes_long_is_told_before_it_begins(checkout: Path) -> None:
    """Packages are installed for a minute or two without a word, so the line comes first."""
    python = checkout / "python3"
    python.write_text(f'#!/bin/sh\nif test "$1" = -m; then echo "began: $*"; exit 1; fi\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    made = make(checkout, "run", f"PYTHON={python}")
    assert made.returncode != 0
    said, began = made.stdout.find("Installing the packages of requirements.txt"), made.stdout.find("began: -m venv")
    assert 0 <= said < began, made.stdout + made.stderr
