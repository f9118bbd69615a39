"""A bare client of Binance's REST API and sockets, which signs and sends exactly what a test says."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
import yarl

from app.clock import Clock
from app.sandbox.times import milliseconds

API_KEY, SECRET = "a-key", "a-secret"

#: A resting order: far below the market.
RESTING = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.1",
    "price": "60000",
}
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.1"}


@dataclass(frozen=True, kw_only=True)
class Reply:
    status: int
    headers: Any
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def error(self) -> tuple[int, str]:
        """The code and the text of an error."""
        return self.json["code"], self.json["msg"]


class RawClient:
    """One API key on one sandbox."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.url = url
        self._clock = clock

    async def __aenter__(self) -> RawClient:
        self.session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    @property
    def now_ms(self) -> int:
        return milliseconds(self._clock.now())

    async def send(
        self, method: str, path: str, query: str = "", *, body: str | None = None, key: str | None = API_KEY
    ) -> Reply:
        """One request, its query and body as they are."""
        headers = {} if key is None else {"X-MBX-APIKEY": key}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        url = yarl.URL(f"{self.url}{path}{'?' if query else ''}{query}", encoded=True)
        async with self.session.request(method, url, data=body, headers=headers) as response:
            return Reply(status=response.status, headers=response.headers, text=await response.text())

    async def get(self, path: str, **parameters: Any) -> Reply:
        return await self.send("GET", path, urlencode(parameters), key=None)

    async def signed(self, method: str, path: str, **parameters: Any) -> Reply:
        """A signed request, in the query."""
        return await self.send(method, path, self.query(**parameters))

    def query(self, **parameters: Any) -> str:
        text = urlencode({"timestamp": self.now_ms} | parameters)
        return f"{text}&signature={sign(text)}"

    async def place(self, **terms: Any) -> Reply:
        """A resting order, or what ``terms`` make of it; None leaves a parameter out."""
        asked = {name: value for name, value in (RESTING | terms).items() if value is not None}
        return await self.signed("POST", "/api/v3/order", **asked)

    async def put(self, path: str, payload: Any, method: str = "PUT") -> Any:
        """A request of the operator."""
        async with self.session.request(method, f"{self.url}{path}", json=payload) as response:
            return await response.json()

    async def faults(self, *rules: dict[str, Any], seed: int = 1) -> None:
        await self.put("/sandbox/faults", {"seed": seed, "faults": list(rules)})

    @asynccontextmanager
    async def socket(self, path: str) -> Any:
        """A websocket on ``path``."""
        async with self.session.ws_connect(f"{self.url}{path}") as socket:
            yield Socket(socket)

    def subscription(self, number: Any = 1, **parameters: Any) -> dict[str, Any]:
        """The request for the user stream."""
        pairs = {"apiKey": API_KEY, "timestamp": self.now_ms} | parameters
        text = "&".join(f"{name}={value}" for name, value in sorted(pairs.items()))
        return {
            "id": number,
            "method": "userDataStream.subscribe.signature",
            "params": {**pairs, "signature": sign(text)},
        }


class Socket:
    """A websocket that speaks JSON."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def ask(self, request: Any) -> Any:
        """Send, and read the next message."""
        await self.socket.send_json(request)
        return await self.next()

    async def next(self) -> Any:
        return await self.socket.receive_json(timeout=10)


def sign(text: str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop run until ``holds`` is true; the test's own time-out ends it otherwise."""
    while not holds():  # noqa: ASYNC110  the server's progress has no event that a test could wait for
        await asyncio.sleep(0)
