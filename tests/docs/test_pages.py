"""The pages are run as they stand: each command and each program, against a gateway of its own, with the answers that they show."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.processes import ROOT
from tests.docs.conftest import Machine
from tests.docs.pages import Block, blocks_of, faults_in

#: Pages that expect a gateway on paper, and nothing else.
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs" / "trade").glob("*.md")),
    *sorted((ROOT / "docs" / "run").glob("*.md")),
]
#: What is run on a page of its own below.
ALONE = ("backup.md", "starting.md")


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.name not in ALONE and blocks_of(page)],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_a_page_does_what_it_says(machine: Machine, page: Path) -> None:
    """Every block of it that is to be run, one after the other, as a reader would."""
    _run(machine, blocks_of(page))


def test_a_journal_is_copied_and_restored(machine: Machine) -> None:
    """What the page says of an older copy: what rests is there again, adopted where the copy did not know it; what was done since
    is not in the journal, whose chain is whole.
    """
    copying, verifying, restoring = blocks_of(ROOT / "docs" / "run" / "backup.md")
    kept = _place(machine, order_type="LIMIT", price="40000")
    _run(machine, [copying, verifying])
    since = _place(machine, order_type="LIMIT", price="41000")
    done = _place(machine, order_type="MARKET")
    _run(machine, [restoring])
    adopted = f"until curl -sf $CALL/trading/orders/{since} >/dev/null; do sleep 0.05; done"
    look = [f"curl -s $CALL/trading/orders/{order}; echo" for order in (kept, since, done)]
    script = "\n".join([adopted, *look, "ordergate journal verify"]).replace("$CALL", '-u "admin:$PASSWORD" $GATEWAY')
    [shown] = machine.run([Block(line=0, language="sh", text=script, expected=None)])
    lines = shown.splitlines()
    old, new, lost = (json.loads(line) for line in lines[:3])
    assert (old["state"], old["events"][0]["kind"]) == ("open", "intended")
    assert (new["state"], new["events"][0]["kind"]) == ("open", "adopted")
    assert lost["code"] == "order_not_found"
    assert lines[-1] == "All is as it was written."


def test_a_machine_is_looked_at_and_gets_a_new_password(machine: Machine) -> None:
    """The page about starting, beside the running server, which takes the password within seconds."""
    _run(machine, blocks_of(ROOT / "docs" / "run" / "starting.md"))
    script = "until curl -sf -u 'admin:a new password' $GATEWAY/accounts/ >/dev/null; do sleep 0.05; done"
    machine.run([Block(line=0, language="sh", text=script, expected=None)])
    # Other pages are read on the same machine, in any order.
    machine.env["PASSWORD"] = "a new password"


def _run(machine: Machine, blocks: list[Block]) -> None:
    """Run the blocks; what they print must be what the page shows."""
    outputs = machine.run(blocks)
    faults = {
        block.line: found
        for block, output in zip(blocks, outputs, strict=True)
        if block.expected is not None and (found := faults_in(block.expected, output))
    }
    assert faults == {}


def _place(machine: Machine, **terms: str) -> str:
    """Place an order; its id."""
    order = {
        "account_name": "master_account", "connector_name": "paper", "trading_pair": "BTC-USDT", "trade_type": "BUY",
        "amount": "0.01", **terms,
    }  # fmt: skip
    call = "curl -s -w '\\n' -u \"admin:$PASSWORD\" $GATEWAY/trading/orders -H 'Content-Type: application/json'"
    [placed] = machine.run([Block(line=0, language="sh", text=f"{call} -d '{json.dumps(order)}'", expected=None)])
    return str(json.loads(placed)["order_id"])


def test_the_program_that_retries_keeps_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it is answered, by whomever: also over a time-out, and when it is run again after it gave up."""
    seen: list[str | None] = []
    release = threading.Event()
    problem = "application/problem+json"
    said = [
        (None, "", {}),
        (502, "text/html", {}),
        (409, problem, {"code": "request_in_progress", "retryable": True}),
        (503, problem, {"code": "rate_limited", "retryable": True}),
        (409, problem, {"code": "halted", "retryable": True}),
        (401, problem, {"code": "not_authenticated", "retryable": False}),
        (415, problem, {"code": "unsupported_media_type", "retryable": False}),
        (503, problem, {"code": "journal_damaged", "retryable": False}),
        (422, problem, {"code": "schema_violation", "retryable": False}),
        (409, problem, {"code": "idempotency_conflict", "retryable": False}),
        (502, problem, {"code": "credentials_refused", "retryable": False}),
        (200, "application/json", {"state": "filled"}),
    ]

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            seen.append(self.headers["Idempotency-Key"])
            status, kind, body = said[len(seen) - 1]
            if status is None:
                release.wait(10)
                return
            self.send_response(status)
            sent = json.dumps(body).encode()
            for name, value in (("Content-Type", kind), ("Content-Length", str(len(sent))), ("Retry-After", "0")):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: Any) -> None:
            pass

    program = blocks_of(ROOT / "docs" / "trade" / "retrying.md")[-1].text
    assert "timeout=30" in program
    assert "pause = 1.0" in program
    code = compile(
        program.replace("timeout=30", "timeout=0.2").replace("pause = 1.0", "pause = 0.0"), "program", "exec"
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("GATEWAY", f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.setenv("PASSWORD", "p")
        monkeypatch.chdir(tmp_path)
        try:
            for kind, code_said in (
                (RuntimeError, "halted"), (RuntimeError, "not_authenticated"), (RuntimeError, "unsupported_media_type"),
                (RuntimeError, "journal_damaged"), (ValueError, "schema_violation"), (ValueError, "idempotency_conflict"),
                (ValueError, "credentials_refused"),
            ):  # fmt: skip
                with pytest.raises(kind, match=code_said):
                    exec(code, {})
            exec(code, {})
        finally:
            release.set()
            server.shutdown()
    assert len(seen) == len(said)
    assert set(seen) == {(tmp_path / "first-order.key").read_text()}
