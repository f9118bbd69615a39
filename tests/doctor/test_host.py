"""What the doctor says of the machine: each line names what is wrong and what to do."""

from __future__ import annotations

import resource
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest

from app.doctor import host
from app.settings import Settings
from app.storage.directory_lock import DirectoryLock


def settings(directory: Path, **others: object) -> Settings:
    """Settings that name the directory, and a free port."""
    return Settings(database_url=f"sqlite:///{directory / 'ordergate.db'}", data_dir=directory, **{"port": 0, **others})  # type: ignore[arg-type]


@contextmanager
def serving(body: bytes) -> Iterator[int]:
    """A server that answers everything with ``body``; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing is to be read."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def test_a_free_port_is_well(tmp_path: Path) -> None:
    """As is the Python that runs the test."""
    assert host.port(settings(tmp_path)).level == "ok"
    assert host.python(settings(tmp_path)).level == "ok"


def test_a_port_that_a_gateway_has_is_well(tmp_path: Path) -> None:
    """The doctor may be called beside the server."""
    with serving(b'{"status": "ok", "name": "Ordergate", "version": "1.2.3"}') as port:
        found = host.port(settings(tmp_path, port=port))
    assert (found.level, found.text) == ("ok", f"127.0.0.1, port {port}: Ordergate 1.2.3 is serving")


@pytest.mark.parametrize("body", [b"hello", b"[]", b'{"name": "Other", "version": "1"}', b'{"name": "Ordergate"}'])
def test_a_port_that_another_program_has_is_a_failure(tmp_path: Path, body: bytes) -> None:
    """Whatever it answers."""
    with serving(body) as port:
        found = host.port(settings(tmp_path, port=port))
    assert found.level == "failure"
    assert f"Port {port} on 127.0.0.1 is in use" in found.text
    assert "PORT=" in found.text


def test_a_server_that_says_nothing_is_another_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for it for long."""
    monkeypatch.setattr(host, "_PATIENCE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert host.port(settings(tmp_path, port=silent.getsockname()[1])).level == "failure"


def test_a_directory_that_is_not_there_is_made_by_the_first_start(tmp_path: Path) -> None:
    """And not by the doctor."""
    found = host.data_directory(settings(tmp_path / "data"))
    assert (found.level, "is made by the first start" in found.text) == ("ok", True)
    assert not (tmp_path / "data").exists()


def test_a_directory_that_can_not_be_had_is_a_failure(tmp_path: Path) -> None:
    """What is above it is a file."""
    (tmp_path / "file").touch()
    found = host.data_directory(settings(tmp_path / "file" / "data"))
    assert found.level == "failure"
    assert "ORDERGATE_DATA_DIR" in found.advice


def test_files_that_others_can_read_are_named(tmp_path: Path) -> None:
    """With the command that closes them."""
    tmp_path.chmod(0o700)
    (tmp_path / "secret.key").touch(0o600)
    assert host.data_directory(settings(tmp_path)).level == "ok"
    (tmp_path / "secret.key").chmod(0o644)
    found = host.data_directory(settings(tmp_path))
    assert (found.level, found.text) == ("warning", f"{tmp_path} lets other users in: secret.key")
    assert "chmod" in found.advice


def test_a_running_server_is_told(tmp_path: Path) -> None:
    """By the lock on its directory, which the doctor does not keep."""
    tmp_path.chmod(0o700)
    lock = DirectoryLock(tmp_path, patience=0)
    lock.acquire()
    assert "in use by a running server" in host.data_directory(settings(tmp_path)).text
    lock.release()
    assert "in use" not in host.data_directory(settings(tmp_path)).text
    lock.acquire()
    lock.release()


@pytest.mark.parametrize(("free", "level"), [(99_999_999, "failure"), (999_999_999, "warning"), (1_000_000_000, "ok")])
def test_disk_space_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: str) -> None:
    """Also where the directory is still to be made."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    found = host.disk(settings(tmp_path / "data"))
    assert (found.level, f"{free // 1_000_000} MB are free in {tmp_path}" == found.text) == (level, True)


@pytest.mark.parametrize(("hard", "level"), [(1000, "warning"), (1160, "ok"), (resource.RLIM_INFINITY, "ok")])
def test_open_files_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hard: int, level: str) -> None:
    """The server raises its own limit as far as the system lets it."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, hard))
    assert host.connections(settings(tmp_path)).level == level
