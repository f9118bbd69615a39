"""What the machine gives: Python, the port, the data directory, disk space and file descriptors."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import platform
import resource
import shutil
import tempfile
from pathlib import Path

from app import __version__
from app.doctor.finding import Finding
from app.settings import Settings
from app.web.greeting import reachable
from app.web.listening import CanNotListen, bind

#: Seconds for a server on this machine to say who it is.
_PATIENCE = 3.0

#: Bytes. An order takes about four kilobytes with its events, the write-ahead log up to 32 megabytes; a migration copies tables.
_LITTLE, _TOO_LITTLE = 1_000_000_000, 100_000_000
_MEGABYTE = 1_000_000

#: What every process needs beside its connections: database, exchanges, files.
_OWN_DESCRIPTORS = 160


def python(_settings: Settings) -> Finding:
    """Which Python, and which version of the program. A wrong one does not come so far."""
    return Finding(check="Python", text=f"{platform.python_version()}, with Ordergate {__version__}")


def variables(settings: Settings) -> Finding:
    """Whether the environment holds what looks like a setting and is none."""
    if settings.strange_variables:
        return Finding(check="Settings", level="warning", text=" ".join(settings.strange_variables))
    return Finding(check="Settings", text="every variable ORDERGATE_* is known")


def port(settings: Settings) -> Finding:
    """Whether a server can listen, or does."""
    where = f"{settings.host}, port {settings.port}"
    try:
        bind(settings.host, settings.port).close()
    except CanNotListen as error:
        running = _running(settings)
        if running is None:
            return Finding(check="Port", level="failure", text=str(error))
        return Finding(check="Port", text=f"{where}: Ordergate {running} is serving")
    return Finding(check="Port", text=f"{where}: free")


def data_directory(settings: Settings) -> Finding:
    """Whether the server can keep its files, and nobody else can read them."""
    path = settings.data_dir
    if not path.exists():
        above = _existing(path)
        if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
            return Finding(check="Data directory", text=f"{path} is made by the first start")
        return _unusable(path, f"{path} can't be made: {above} does not let this user write")
    try:
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        return _unusable(path, f"{path} can't be written: {error.strerror}")
    open_to_others = [each.name for each in (path, *path.iterdir()) if each.stat().st_mode & 0o077]
    if open_to_others:
        return Finding(
            check="Data directory",
            level="warning",
            text=f"{path} lets other users in: {', '.join(sorted(open_to_others))}",
            advice=f"Run: chmod -R go= '{path}'",
        )
    in_use = ", in use by a running server" if _is_locked(path / "ordergate.lock") else ""
    return Finding(check="Data directory", text=f"{path}{in_use}")


def disk(settings: Settings) -> Finding:
    """Whether there is room for the journal to grow."""
    place = _existing(settings.data_dir)
    free = shutil.disk_usage(place).free
    text = f"{free // _MEGABYTE} MB are free in {place}"
    if free >= _LITTLE:
        return Finding(check="Disk", text=text)
    advice = "Orders are refused when the disk is full. Make room, or name another place with ORDERGATE_DATA_DIR"
    return Finding(check="Disk", level="failure" if free < _TOO_LITTLE else "warning", text=text, advice=advice)


def connections(settings: Settings) -> Finding:
    """Whether the system lets the server have as many connections as the settings want."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.max_connections + _OWN_DESCRIPTORS
    if hard == resource.RLIM_INFINITY or hard >= wanted:
        return Finding(check="Connections", text=f"{settings.max_connections} at once")
    return Finding(
        check="Connections",
        level="warning",
        text=f"the system allows {hard} open files, and {settings.max_connections} connections need {wanted}",
        advice=f"Raise the limit (ulimit -n {wanted}, or LimitNOFILE= of the systemd unit), or lower ORDERGATE_MAX_CONNECTIONS",
    )


def _unusable(path: Path, text: str) -> Finding:
    return Finding(
        check="Data directory",
        level="failure",
        text=text,
        advice=f"Give {path} to the user that runs the server, or name another directory with ORDERGATE_DATA_DIR",
    )


def _existing(path: Path) -> Path:
    """The path, or what of it there is."""
    return next(each for each in (path, *path.parents) if each.exists())


def _is_locked(path: Path) -> bool:
    try:
        with path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _running(settings: Settings) -> str | None:
    """The version of the Ordergate that listens there, None if it is another program."""
    connection = http.client.HTTPConnection(f"{reachable(settings.host)}:{settings.port}", timeout=_PATIENCE)
    try:
        connection.request("GET", "/health")
        answer = json.loads(connection.getresponse().read(_MEGABYTE))
        return str(answer["version"]) if answer["name"] == "Ordergate" else None
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    finally:
        connection.close()
