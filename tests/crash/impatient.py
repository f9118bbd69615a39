"""The gateway with a second's patience where an exchange denies an order: a local exchange is never late, and a test has no minute.

``python -m tests.crash.impatient CONNECTOR`` serves as ``ordergate serve`` does.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta

from app.cli import main
from app.connectors.registry import connector_class

if __name__ == "__main__":
    connector = connector_class(sys.argv[1])
    connector.capabilities = replace(connector.capabilities, absence_grace=timedelta(seconds=1))
    main(["serve"])
