"""Random bits for names: of orders, requests and connections.

The bits are the kernel's own, fetched a page at a time, because a call into the kernel for every name costs more than all else that
makes one. Keys and nonces of the vault do not come from here: they are rare, and each is asked of the kernel.
"""

from __future__ import annotations

import os

#: Bytes fetched at once: a few hundred names.
_PAGE = 4096


class Entropy:
    """A page of random bytes that is handed out once and fetched again when it is used up. For one thread."""

    def __init__(self) -> None:
        self._page = b""
        self._at = 0
        # A child process would otherwise hand out what its parent does.
        os.register_at_fork(after_in_child=self._forget)

    def bytes(self, count: int) -> bytes:
        """``count`` random bytes, a page at the most."""
        end = self._at + count
        if end > len(self._page):
            self._page = os.urandom(_PAGE)
            self._at, end = 0, count
        taken = self._page[self._at : end]
        self._at = end
        return taken

    def bits(self, count: int) -> int:
        """An integer of ``count`` random bits."""
        return int.from_bytes(self.bytes((count + 7) // 8)) >> (-count % 8)

    def token(self, count: int) -> str:
        """``count`` random bytes as text in hexadecimal."""
        return self.bytes(count).hex()

    def _forget(self) -> None:
        self._page = b""
        self._at = 0
