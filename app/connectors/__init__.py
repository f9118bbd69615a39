"""One file an exchange, each a class that keeps the contract of ``connectors.base``; the only place that imports an SDK."""
