"""The shape of the code, checked: which way imports go, and the habits that money depends on.

The import contracts are in ``setup.cfg`` and are run here as CI runs them; each is also shown to break, on a copy of the tree
with one wrong line planted. What import-linter can't see (the clock, the environment, floats) is read from the source.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tools.layout import files_by_directory

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "app"
#: The packages on whose paths money travels.
MONEY = ("domain", "journal", "connectors", "services", "paper")
#: Written by a tool from the contract, so its length is the contract's.
GENERATED = {"app/handlers/schemas.py"}
#: Where values stand, beside the domain, that packages hand each other.
SHARED = (
    "app/connectors/base.py",
    "app/connectors/capabilities.py",
    "app/connectors/rows.py",
    "app/journal/records.py",
)
#: Sums while they are being added up; everything else that packages hand each other is frozen.
RUNNING_SUMS = {"app/domain/markets/distribution.py"}
MAX_MODULES = 20
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60


def modules() -> Iterator[tuple[str, str]]:
    """Each module of the package: its path from the root, and its text."""
    for path in sorted(APP.rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--config", "setup.cfg", "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=60)


def copied_to(directory: Path) -> Path:
    """A copy of the package and its contracts that a test may spoil."""
    shutil.copytree(APP, directory / "app", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "setup.cfg", directory)
    return directory


# -- imports ------------------------------------------------------------------------------------------------------------


def test_import_contracts_are_kept() -> None:
    """Every import contract of setup.cfg holds for the tree as it is."""
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " 0 broken" in result.stdout


#: Lines that a module must not have, or modules that must not be (no line), and a part of the name of the contract that says so.
PLANTED = [
    pytest.param("app/domain/fill.py", "import app.journal", "Imports go one way", id="domain-journal"),
    pytest.param("app/journal/rows.py", "import app.services", "Imports go one way", id="journal-services"),
    pytest.param("app/journal/rows.py", "import app.vault", "Imports go one way", id="journal-beside-vault"),
    pytest.param("app/storage/tables.py", "import app.journal.rows", "Imports go one way", id="storage-journal"),
    pytest.param("app/journal/rows.py", "import app.journal.batch", "The journal is built", id="in-journal"),
    pytest.param("app/journal/novelty.py", "", "The journal is built", id="journal-without-a-place"),
    pytest.param("app/storage/tables.py", "import app.storage.schema", "The storage is built", id="in-storage"),
    pytest.param("app/storage/novelty.py", "", "The storage is built", id="storage-without-a-place"),
    pytest.param("app/web/contract/body.py", "import app.web.sockets", "The edge is built", id="contract-sockets"),
    pytest.param("app/web/messages.py", "import app.web.contract.body", "The edge is built", id="answers-contract"),
    pytest.param("app/web/novelty.py", "", "The edge is built", id="web-without-a-place"),
    pytest.param("app/web/contract/faults.py", "import app.web.contract.schema", "The contract at", id="in-contract"),
    pytest.param("app/web/contract/novelty.py", "", "The contract at", id="contract-without-a-place"),
    pytest.param("app/paper/book.py", "import app.connectors", "Imports go one way", id="paper-connectors"),
    pytest.param(
        "app/services/reconciling/feed.py", "import app.handlers", "Imports go one way", id="services-handlers"
    ),
    pytest.param("app/handlers/pages.py", "import app.web", "Imports go one way", id="handlers-web"),
    pytest.param(
        "app/services/orders/placing.py",
        "import app.services.reconciling.settling",
        "Services import one way",
        id="orders-reconciling",
    ),
    pytest.param(
        "app/services/orders/checks.py",
        "import app.services.accounts.users",
        "Services import",
        id="orders-accounts",
    ),
    pytest.param(
        "app/services/accounts/users.py",
        "import app.services.orders.checks",
        "Services import",
        id="accounts-orders",
    ),
    pytest.param(
        "app/services/markets/rules.py",
        "import app.services.accounts.users",
        "Services import",
        id="markets-accounts",
    ),
    pytest.param(
        "app/services/sessions.py", "import app.services.markets.rules", "Services import", id="sessions-markets"
    ),
    pytest.param(
        "app/services/reconciling/feed.py",
        "import app.services.event_streams",
        "Services import one way",
        id="reconciling-beside-streams",
    ),
    pytest.param("app/services/novelty.py", "", "Services import one way", id="service-without-a-place"),
    pytest.param(
        "app/handlers/pages.py", "import app.journal.reading.reader", "Handlers and the edge read", id="reads"
    ),
    pytest.param("app/novelty.py", "", "Imports go one way", id="module-without-a-place"),
    pytest.param("app/novelties/__init__.py", "", "Imports go one way", id="package-without-a-place"),
    pytest.param("app/paper/engine.py", "import app.paper.perpetual.engine", "The paper exchange", id="perpetual"),
    pytest.param("app/paper/book.py", "import app.paper.exchange", "The paper exchange", id="book-exchange"),
    pytest.param("app/paper/novelty.py", "", "The paper exchange", id="paper-module-without-a-place"),
    pytest.param("app/sandbox/rest.py", "import app.sandbox.binance.gate", "The sandbox's root", id="root-binance"),
    pytest.param("app/sandbox/novelty.py", "", "The sandbox's root", id="sandbox-module-without-a-place"),
    pytest.param(
        "app/sandbox/binance/futures/feed.py",
        "import app.sandbox.binance.spot",
        "Binance's markets",
        id="futures-spot",
    ),
    pytest.param(
        "app/sandbox/binance/spot/feed.py",
        "import app.sandbox.binance.futures",
        "Binance's markets",
        id="spot-futures",
    ),
    pytest.param(
        "app/sandbox/binance/gate.py", "import app.sandbox.binance.spot", "Binance's markets", id="shared-spot"
    ),
    pytest.param("app/sandbox/binance/novelty.py", "", "Binance's markets", id="binance-module-without-a-place"),
    pytest.param("app/domain/fill.py", "from app.clock import Clock", "The domain knows no clock", id="clock"),
    pytest.param("app/domain/fill.py", "import app.settings", "The domain knows no clock", id="settings"),
    pytest.param("app/services/reconciling/feed.py", "import binance", "Exchange SDKs stay", id="sdk"),
    pytest.param("app/web/sockets/router.py", "import aiohttp", "Exchange SDKs stay", id="aiohttp-in-web"),
    pytest.param("app/paper/book.py", "from websockets import sync", "Exchange SDKs stay", id="websockets"),
    pytest.param("app/bootstrap.py", "import ccxt", "Exchange SDKs stay", id="ccxt"),
    pytest.param(
        "app/services/reconciling/feed.py", "from sqlalchemy import select", "SQL stays", id="sql-in-services"
    ),
    pytest.param("app/connectors/base.py", "import sqlalchemy", "SQL stays", id="sql-in-connectors"),
    pytest.param("app/services/reconciling/feed.py", "import flask", "HTTP frameworks", id="flask"),
    pytest.param("app/journal/rows.py", "from connexion import problem", "HTTP frameworks", id="connexion"),
    pytest.param("app/domain/order.py", "import marshmallow", "HTTP frameworks", id="marshmallow"),
    pytest.param(
        "app/services/reconciling/feed.py",
        "from app.connectors.binance import rules",
        "Connectors are reached",
        id="registry",
    ),
    pytest.param(
        "app/services/sessions.py", "import app.connectors.redaction", "Connectors are reached", id="redaction"
    ),
    pytest.param(
        "app/connectors/common/connector.py",
        "import app.connectors.binance.outcomes",
        "A connector knows no other",
        id="common-exchange",
    ),
    pytest.param(
        "app/connectors/common/http.py",
        "import app.connectors.known",
        "A connector knows no other",
        id="common-known",
    ),
    pytest.param(
        "app/connectors/paper/spot.py",
        "import app.connectors.binance.orders",
        "A connector knows no other",
        id="paper-binance",
    ),
    pytest.param("app/connectors/base.py", "import app.connectors.common", "A connector knows no other", id="base"),
    pytest.param("app/connectors/kraken.py", "", "A connector knows no other", id="connector-without-a-place"),
]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What import-linter finds in a copy of the tree with everything in ``PLANTED``: the name of each broken contract, and why."""
    root = copied_to(tmp_path_factory.mktemp("planted"))
    for module, line, _ in (each.values for each in PLANTED):
        path = root / str(module)
        path.parent.mkdir(exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
    result = lint_imports(root)
    assert result.returncode == 1
    report = result.stdout.partition("Broken contracts\n")[2]
    # A heading is underlined, and both may be wrapped.
    parts = re.split(r"^(\S.*(?:\n\S.*)?)\n-{4,}\n(?:-+\n)?\n", report, flags=re.MULTILINE)
    return {" ".join(name.split()): why for name, why in zip(parts[1::2], parts[2::2], strict=True)}


@pytest.mark.parametrize(("module", "line", "broken"), PLANTED)
def test_broken_contract_is_found(verdicts: dict[str, str], module: str, line: str, broken: str) -> None:
    """A wrong import, or a module without a place among the layers, is named under the contract that forbids it."""
    dotted = re.escape(module.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    imported = re.escape(re.sub(r"^(import|from) (\S+).*", r"\2", line))
    named = rf"{dotted} -> {imported}(\.\w+)* \(l\.\d+\)$" if line else rf"^- {dotted}$"
    [why] = [why for name, why in verdicts.items() if broken in name]
    assert re.search(named, why, re.MULTILINE), why


def test_registry_and_contract_are_open_to_services(tmp_path: Path) -> None:
    """The contract of a connector and the registry are what the rest of the program may import."""
    copy = copied_to(tmp_path)
    with (copy / "app/services/markets/novelty.py").open("w", encoding="utf-8") as file:
        file.write("from app.connectors.base import Connector\nimport app.connectors.registry\n")
    result = lint_imports(copy)
    assert result.returncode == 0, result.stdout + result.stderr


def test_callers_read_through_services() -> None:
    """No handler and no socket reaches past the services for what is recorded, so that one place can decide what a caller sees."""
    outside = {path for path, _ in modules() if not path.startswith(("app/handlers/", "app/web/"))}
    assert places(r"gateway\.journal", except_in=outside) == []
    assert places(r"self\.journal", except_in=set()), "the search finds the gateway's own uses"


def imported_roots(tree: ast.Module) -> set[str]:
    """The top-level names of all that a module imports, wherever in it."""
    roots: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            roots |= {"app.domain" if node.module.startswith("app.domain") else node.module.split(".")[0]}
    return roots


def test_domain_imports_only_the_standard_library() -> None:
    """The domain needs nothing but itself and the pure parts of the standard library."""
    impure = {
        "asyncio",
        "concurrent",
        "http",
        "io",
        "logging",
        "os",
        "pathlib",
        "random",
        "secrets",
        "socket",
        "sqlite3",
    }
    impure |= {"ssl", "subprocess", "threading", "time", "urllib"}
    # msgspec is pure: values on the order path are its structs (ADR 10).
    allowed = (set(sys.stdlib_module_names) - impure) | {"app.domain", "msgspec"}
    strangers = {
        path: sorted(imported_roots(ast.parse(text)) - allowed)
        for path, text in modules()
        if path.startswith("app/domain/")
    }
    assert {path: found for path, found in strangers.items() if found} == {}


def test_foreign_import_in_the_domain_is_seen() -> None:
    """The reader of imports sees them also inside functions and in both spellings."""
    text = "import os.path\ndef f():\n    from app.settings import Settings\n    from app.domain.fill import Fill\n"
    assert imported_roots(ast.parse(text)) == {"os", "app", "app.domain"}


# -- the clock, the environment, floats -----------------------------------------------------------------------------------


def dotted_names(text: str) -> Iterator[tuple[int, str]]:
    """Each ``a.b`` and ``a.b.c`` of a source text with its line; comments and texts do not count."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute):
            yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def places(pattern: str, *, except_in: set[str]) -> list[str]:
    """Where a dotted name that ends as ``pattern`` says is used outside the files that may."""
    ending = re.compile(rf"(?:^|\.)(?:{pattern})$")
    return [
        f"{path}:{line}: {name}"
        for path, text in modules()
        if path not in except_in
        for line, name in dotted_names(text)
        if ending.search(name)
    ]


CLOCK_READS = r"datetime\.now|datetime\.utcnow|datetime\.today|date\.today|time\.time|time\.time_ns"
ENVIRONMENT_READS = r"os\.environ|os\.environb|os\.getenv|os\.putenv"


def test_time_comes_from_the_clock_only() -> None:
    """Nothing reads the system's wall clock except the clock that is passed in."""
    assert places(CLOCK_READS, except_in={"app/clock.py"}) == []
    assert places(CLOCK_READS, except_in=set()), "the search finds the clock itself"


def test_environment_is_read_in_one_place() -> None:
    """Nothing reads the environment except the settings, and the failpoints that must work before there are settings."""
    assert places(ENVIRONMENT_READS, except_in={"app/settings.py", "app/failpoints.py"}) == []
    assert len(places(ENVIRONMENT_READS, except_in=set())) >= 2, "the search finds the two that may"


def floats(text: str) -> list[int]:
    """The lines that call ``float`` without saying why in a ``# float:`` comment."""
    lines = text.splitlines()
    return [
        node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "float"
        and "# float:" not in lines[node.lineno - 1]
    ]


def test_no_float_on_a_money_path() -> None:
    """No number of the money packages passes through a binary float, unless its line says why it may."""
    found = [f"{path}:{line}" for path, text in modules() if path.split("/")[1] in MONEY for line in floats(text)]
    assert found == []


def test_float_is_seen() -> None:
    """A conversion is found unless it gives its reason."""
    assert floats("a = float(1)\nb = float(2)  # float: a duration\n# float(3)\n") == [1]


DECIMAL_CONTEXTS = r"decimal\.(?:Context|DefaultContext|BasicContext|ExtendedContext|setcontext|getcontext)"


def rounding(text: str) -> list[int]:
    """The lines that divide with an operator, or open a context of decimals other than the exact one."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "localcontext":
            if [ast.unparse(each) for each in node.args] != ["EXACT"]:
                found.append(node.lineno)
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            sides = [node.left, node.right] if isinstance(node, ast.BinOp) else [node.target, node.value]
            if any(MONEY_WORDS.search(ast.unparse(side)) for side in sides):
                found.append(node.lineno)
    return found


#: What numbers of money are called.
MONEY_WORDS = re.compile(r"Decimal|ZERO|amount|price|quote|total|fee|cost|margin|balance|quantity|notional|rate\b")


#: Where a division that does not come out even ends at a number of digits, by a context with a name: of rates and average prices.
QUOTIENTS = {"app/domain/markets/rates.py", "app/domain/markets/order_book.py"}


def test_decimals_are_computed_in_the_exact_context() -> None:
    """Money is divided by ``EXACT.divide`` and then rounded by name, and nobody makes another context."""
    assert places(DECIMAL_CONTEXTS, except_in={"app/domain/decimals.py", *QUOTIENTS}) == []
    assert places(DECIMAL_CONTEXTS, except_in=set()), "the search finds the one that may"
    # The paper exchange and the sandbox divide the parameters of markets that they invent.
    invented = ("app/paper/", "app/sandbox/")
    found = [f"{path}:{line}" for path, text in modules() if not path.startswith(invented) for line in rounding(text)]
    assert found == []


def test_rounding_is_seen() -> None:
    """An operator's division of money, and a context that is not the exact one, are found; the division of seconds is not."""
    text = "a = amount / 2\nb = EXACT.divide(price, two)\nc = seconds / 2\nfee /= 3\nwith localcontext(): pass\n"
    assert sorted(rounding(text + "with localcontext(EXACT): pass\n")) == [1, 4, 5]


# -- form ---------------------------------------------------------------------------------------------------------------


def test_every_module_says_what_it_is_for() -> None:
    """Every module opens with a docstring."""
    assert [path for path, text in modules() if not ast.get_docstring(ast.parse(text))] == []


def test_no_file_is_too_long() -> None:
    """A file of more than 400 lines is two files."""
    lengths = {path: len(text.splitlines()) for path, text in modules() if path not in GENERATED}
    assert {path: length for path, length in lengths.items() if length > MAX_FILE_LINES} == {}


def test_no_directory_is_too_full() -> None:
    """More than twenty modules side by side are found by searching only. Migrations are found by their numbers (ADR 12)."""
    counts = files_by_directory([path for path, _ in modules() if "/migrations/" not in path])
    assert {directory: count for directory, count in counts.items() if count > MAX_MODULES} == {}


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function from its first statement on; what it says about itself does not make it long."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_no_function_is_too_long() -> None:
    """A function of more than 60 lines is two functions; only a migration may list its columns at length."""
    found = [
        f"{path}:{node.lineno} {node.name}"
        for path, text in modules()
        if "/migrations/" not in path
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and body_lines(node) > MAX_FUNCTION_LINES
    ]
    assert found == []


def test_shared_values_are_frozen_slotted_and_keyword_only() -> None:
    """The values that packages hand each other do not change, take no more room than they need, and are built by name."""
    loose = [
        f"{path}:{node.lineno} {node.name}"
        for path, text in modules()
        if path.startswith(("app/domain/", *SHARED)) and path not in RUNNING_SUMS
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ClassDef)
        for decorator in node.decorator_list
        if "dataclass" in ast.unparse(decorator)
        and not {"frozen=True", "slots=True", "kw_only=True"} <= set(re.findall(r"\w+=True", ast.unparse(decorator)))
    ]
    assert loose == []


# -- readers ------------------------------------------------------------------------------------------------------------

#: What is read by name from outside of the program, or by a library that is given the class.
HOOKS = {
    "emit": "logging calls it on a handler",
    "process_bind_param": "SQLAlchemy calls it on a column type",
    "process_result_value": "SQLAlchemy calls it on a column type",
    "load_dialect_impl": "SQLAlchemy calls it on a column type",
    "resolve_function_from_operation_id": "Connexion calls it on a resolver",
    "get_fn": "Connexion calls it on a security handler",
    "throw": "asyncio calls it on what a task awaits",
    "throw_exactly_matched_exception": "ccxt calls it after an error answer",
    "throw_broadly_matched_exception": "ccxt calls it after an error answer",
    "safe_float": "ccxt calls it to read an answer",
    "amount_to_precision": "ccxt calls it to write a request",
    "cost_to_precision": "ccxt calls it to write a request",
    "initialize_client": "ccxt calls it before a request",
    "sign_in_with_private_key": "ccxt's class for GRVT calls it before a request",
    "safe_string_2": "ccxt calls it to read an answer",
    "uses_private_key": "ccxt's class for GRVT calls it to sign",
    "acknowledged": "a connector of the family names it to its calls",
}

#: A dotted name in a text: a class that is imported on first use, or that gunicorn loads.
DOTTED = re.compile(r"[A-Za-z_]\w*(?:[.:]\w+)+")


class Readers(ast.NodeVisitor):
    """The names that a source text reads. A definition does not read itself, but what extends a library's method is read by it."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._within: list[str] = []

    def _read(self, name: str) -> None:
        if name not in self._within:
            self.names.add(name)

    def visit(self, node: ast.AST) -> None:
        is_definition = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            self._read(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            if isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") == "super":
                self.names.add(node.attr)
            self._read(node.attr)
        elif isinstance(node, ast.ImportFrom):
            self.names |= {alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and DOTTED.fullmatch(node.value):
            self.names.add(re.split("[.:]", node.value)[-1])
        if is_definition:
            self._within.append(node.name)
        self.generic_visit(node)
        if is_definition:
            self._within.pop()


def defined(text: str) -> Iterator[str]:
    """The public functions, classes and constants of a module, and the methods of its classes. Click reads its commands itself."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef):
            functions = [each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
            yield from (name for name in (node.name, *(each.name for each in functions)) if name[0] != "_")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            is_command = any(re.search(r"\.(command|group)\(", ast.unparse(each)) for each in node.decorator_list)
            if node.name[0] != "_" and not is_command:
                yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (each.id for each in targets if isinstance(each, ast.Name) and each.id[0] != "_")


def read_names(texts: Iterable[str]) -> set[str]:
    """Every name that these source texts read."""
    readers = Readers()
    for text in texts:
        readers.visit(ast.parse(text))
    return readers.names


def readers_of_the_program() -> Iterator[str]:
    """What may read a name: the program, the generator of its code, its benchmarks, and how it is served."""
    for package in ("app", "openapi", "benchmarks"):
        for path in (ROOT / package).rglob("*.py"):
            yield path.read_text(encoding="utf-8")
    for name in ("wsgi.py", "gunicorn.conf.py"):
        yield (ROOT / name).read_text(encoding="utf-8")


def test_everything_public_has_a_reader() -> None:
    """No function, method, class or constant is there for tests alone, or for nobody. Handlers are read by the contract."""
    contract = (ROOT / "openapi" / "trading.yaml").read_text(encoding="utf-8")
    handlers = set(re.findall(r"operationId: \w+\.(\w+)", contract))
    read = read_names(readers_of_the_program()) | handlers
    assert sorted(read & HOOKS.keys()) == [], "what has a reader needs no excuse"
    unread = {
        f"{path}: {name}"
        for path, text in modules()
        if path not in GENERATED and "/migrations/" not in path
        for name in defined(text)
        if name not in read and name not in HOOKS
    }
    assert unread == set()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("def novelty() -> None:\n    novelty()", "novelty"),
        ("async def novelty() -> None:\n    pass", "novelty"),
        ("class Novelty:\n    pass", "Novelty"),
        ("NOVELTY = 1", "NOVELTY"),
        ("NOVELTY: int = 1", "NOVELTY"),
        ("class Known:\n    def novelty(self) -> None:\n        self.novelty()\n\nKnown()", "novelty"),
    ],
)
def test_a_name_without_a_reader_is_found(text: str, name: str) -> None:
    """Of every kind, also one that only its own body reads; a reader anywhere is enough."""
    assert [each for each in defined(text) if each not in read_names([text])] == [name]
    assert name in read_names([text, f"print(module.{name})"])
    assert name in read_names([text, f'"app.module:{name}"'])
