"""Clients that well-known tools generate from the contract: whole, rightly typed, and able to trade on paper."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from openapi import SPEC_PATH
from tests.chaos.processes import PASSWORD
from tests.contract.conftest import LONGEST, TOOLS, Node, run

_CLIENTS = Path(__file__).with_name("clients")
_BIN = Path(sys.executable).parent
#: What generators call a type that the contract gives no name.
_NAMELESS = "*_type_[0-9]*"


@pytest.mark.timeout(LONGEST)
def test_a_python_client_trades(tmp_path: Path, url: str) -> None:
    """openapi-python-client has no complaint, mypy none about the client or its user, and every type has a telling name."""
    (tmp_path / "config.yaml").write_text("post_hooks: []\n")
    generate = ["generate", "--path", str(SPEC_PATH), "--meta", "none", "--output-path", "ordergate_client"]
    run([str(_BIN / "openapi-python-client"), *generate, "--config", "config.yaml", "--fail-on-warning"], tmp_path)
    assert [path.name for path in (tmp_path / "ordergate_client" / "models").glob(_NAMELESS)] == []
    shutil.copy(_CLIENTS / "trade.py", tmp_path)
    run([str(_BIN / "mypy"), "--strict", "--config-file", "", "trade.py"], tmp_path)
    assert run([sys.executable, "trade.py", url, PASSWORD], tmp_path).endswith("traded\n")


@pytest.mark.timeout(LONGEST)
def test_a_typescript_client_trades(tmp_path: Path, url: str, node: Node) -> None:
    """The compiler has no complaint about what @hey-api/openapi-ts generates, nor about its user, who follows the stream, too."""
    for name in ("trade.ts", "tsconfig.json", "openapi-ts.config.mjs"):
        shutil.copy(_CLIENTS / name, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "node_modules").symlink_to(TOOLS / "node_modules")
    shutil.copy(SPEC_PATH, tmp_path)
    node("openapi-ts", directory=tmp_path)
    node("tsc", "--project", ".", directory=tmp_path)
    assert node("node", "out/trade.js", url, PASSWORD, directory=tmp_path).endswith("traded\n")
