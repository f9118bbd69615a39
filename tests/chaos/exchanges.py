"""The exchanges of a campaign, with faults by seed, whose truth is read at the end.

``PaperExchange`` runs in the gateway's own processes. ``SandboxExchange`` is a local exchange in its own process, which is never
killed; ``local_exchanges`` has one entry for each.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import urllib.request
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.chaos.clients import Gateway
from tests.chaos.local_exchanges import LOCAL
from tests.chaos.processes import READY_SECONDS, Process, environment, free_port, wait_until_answers
from tests.chaos.truth import PaperTruth, SandboxTruth, TrueOrder, Truth

#: Seconds between two attempts to add the credentials.
_AGAIN = 0.2


class Exchange(ABC):
    """One exchange of a deployment."""

    #: The connector that the clients trade through.
    connector_name: str
    #: How long settling may take, in seconds; differences after that are violations.
    settle_seconds: float

    @property
    @abstractmethod
    def truth(self) -> Truth:
        """The exchange's orders."""

    @abstractmethod
    def settings(self, *, faulty: bool) -> Mapping[str, str]:
        """The environment variables of the gateway's processes."""

    @abstractmethod
    def begin(self, port: int, *, faulty: bool) -> None:
        """Add the credentials to the gateway at ``port``, and switch faults on or off. Called after every start."""

    @abstractmethod
    def fault_counts(self) -> Counter[str]:
        """The faults that happened so far, by kind."""

    @property
    def other_credentials(self) -> Mapping[str, str] | None:
        """The credentials of another account at the exchange, None where there is none."""
        return None

    @abstractmethod
    def close(self) -> None:
        """End it; may be called twice. The truth can't be read any more."""


class PaperExchange(Exchange):
    """The paper exchange; ``faults`` is the value of ``ORDERGATE_PAPER_FAULTS``."""

    connector_name = "paper"
    #: A reconciliation's interval and two grace times.
    settle_seconds = 90.0

    def __init__(self, directory: Path, url: str, faults: str) -> None:
        self._directory = directory
        self._url = url
        self._faults = faults

    @property
    def truth(self) -> Truth:
        return PaperTruth(self._url)

    def settings(self, *, faulty: bool) -> Mapping[str, str]:
        return {"ORDERGATE_PAPER_FAULTS": self._faults if faulty else ""}

    def begin(self, port: int, *, faulty: bool) -> None:
        """Do nothing: it needs no credentials, and its faults are in the environment."""

    def fault_counts(self) -> Counter[str]:
        return logged_faults(self._directory / "paper-faults.jsonl")

    def close(self) -> None:
        """Do nothing: it ended with the gateway."""


def logged_faults(log: Path) -> Counter[str]:
    """The faults in the paper exchange's log, by kind."""
    if not log.exists():
        return Counter()
    return Counter(json.loads(line)["kind"] for line in log.read_text(encoding="ascii").splitlines())


