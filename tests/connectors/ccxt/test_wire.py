"""What leaves for each name and verb that its row claims, against lines that were held against ccxt's source, and the
exchange's documentation where it could be read.

A line has method, path and all fields, less those that differ from call to call. What a row claims and no line shows is red, and so
is a field too many. The texts after "#" in the files say where the documentation is.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest

from app.connectors.ccxt.exchanges import ROWS
from app.connectors.ccxt.row import Row
from app.domain.errors import ExchangeReadError, OrderRefused, UnsupportedFeature
from tests.connectors.ccxt.capture import Kept
from tests.connectors.ccxt.verbs import orders_of, verbs_of
from tests.connectors.ccxt.wired import line, wired

#: Parts of what ccxt sends for its partners: its own name, and the ids of its exchanges' programs.
TAGS = re.compile(
    r"ccxt|6b9ad766b55dBCDE|p4sve|AA03022abc|x-TKT5PX2F|x-cvBPrNm9|9e58cc35|1b327198|builder|21d2a053|fee_?rate|0ad42b8e",
    re.IGNORECASE,
)

#: What stands in the place of a line where the exchange, or the library, does not have the verb: callers get 501.
NOTHING = "501"


def expected() -> dict[str, dict[str, list[str]]]:
    """The lines by name and verb."""
    found: dict[str, dict[str, list[str]]] = {}
    for path in (Path(__file__).with_name("wire_spot.txt"), Path(__file__).with_name("wire_perpetual.txt")):
        for text in path.read_text(encoding="ascii").splitlines():
            if text.startswith("== "):
                verbs = found.setdefault(text.split()[1], {})
            elif text and not text.startswith("#"):
                verb, _, requests = text.partition(": ")
                verbs[verb] = requests.split(" || ")
    return found


EXPECTED = expected()


def untested(row: Row) -> str:
    """The name on the main network, whose lines hold for its test network, too."""
    return row.name.replace("_testnet", "") if row.is_test_domain else row.name


@pytest.mark.parametrize("name", sorted(ROWS))
async def test_what_leaves(name: str) -> None:
    """Each verb, whole; an order and a cancel in one request, and nothing for the library's partners in any."""
    row, lines = ROWS[name], {}
    async with wired(row) as (connector, exchange):
        verbs = verbs_of(connector)
        for verb, call in verbs.items():
            exchange.requests.clear()
            with suppress(Kept, UnsupportedFeature):
                await call()
            lines[verb] = [line(request) for request in exchange.requests] or [NOTHING]
            for request in exchange.requests:
                assert not TAGS.search(str(request)), (verb, TAGS.search(str(request)))
        assert [verb for verb in orders_of(connector) if len(lines[verb]) != 1] == []
    assert lines == EXPECTED[untested(row)]


@pytest.mark.parametrize("name", sorted(ROWS))
async def test_no_tag_is_on_what_is_asked_beside_the_verbs(name: str) -> None:
    """Neither on the questions for markets and time, nor on those that come before orders."""
    async with wired(ROWS[name]) as (connector, exchange):
        for verb in ("fetch_markets", "fetch_time", *ROWS[name].before_orders):
            with suppress(Kept, OrderRefused, ExchangeReadError):
                await connector.calls.ask("asked", verb=verb)
        assert exchange.requests
        for request in exchange.requests:
            assert not TAGS.search(str(request)), TAGS.search(str(request))


def test_every_line_is_of_a_name() -> None:
    """None of a name that is gone."""
    assert set(EXPECTED) == {untested(row) for row in ROWS.values()}


@pytest.mark.parametrize("name", sorted(name for name, row in ROWS.items() if row.is_test_domain))
async def test_a_test_network_is_another_host(name: str) -> None:
    """Never the main one's."""
    hosts = []
    for each in (name, untested(ROWS[name])):
        async with wired(ROWS[each]) as (connector, exchange):
            with suppress(Kept):
                await orders_of(connector)["limit"]()
            hosts.append(exchange.requests[0].url.split("/")[2])
    assert hosts[0] != hosts[1]


@pytest.mark.parametrize("name", sorted(ROWS))
def test_credentials_go_somewhere(name: str) -> None:
    """A row reads no field that callers don't give."""
    row = ROWS[name]
    assert set(row.secrets) <= set(row.fields)
    assert row.subdomain is None or row.subdomain[0] in row.fields
    assert not row.vault or row.vault in row.fields
