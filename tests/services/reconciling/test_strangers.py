"""Orders at the exchange that the journal does not know: which are adopted, and which are left to whoever made them."""

from __future__ import annotations

import pytest
from msgspec import structs

from app.domain.enums import OrderState
from app.domain.order import AccountKey
from app.domain.reports import OrderReport
from app.services.orders.preparing import intended
from app.services.reconciling.strangers import Strangers
from tests.services.world import ACCOUNT, World, request

KEY = AccountKey(ACCOUNT, "paper")


@pytest.fixture
def strangers(world: World) -> Strangers:
    return Strangers(
        recorder=world.recorder, settling=world.settling, installations=world.installations, clock=world.clock
    )


async def at_the_exchange_alone(world: World, order_id: str | None = None) -> OrderReport:
    """The report of an order that went to the exchange past the journal; under an id of this installation, unless it is named."""
    now, asked = world.clock.now(), request()
    order_id = order_id or await world.orders._preparing._new_order_id(now)
    connector = await world.connector()
    await connector.submit_order(intended(asked, order_id=order_id, at=now, terms=asked.terms()))
    [report] = await connector.fetch_open_orders()
    return report


async def test_an_order_of_ours_is_adopted(world: World, strangers: Strangers) -> None:
    """It is in the journal with its terms, as open as at the exchange, and the journal tells how it came there."""
    report = await at_the_exchange_alone(world)
    await strangers.take_in(await world.connector(), report)
    adopted = world.order(report.order_id)
    assert (adopted.state, adopted.amount, adopted.price) == (OrderState.OPEN, request().amount, request().price)
    assert adopted.exchange_order_id == report.exchange_order_id
    assert world.kinds(report.order_id)[0] == "adopted"
    assert [each.state for each in world.at_exchange(report.order_id)] == ["open"]
    assert not strangers.is_foreign(KEY, report)


async def test_it_is_adopted_once(world: World, strangers: Strangers) -> None:
    """The exchange tells of it again and again."""
    report = await at_the_exchange_alone(world)
    for _ in range(2):
        await strangers.take_in(await world.connector(), report)
    assert world.kinds(report.order_id).count("adopted") == 1
    assert len(world.at_exchange(report.order_id)) == 1


async def test_a_foreign_order_is_remembered_and_left_alone(world: World, strangers: Strangers) -> None:
    """Nothing is recorded of it, and it is known again without a question, on its own account only."""
    report = await at_the_exchange_alone(world, "web_1")
    head = world.journal.head()
    assert not strangers.is_foreign(KEY, report)
    await strangers.take_in(await world.connector(), report)
    assert strangers.is_foreign(KEY, report)
    assert not strangers.is_foreign(AccountKey("another", "paper"), report)
    assert world.journal.head() == head
    strangers.forget(KEY, report)
    assert not strangers.is_foreign(KEY, report)


async def test_without_terms_nothing_is_guessed(world: World, strangers: Strangers) -> None:
    """An order of ours whose report does not tell its terms is not adopted; it stays unknown, not foreign."""
    report = structs.replace(await at_the_exchange_alone(world), terms=None)
    head = world.journal.head()
    await strangers.take_in(await world.connector(), report)
    assert world.journal.head() == head
    assert not strangers.is_foreign(KEY, report)
