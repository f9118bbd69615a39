"""The portfolio over HTTP: numbers that add up, and the shapes that callers of hummingbot-api read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from app.domain.order import AccountKey
from app.domain.portfolio import Holding, Holdings
from app.services.gateway import Gateway
from app.storage.portfolio import SLOT, slot_of
from tests.clock import FakeClock
from tests.connectors.stub import StubExchange, error
from tests.handlers.contract import checked
from tests.services.binance_stub import ACCOUNT, CREDENTIALS, account

STATE = "/portfolio/state"
HISTORY = "/portfolio/history"
DISTRIBUTION = "/portfolio/distribution"
ACCOUNTS = "/portfolio/accounts-distribution"


@pytest.fixture(autouse=True)
async def accounts(gateway: Gateway) -> None:
    """A second paper account, an empty one, and the stand-in for Binance on the master account."""
    for name in ("second", "empty"):
        gateway.accounts.add_account(name)
    await gateway.accounts.add_credential(AccountKey("second", "paper"), {"starting_balances": "USDT:1000,BTC:0.5"})
    await gateway.accounts.add_credential(AccountKey("master_account", "binance"), CREDENTIALS)


async def post(client: httpx.AsyncClient, path: str, **body: Any) -> Any:
    """The checked answer to a body, which must be 200."""
    response = await client.post(path, json=body)
    assert response.status_code == 200, response.text
    return checked(response, path)


async def test_state_has_every_account_and_token(client: httpx.AsyncClient, clock: FakeClock) -> None:
    """Accounts by name, connectors within, tokens as rows of exact numbers."""
    state = await post(client, STATE)

    assert list(state) == ["empty", "master_account", "second"]
    assert state["empty"] == {}
    assert list(state["master_account"]) == ["binance", "paper"]
    bitcoin = {"token": "BTC", "units": 2, "price": 100, "value": 200, "available_units": 2, "price_known": True}
    assert state["master_account"]["binance"][0] == {
        **bitcoin,
        "as_of": clock.now().isoformat(timespec="microseconds"),
        "problem": None,
    }
    assert [token["token"] for token in state["second"]["paper"]] == ["BTC", "USDT"]


async def test_numbers_are_written_without_exponent(client: httpx.AsyncClient, stub: StubExchange) -> None:
    """The smallest amounts are written out digit by digit."""
    stub.script(*ACCOUNT, account(BTC="0.00000001", USDT="100000000"))
    response = await client.post(STATE, json={"connector_names": ["binance"], "refresh": True})

    assert '"units":0.00000001,"price":100,"value":0.000001' in response.text
    assert '"units":100000000,"price":1,"value":100000000' in response.text


async def test_filters_do_not_reach_the_next_caller(client: httpx.AsyncClient) -> None:
    """Whatever was asked for before, asking for all gives all."""
    everything = await post(client, STATE)
    assert await post(client, STATE, connector_names=["binance"]) == {
        "empty": {},
        "master_account": {"binance": everything["master_account"]["binance"]},
        "second": {},
    }
    assert await post(client, STATE, account_names=["second", "nobody"]) == {"second": everything["second"]}
    assert await post(client, STATE, account_names=[], connector_names=None, skip_gateway=True) == everything
    assert await post(client, STATE) == everything


async def test_an_exchange_that_fails_is_shown_as_such(
    client: httpx.AsyncClient, stub: StubExchange, clock: FakeClock
) -> None:
    """The last answer with its time and problem, a header that names the place, and entries among the errors of the sums."""
    before = await post(client, STATE)
    stub.script(*ACCOUNT, error(503, -1000, "Maintenance"))
    clock.advance(60)

    response = await client.post(STATE, json={})
    state = checked(response, STATE)
    assert response.headers["Portfolio-Stale"] == "master_account/binance"
    [bitcoin, _] = state["master_account"]["binance"]
    assert bitcoin["as_of"] == before["master_account"]["binance"][0]["as_of"]
    assert "Maintenance" in bitcoin["problem"]
    assert state["master_account"]["paper"][0]["problem"] is None
    for document in (await post(client, DISTRIBUTION), checked(await client.get(ACCOUNTS), ACCOUNTS)):
        [problem] = document["errors"]
        assert (problem["account_name"], problem["connector_name"]) == ("master_account", "binance")


async def test_an_exchange_of_which_nothing_is_known(
    client: httpx.AsyncClient, stub: StubExchange, gateway: Gateway
) -> None:
    """It is named beside the others, whose sums say that they are partial. Where there are no others there is an error."""
    stub.script(*ACCOUNT, error(503, -1000, "Maintenance"))
    gateway.portfolio.forget(AccountKey("master_account", "binance"))
    response = await client.post(STATE, json={})
    state = checked(response, STATE)
    assert response.headers["Portfolio-Missing"] == "master_account/binance"
    assert "Portfolio-Stale" not in response.headers
    assert list(state["master_account"]) == ["paper"]
    by_account = checked(await client.get(ACCOUNTS), ACCOUNTS)
    for document in (await post(client, DISTRIBUTION), by_account):
        [problem] = document["errors"]
        assert (problem["account_name"], problem["connector_name"]) == ("master_account", "binance")
        assert (problem["as_of"], document["is_partial"], document["unpriced_tokens"]) == (None, True, [])
    assert {row["account"]: row["is_partial"] for row in by_account["distribution"]} == {
        "master_account": True,
        "second": False,
        "empty": False,
    }
    for path in (STATE, DISTRIBUTION):
        response = await client.post(path, json={"connector_names": ["binance"]})
        assert response.status_code == 502
        assert "'master_account' on 'binance'" in checked(response, path)["detail"]


async def test_sums_without_a_price_say_that_they_are_partial(client: httpx.AsyncClient, stub: StubExchange) -> None:
    """What has no price is named, in the row and beside the sums; complete sums say that they are complete."""
    whole = await post(client, DISTRIBUTION)
    assert (whole["is_partial"], whole["unpriced_tokens"]) == (False, [])
    stub.script(*ACCOUNT, account(BTC="1", ODDCOIN="5"))
    state = await post(client, STATE, connector_names=["binance"], refresh=True)
    assert [(row["token"], row["price_known"]) for row in state["master_account"]["binance"]] == [
        ("BTC", True),
        ("ODDCOIN", False),
    ]
    by_token, by_account = await post(client, DISTRIBUTION), checked(await client.get(ACCOUNTS), ACCOUNTS)
    for document in (by_token, by_account):
        assert (document["is_partial"], document["unpriced_tokens"]) == (True, ["ODDCOIN"])
    known = {row["token"]: row["price_known"] for row in by_token["distribution"]}
    assert (known["BTC"], known["ODDCOIN"]) == (True, False)
    assert {row["account"] for row in by_account["distribution"] if row["is_partial"]} == {"master_account"}


def total(state: Any) -> Decimal:
    """The sum of all values of a state."""
    rows = (row for connectors in state.values() for tokens in connectors.values() for row in tokens)
    return sum((Decimal(row["value"]) for row in rows), Decimal(0))


async def test_distributions_add_up_to_the_state(client: httpx.AsyncClient) -> None:
    """Tokens, accounts and connectors each add up to the value of the state, for one account, for two and for all."""
    for names in (None, ["second"], ["second", "master_account"], ["empty"]):
        expected = total(await post(client, STATE, account_names=names))
        tokens = await post(client, DISTRIBUTION, account_names=names)

        assert tokens["total_portfolio_value"] == expected
        assert sum(Decimal(row["total_value"]) for row in tokens["distribution"]) == expected
        assert tokens["token_count"] == len(tokens["distribution"]) == len(tokens["tokens"])
        assert tokens["account_filter"] == (", ".join(names) if names else "all_accounts")
        for row in tokens["distribution"]:
            assert tokens["tokens"][row["token"]]["value"] == row["total_value"]
            assert sum(Decimal(each["value"]) for each in row["accounts"].values()) == row["total_value"]
            for share in row["accounts"].values():
                assert sum(Decimal(each["value"]) for each in share["connectors"].values()) == share["value"]
        percentages = sum(Decimal(row["percentage"]) for row in tokens["distribution"])
        assert abs(percentages - (100 if expected else 0)) < Decimal("0.01")

    accounts = checked(await client.get(ACCOUNTS), ACCOUNTS)
    assert accounts["account_count"] == 3
    assert accounts["total_portfolio_value"] == total(await post(client, STATE))
    assert sum(Decimal(row["total_value"]) for row in accounts["distribution"]) == accounts["total_portfolio_value"]
    assert [row["account"] for row in accounts["distribution"]] == ["master_account", "second", "empty"]
    for row in accounts["distribution"]:
        assert sum(Decimal(each["value"]) for each in row["connectors"].values()) == row["total_value"]


async def test_distribution_by_connector(client: httpx.AsyncClient) -> None:
    """A filter by connector counts only what is there."""
    tokens = await post(client, DISTRIBUTION, connector_names=["binance"])
    assert tokens["total_portfolio_value"] == 250
    assert tokens["tokens"] == {
        "BTC": {"value": 200, "units": 2, "percentage": 80},
        "USDT": {"value": 50, "units": 50, "percentage": 20},
    }


# -- history ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def slots(gateway: Gateway, clock: FakeClock) -> Sequence[int]:
    """Seven snapshots of two accounts up to the present, five minutes apart."""
    newest = slot_of(clock.now())
    for slot in range(newest - 6, newest + 1):
        token = Holding(token="BTC", units=Decimal(slot % 10), available_units=Decimal(0), price=Decimal("0.1"))
        held = [
            Holdings(account_name=name, connector_name="paper", asked_at=clock.now(), tokens=(token,))
            for name in ("master_account", "second")
        ]
        gateway.journal.snapshots.put(slot, held)
    return range(newest - 6, newest + 1)


async def test_history_is_newest_first_and_ends(client: httpx.AsyncClient, slots: Sequence[int]) -> None:
    """A loop over the pages sees every snapshot once; the last page has no next cursor."""
    seen, cursor = [], None
    while True:
        page = await post(client, HISTORY, limit=3, cursor=cursor)
        assert page["pagination"]["current_cursor"] == cursor
        assert page["pagination"]["limit"] == 3
        seen += [row["timestamp"] for row in page["data"]]
        cursor = page["pagination"]["next_cursor"]
        assert page["pagination"]["has_more"] is (cursor is not None)
        if cursor is None:
            break

    assert len(seen) == len(set(seen)) == len(slots)
    assert seen == sorted(seen, reverse=True)
    assert seen[0] == "2026-01-02T03:00:00+00:00"


async def test_history_rows_have_the_shape_of_the_state(
    client: httpx.AsyncClient, slots: Sequence[int], clock: FakeClock
) -> None:
    """A filter by account leaves the others out; the filters are repeated as they were sent."""
    start = int((clock.now() - 2 * SLOT).timestamp())
    page = await post(client, HISTORY, account_names=["second"], start_time=start, interval="5m")

    assert [list(row["state"]) for row in page["data"]] == [["second"]] * 2
    [token] = page["data"][0]["state"]["second"]["paper"]
    units = slots[-1] % 10
    assert (token["units"], token["price"], token["value"]) == (units, Decimal("0.1"), units * Decimal("0.1"))
    assert page["pagination"]["filters"] == {
        "account_names": ["second"],
        "connector_names": None,
        "start_time": start,
        "end_time": None,
        "interval": "5m",
    }
    in_milliseconds = await post(client, HISTORY, account_names=["second"], start_time=start * 1000)
    assert in_milliseconds["data"] == page["data"]


async def test_history_by_interval(client: httpx.AsyncClient, slots: Sequence[int], clock: FakeClock) -> None:
    """A quarter of an hour shows its last snapshot."""
    page = await post(client, HISTORY, interval="15m")
    assert [row["timestamp"][11:16] for row in page["data"]] == ["03:00", "02:55", "02:40"]
    later = (clock.now() + timedelta(hours=1)).timestamp()
    assert (await post(client, HISTORY, start_time=int(later)))["data"] == []


@pytest.mark.parametrize(
    ("body", "status"),
    [({"interval": "2m"}, 422), ({"limit": 0}, 422), ({"limit": 1001}, 422), ({"cursor": "x"}, 400)],
)
async def test_history_faults(client: httpx.AsyncClient, body: dict[str, Any], status: int) -> None:
    """A bad interval or limit is a fault of the schema, a bad cursor is named."""
    response = await client.post(HISTORY, json=body)
    assert response.status_code == status
    checked(response, HISTORY)
