"""What the layers of the edge raise beside the error tree: no request is ever answered with one of these."""

from __future__ import annotations


class ClientGone(Exception):
    """The caller hung up while the request was being read: nothing was done, and there is nobody to answer."""


class StartupRefused(Exception):
    """The contract and the code do not fit together; the server must not start. The text names the operation."""
