"""A mock of the server that knows nothing but the contract: it takes every example request and serves every example answer."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from openapi import SPEC_PATH
from tests.chaos.processes import free_port
from tests.contract.conftest import LONGEST, TOOLS, Node
from tests.openapi.contract import Operation, examples, operations, resolve

#: What a parameter is that shows no example of its own.
_OTHERS = {"account_name": "master_account", "connector_name": "paper", "trading_pair": "BTC-USDT"}


@pytest.fixture(scope="module")
def mock(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Prism, serving the contract; a caller with credentials."""
    assert node("prism", "--version")
    port, output = free_port(), tmp_path_factory.mktemp("prism") / "output"
    command = [str(TOOLS / "node_modules" / ".bin" / "prism"), "mock", str(SPEC_PATH), "--port", str(port), "--errors"]
    with output.open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        _wait(port, process, output)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", auth=("admin", "any"), timeout=LONGEST) as client:
            yield client
    finally:
        process.kill()
        process.wait()


def _wait(port: int, process: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        assert process.poll() is None, output.read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(output.read_text())


@pytest.mark.timeout(LONGEST)
def test_every_example_is_served(mock: httpx.Client) -> None:
    """Each request that the contract shows is taken, and each answer comes as it is shown."""
    served, wrong = 0, []
    for operation in operations():
        for request in _requests(operation):
            for status, media_type, example, expected in _answers(operation):
                headers = {**request["headers"], "accept": media_type, "prefer": f"code={status}{example}"}
                answer = mock.request(**{**request, "headers": headers})
                served += 1
                if answer.status_code != int(status) or _read(answer, media_type) != expected:
                    wrong.append(f"{operation} {status}{example}: {answer.status_code} {answer.text[:300]}")
    assert wrong == []
    assert served > 400


def _requests(operation: Operation) -> Iterator[dict[str, Any]]:
    """The request of an operation with each example of its body."""
    path, query, headers = operation.path, {}, {}
    for parameter in operation.parameters():
        (example,) = examples(parameter)[:1] or (_OTHERS.get(parameter["name"]),)
        if parameter["in"] == "path":
            assert example is not None, f"{operation} shows no {parameter['name']}"
            path = path.replace(f"{{{parameter['name']}}}", quote(str(example), safe=""))
        elif example is not None and (parameter.get("required") or examples(parameter)):
            (query if parameter["in"] == "query" else headers)[parameter["name"]] = example
    request = {"method": operation.method.upper(), "url": path, "params": query, "headers": headers}
    if "requestBody" not in operation.node:
        yield request
        return
    for body in examples(resolve(operation.node["requestBody"])["content"]["application/json"]):
        yield {**request, "json": body}


def _answers(operation: Operation) -> Iterator[tuple[str, str, str, Any]]:
    """Status, media type, Prism's wish for an example, and the example, of every answer that shows one."""
    for status, response in operation.responses():
        for media_type, content in response.get("content", {}).items():
            if "example" in content:
                yield status, media_type, "", content["example"]
            for name, example in content.get("examples", {}).items():
                yield status, media_type, f", example={name}", _value(example)


def _value(example: Mapping[str, Any]) -> Any:
    return resolve(example)["value"]


def _read(answer: httpx.Response, media_type: str) -> Any:
    return json.loads(answer.text) if media_type.endswith("json") else answer.text
