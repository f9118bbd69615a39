"""How gunicorn serves the gateway. A platform says where with PORT; alone it listens on loopback only."""

import os

_port = os.environ.get("PORT")
_host = os.environ.get("HOST", "0.0.0.0" if _port else "127.0.0.1").strip()  # noqa: S104
#: An IPv6 address stands in brackets, since colons are in it.
bind = f"[{_host}]:{_port or 8000}" if ":" in _host and not _host.startswith("[") else f"{_host}:{_port or 8000}"
worker_class = "app.web.gunicorn_worker.GatewayWorker"
#: SQLite serves one process. On PostgreSQL several may run, though one does thousands of orders a second.
workers = (
    int(os.environ.get("WEB_CONCURRENCY", "1")) if os.environ.get("DATABASE_URL", "").startswith("postgres") else 1
)
#: A trading client that pauses between orders should not pay a new connection.
keepalive = 75
#: In-flight orders get 20 seconds to finish; platforms kill after 30.
graceful_timeout = 25
timeout = 60
#: gunicorn's control socket lies at one fixed place for all servers of a user, and nobody here needs it.
control_socket_disable = True
