"""One gateway on the paper exchange for all tests here, one Chromium, and for each test a browser profile
and an account.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

#: Milliseconds to wait for what should come at once: a machine may be busy.
_PATIENCE = 30_000
expect.set_options(timeout=_PATIENCE)

USERNAME, PASSWORD = "admin", "a word that is secret"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
#: As root Chromium has no sandbox; the others keep it from calling hosts of its maker.
OPTIONS = [
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(slots=True, kw_only=True)
class RunningGateway:
    """A gateway in a process of its own, which can be killed and started again on its port."""

    directory: Path
    port: int = 0
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, **settings: str) -> None:
        """Start it with ``settings``, and wait until it greets."""
        env = {
            "PATH": os.environ["PATH"],
            "ORDERGATE_DATA_DIR": str(self.directory),
            "ORDERGATE_PASSWORD": PASSWORD,
            "PORT": str(self.port),
            **settings,
        }
        # Its log goes to a file: a pipe that nobody reads would fill and stop it.
        with (self.directory.parent / "gateway.log").open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "app", "serve"], env=env, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            found = re.search(r"is ready on http://127\.0\.0\.1:(\d+)", line)
            if found:
                self.port = int(found[1])
                return
        raise AssertionError("the gateway did not start")

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.communicate()

    def call(self, method: str, path: str, **options: Any) -> Any:
        """The document that the API answers."""
        answer = httpx.request(method, self.url + path, auth=(USERNAME, PASSWORD), timeout=30, **options)
        assert answer.is_success, answer.text
        return answer.json()

    def orders(self, account: str) -> list[dict[str, Any]]:
        """All orders of an account."""
        rows: list[dict[str, Any]] = self.call("POST", "/trading/orders/search", json={"account_names": [account]})[
            "data"
        ]
        return rows


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """The gateway."""
    directory = tmp_path_factory.mktemp("console") / "data"
    directory.mkdir()
    gateway = RunningGateway(directory=directory)
    gateway.start()
    yield gateway
    gateway.kill()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The browser. It keeps an event loop running in this thread, so it is gone before another package's asynchronous tests."""
    if CHROMIUM is None:
        if os.environ.get("TESTS_REQUIRE_CHROMIUM"):
            pytest.fail("no Chromium here, and TESTS_REQUIRE_CHROMIUM demands one")
        pytest.skip("*** NO CHROMIUM HERE: the console is NOT tested. Install Debian's package chromium. ***")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@contextmanager
def _opened(browser: Browser, url: str, cookies: Sequence[Any] = ()) -> Iterator[Page]:
    """The console's first page in a profile of its own. A script that fails, or that the policy stops, fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(_PATIENCE)
    context.add_cookies(cookies)
    faults: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
    page.goto(f"{url}/console")
    yield page
    context.close()
    assert faults == []


@pytest.fixture
def page(browser: Browser, running: RunningGateway) -> Iterator[Page]:
    """The page where a person signs in."""
    with _opened(browser, running.url) as page:
        yield page


@pytest.fixture
def account(running: RunningGateway, request: pytest.FixtureRequest) -> str:
    """An account on the paper exchange that no other test uses."""
    name = re.sub(r"\W+", "_", request.node.name)[:40]
    running.call("POST", f"/accounts/add-account?account_name={name}")
    running.call("POST", f"/accounts/add-credential/{name}/paper", json={})
    return name


@pytest.fixture(scope="session")
def session(running: RunningGateway) -> dict[str, str]:
    """The cookie of a session, as a browser is given it."""
    answer = httpx.post(f"{running.url}/console/session", auth=(USERNAME, PASSWORD), timeout=30)
    [(name, value)] = answer.cookies.items()
    return {"name": name, "value": value, "url": running.url}


@pytest.fixture
def trader(browser: Browser, running: RunningGateway, account: str, session: Any) -> Iterator[Page]:
    """The page of somebody who has signed in, its ticket on the test's account."""
    with _opened(browser, running.url, [session]) as page:
        page.get_by_role("combobox", name="Account").select_option(account)
        page.locator(".price").first.wait_for()
        yield page


def sign_in(page: Page, password: str = PASSWORD, *, username: str = USERNAME) -> None:
    """Fill in the sign-in page."""
    page.get_by_label("User").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
