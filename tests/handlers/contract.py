"""Whether an answer is what the contract says of its path and status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from app.web.contract.body import decode
from app.web.contract.schema import CompiledSchema
from openapi import load_spec

_SPEC = load_spec()


def checked(response: httpx.Response, path: str) -> Any:
    """The JSON of ``response``, which must match what the contract has for ``path``, the request's method and the status."""
    answer = _resolved(_SPEC["paths"][path][response.request.method.lower()]["responses"][str(response.status_code)])
    media_type = response.headers["content-type"].partition(";")[0]
    document = decode(response.content)
    CompiledSchema(answer["content"][media_type]["schema"]).check(decode(response.content), ("response",))
    for name, header in answer.get("headers", {}).items():
        assert name in response.headers or not header.get("required"), f"the header {name} is missing"
    return document


def _resolved(node: Any) -> Any:
    """``node`` with every reference replaced by what it names."""
    if isinstance(node, list):
        return [_resolved(each) for each in node]
    if not isinstance(node, Mapping):
        return node
    if "$ref" in node:
        found: Any = _SPEC
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return _resolved(found)
    return {key: _resolved(value) for key, value in node.items()}
