"""The console's files as they are served: small, from here alone, and with nothing that a policy would have to allow."""

from __future__ import annotations

import gzip
import re

import pytest

from app.web.console import console_pages
from tests.web.conftest import client_of

#: Bytes of all files, packed.
_MOST = 300_000


async def test_the_whole_console_is_small() -> None:
    """Every file is packed for who takes it so, and named by its content."""
    sizes = {}
    for path, file in console_pages().items():
        async with client_of(file) as client:
            answer = await client.get(path)
            assert answer.headers["content-encoding"] == "gzip"
            again = await client.get(path, headers={"If-None-Match": answer.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
            sizes[path] = len(gzip.compress(answer.content, mtime=0))
    assert sum(sizes.values()) < _MOST, sizes


@pytest.mark.parametrize("path", sorted(console_pages()))
async def test_no_file_needs_another_host(path: str) -> None:
    """The policy is the page's own host for everything; no script or style stands in the page itself."""
    async with client_of(console_pages()[path]) as client:
        answer = await client.get(path)
    assert answer.headers["content-security-policy"].startswith("default-src 'self'; ")
    assert "unsafe" not in answer.headers["content-security-policy"]
    if path == "/console":
        assert not re.search(r"<style|<script(?![^>]*src=)|\son\w+=|style=", answer.text)
    if "/vendor/" not in path:
        assert not re.search(r"""(?:from|import\(|fetch\(|src=|url\()\s*["']https?:""", answer.text)
