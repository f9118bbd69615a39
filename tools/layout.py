"""The shape of the code as figures: how full directories are, how long files and functions, and how many modules the walks enter.

python -m tools.layout              this checkout
python -m tools.layout --root PATH  another one, such as the commit before
"""

from __future__ import annotations

import argparse
import ast
import configparser
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tools.walks import ROOT, walks

#: Written by a tool from the contract, so its length is the contract's.
GENERATED = {"app/handlers/schemas.py"}


def modules(root: Path) -> dict[str, str]:
    """Each module of the program: its path from the root, and its text."""
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in sorted(root.glob("app/**/*.py"))
    }


def files_by_directory(paths: Iterator[str] | list[str]) -> Counter[str]:
    """How many modules each directory holds; the one that makes it a package is not counted."""
    return Counter(path.rpartition("/")[0] for path in paths if not path.endswith("__init__.py"))


def function_lengths(text: str) -> Iterator[tuple[int, str]]:
    """The lines and the name of each function, from its first statement on; a docstring does not make it long."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            if body:
                yield (node.end_lineno or 0) - body[0].lineno + 1, node.name


def import_contracts(root: Path) -> list[str]:
    """The names of the import contracts."""
    setup = configparser.ConfigParser()
    setup.read(root / "setup.cfg")
    return [setup[name]["name"] for name in setup.sections() if name.startswith("importlinter:contract:")]


def report(root: Path) -> Iterator[str]:
    """The figures, line by line."""
    texts = modules(root)
    yield f"modules: {len(texts)} with {sum(len(text.splitlines()) for text in texts.values())} lines"
    yield "files per directory:"
    for directory, count in files_by_directory(list(texts)).most_common():
        yield f"  {count:3} {directory}"
    written = {path: text for path, text in texts.items() if path not in GENERATED}
    lines, path = max((len(text.splitlines()), path) for path, text in written.items())
    yield f"largest file: {lines} lines, {path}"
    length, name, path = max(
        (length, name, path)
        for path, text in written.items()
        if "/migrations/" not in path
        for length, name in function_lengths(text)
    )
    yield f"longest function: {length} lines, {name} in {path}"
    contracts = import_contracts(root)
    yield f"import contracts: {len(contracts)}"
    yield from (f"      {name}" for name in contracts)
    yield "modules on the walks:"
    yield from (f"  {len(entered):3} {walk}" for walk, entered in walks(root).items())


def main() -> None:
    parser = argparse.ArgumentParser(description="The shape of the code as figures.")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout to measure")
    for line in report(parser.parse_args().root.resolve()):
        print(line)


if __name__ == "__main__":
    main()