class SandboxExchange(Exchange):
    """The local exchange of ``connector_name``. ``rate`` of its calls and events are faulty, unless ``faults`` names the rules."""

    #: The grace of thirty seconds after an order's last event, a reconciliation's interval, and room for a busy machine.
    settle_seconds = 150.0

    def __init__(
        self,
        directory: Path,
        connector_name: str,
        *,
        seed: int,
        rate: float = 0,
        faults: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        self.connector_name = connector_name
        self._local = LOCAL[connector_name]
        self._rules = {"seed": seed, "faults": fault_rules(rate) if faults is None else faults}
        self._port = free_port()
        self._is_known = False
        self._is_faulty = False
        self._process = Process(
            (
                "-m",
                "app",
                "sandbox",
                "--exchange",
                self._local.protocol,
                "--port",
                str(self._port),
                "--key",
                ":".join(self._local.keys[0]),
                "--key",
                ":".join(self._local.keys[1]),
                "--data",
                str(directory / "sandbox"),
            ),
            environment(directory, self._port),
            directory / "sandbox.log",
        )
        self._process.start()
        try:
            wait_until_answers(self._port, self._local.ping, self._process)
            if self._local.limits:
                self._operate("PUT", "limits", self._local.limits)
        except BaseException:  # the caller has no reference to the process yet
            self.close()
            raise

    @property
    def truth(self) -> Truth:
        return SandboxTruth(lambda: self._operate("GET", "truth"), self.connector_name, self._local.market)

    def settings(self, *, faulty: bool) -> Mapping[str, str]:
        host = f"127.0.0.1:{self._port}"
        return {name: address.format(host=host) for name, address in self._local.addresses.items()}

    def begin(self, port: int, *, faulty: bool) -> None:
        if not self._is_known:
            self._add_credentials(port)
        # Setting the rules restarts their draws, so it is done only when they change.
        if faulty != self._is_faulty:
            self._is_faulty = faulty
            self._operate("PUT", "faults", self._rules if faulty else {})

    def fault_counts(self) -> Counter[str]:
        return Counter(self._operate("GET", "faults")["counts"])

    @property
    def other_credentials(self) -> Mapping[str, str]:
        return self._credentials(*self._local.keys[1])

    def close(self) -> None:
        self._process.kill()

    def _credentials(self, key: str, secret: str) -> Mapping[str, str]:
        return {name: value.format(key=key, secret=secret) for name, value in self._local.credentials.items()}

    def _add_credentials(self, port: int) -> None:
        """Add them, again and again while the gateway can't try them in time, as on a busy machine. Nothing else goes wrong yet."""
        gateway = Gateway(port, self.connector_name)
        deadline = time.monotonic() + READY_SECONDS
        try:
            while (answer := gateway.add_credentials(self._credentials(*self._local.keys[0]))).status != 201:
                is_refused = answer.status is not None and answer.status < 500
                if is_refused or time.monotonic() > deadline:
                    raise RuntimeError(f"the gateway did not take the credentials: {answer}")
                time.sleep(_AGAIN)
        finally:
            gateway.close()
        self._is_known = True

    def _operate(self, method: str, what: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/sandbox/{what}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def cut_streams(self) -> None:
        """Reset the connections of all streams."""
        self._operate("POST", "streams/cut")

    def amend(self, order: TrueOrder, amount: str, price: str) -> None:
        """Amend an order on Binance's perpetuals past the gateway, as its owner may in the exchange's own page."""
        terms = {
            "symbol": order.trading_pair.replace("-", ""),
            "side": order.trade_type,
            "orderId": order.exchange_order_id,
            "quantity": amount,
            "price": price,
            "timestamp": time.time_ns() // 1_000_000,
        }
        query = urlencode(terms)
        signature = hmac.new(self._local.keys[0][1].encode(), query.encode(), hashlib.sha256).hexdigest()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/fapi/v1/order?{query}&signature={signature}",
            method="PUT",
            headers={"X-MBX-APIKEY": self._local.keys[0][0]},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status == 200


#: Faults of orders and cancels: carried out or not, provably or not, and late by less than the connector's grace time.
_ORDER_FAULTS = {
    "accept_hang": 0.0,
    "accept_reset": 0.0,
    "accept_500": 0.0,
    "accept_503": 0.0,
    "accept_504": 0.0,
    "accept_overloaded": 0.0,
    "garble_text": 0.0,
    "garble_cut": 0.0,
    "garble_type": 0.0,
    "garble_error": 0.0,
    "lose_hang": 0.0,
    "lose_reset": 0.0,
    "refuse_unavailable": 0.0,
    "refuse_internal": 0.0,
    "refuse_overloaded": 0.0,
    "refuse_502": 0.0,
    "late": 3.0,
    "slow": 0.5,
}
#: What happens beside an order, by the share of orders with a fault, and its seconds. A symbol that is gone, or whose rules are
#: others, keeps its client from trading, so that happens a few times only.
_BESIDE_ORDERS = {"amend": (0.25, 0.5), "delist": (0.25, 6.0), "new_rules": (0.25, 6.0)}
_FEW = 2
#: An order is forgotten for longer than the connector's grace time.
_FORGOTTEN = 45.0
_QUESTION_FAULTS = {"lose_reset": 0.0, "accept_500": 0.0, "garble_cut": 0.0, "garble_type": 0.0, "slow": 0.5}
_STREAM_FAULTS = {"drop": 0.0, "double": 0.0, "reorder": 0.0, "delay": 0.5}
#: A cut stream is reopened and everything is reconciled; if it were more frequent, the stream would be down most of the time.
_CUT_PART = 0.05
#: A 429 stops all calls for its second, so it is ten times less frequent than other faults.
_LIMITED_PART = 0.01


def fault_rules(rate: float) -> list[dict[str, Any]]:
    """The rules that give faults to ``rate`` of orders, queries and events, spread evenly over the kinds."""

    def spread(kinds: Mapping[str, float], *routes: str) -> list[dict[str, Any]]:
        chance = rate / len(kinds)
        return [
            {"kind": kind, "routes": routes, "probability": chance, "seconds": seconds}
            for kind, seconds in kinds.items()
        ]

    return [
        *(
            {
                "kind": kind,
                "routes": ["place"],
                "probability": rate * share,
                "seconds": seconds,
                "times": None if kind == "amend" else _FEW,
            }
            for kind, (share, seconds) in _BESIDE_ORDERS.items()
        ),
        *spread(_ORDER_FAULTS, "place"),
        *spread(_ORDER_FAULTS, "cancel"),
        {"kind": "forget", "routes": ["query"], "probability": rate / 2, "seconds": _FORGOTTEN},
        *spread(_QUESTION_FAULTS, "query", "orders"),
        {"kind": "odd_rows", "routes": ["open", "trades"], "probability": rate},
        *spread(_QUESTION_FAULTS, "open", "trades"),
        {"kind": "refuse_429", "routes": ["place"], "probability": rate * _LIMITED_PART, "seconds": 1},
        {"kind": "hide", "routes": ["query", "open", "trades"], "probability": rate / 2, "seconds": 2},
        *spread(_STREAM_FAULTS, "user"),
        {"kind": "cut", "routes": ["user"], "probability": rate * _CUT_PART},
    ]
