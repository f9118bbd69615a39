"""How gunicorn serves the gateway. A platform says where with PORT; alone it listens on loopback only."""

import os

_port = os.environ.get("PORT")
bind = f"{os.environ.get('HOST', '0.0.0.0')}:{_port}" if _port else f"{os.environ.get('HOST', '127.0.0.1')}:8000"  # noqa: S104
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
