"""The application as gunicorn loads it: ``gunicorn -c gunicorn.conf.py wsgi:app``."""

from app.bootstrap import build_gateway
from app.clock import SystemClock
from app.logs import configure_logging
from app.settings import load_settings
from app.web.application import create_app
from app.web.greeting import greet
from app.web.sockets import sockets

configure_logging(SystemClock().now)
_gateway = build_gateway(load_settings(), role="web")
_gateway.on_start = greet
app = create_app(_gateway, sockets=sockets(_gateway), metrics=_gateway.metrics)
