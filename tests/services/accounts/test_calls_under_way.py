"""Credentials that are deleted or replaced while orders are placed: what comes after the change is not sent, what came before it is
waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from app.connectors.paper.spot import PaperConnector
from app.domain.enums import EventKind, OrderState
from app.domain.errors import ConnectorNotConfigured, OrdergateError, OrderNotFound, UnknownAccount
from app.domain.order import AccountKey, Order, OrderRef, OrderRequest
from app.domain.reports import OrderReport
from app.services.accounts.calls_under_way import calls_ended
from app.services.orders.preparing import intended
from app.storage.accounts import Accounts
from app.storage.database import Database
from app.vault import Vault
from tests.services.world import ACCOUNT, TIMEOUT, World, key, request, until

PAPER = AccountKey(ACCOUNT, "paper")


def elsewhere(world: World, change: Callable[[Accounts], object]) -> None:
    """``change`` the accounts as another process does, which this one has not noticed yet."""
    database = Database(world.settings.database_url)
    change(Accounts(database, world.clock))
    database.dispose()


def before_the_intent(world: World, change: Callable[[Accounts], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Do ``change`` elsewhere when the next order has been checked and not been written down."""
    checked = world.orders._preparing.checked

    async def overtaken(asked: OrderRequest, connector: PaperConnector) -> OrderRequest:
        await asyncio.to_thread(elsewhere, world, change)
        return await checked(asked, connector)

    monkeypatch.setattr(world.orders._preparing, "checked", overtaken)


@pytest.mark.parametrize("what", ["credential", "account"])
async def test_what_was_deleted_before_the_intent_is_not_sent(
    each_world: World, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The intent's own transaction looks: nothing is written and nothing is sent, though the connector is still live."""
    before_the_intent(
        each_world,
        (lambda accounts: accounts.delete_credential(*PAPER))
        if what == "credential"
        else (lambda accounts: accounts.delete_account(ACCOUNT)),
        monkeypatch,
    )
    with pytest.raises(ConnectorNotConfigured if what == "credential" else UnknownAccount):
        await each_world.orders.place(request(client_order_id="o1"))

    assert each_world.journal.find_order(key("o1")) is None
    assert each_world.truth().orders() == ()


async def test_what_was_replaced_before_the_intent_is_sent_with_the_new(
    each_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order goes out once, through a connector that holds the new credentials."""
    old = await each_world.connector()
    sealed = Vault(each_world.settings.secret_key or "").seal(*PAPER, {})

    def replace(accounts: Accounts) -> None:
        stored = accounts.find_credential(*PAPER)
        assert stored is not None
        assert accounts.put_credential(*PAPER, sealed, old=stored.sealed, exchange_account=ACCOUNT)

    before_the_intent(each_world, replace, monkeypatch)

    async def never(_: Order) -> OrderReport:
        raise AssertionError("sent with credentials that were replaced")

    monkeypatch.setattr(old, "submit_order", never)
    await each_world.orders.place(request(client_order_id="o1"))

    assert await each_world.connector() is not old
    assert [len(each_world.at_exchange("o1")), *each_world.kinds("o1")] == [1, "intended", "accepted"]


async def test_a_cancel_after_the_deletion_is_not_sent(each_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancel is looked at in the same way, and the order is as it was."""
    await each_world.orders.place(request(client_order_id="o1"))
    await asyncio.to_thread(elsewhere, each_world, lambda accounts: accounts.delete_credential(*PAPER))

    with pytest.raises(ConnectorNotConfigured):
        await each_world.orders.cancel(key("o1"))

    assert each_world.order("o1").cancel_requested_at is None
    assert each_world.at_exchange("o1")[0].state == "open"


async def test_a_deletion_waits_for_the_orders_before_it(world: World) -> None:
    """An order whose intent came first is on its way: the answer to the deletion comes when its outcome is there."""
    connector = await world.connector()
    may_answer, was_sent = asyncio.Event(), asyncio.Event()

    class Slow(PaperConnector):
        async def submit_order(self, order: Order) -> OrderReport:
            was_sent.set()
            await may_answer.wait()
            return await super().submit_order(order)

    connector.__class__ = Slow
    placing = asyncio.create_task(world.orders.place(request(client_order_id="o1")))
    await was_sent.wait()
    deleting = asyncio.create_task(deleted(world))
    await until(lambda: world.journal.accounts.find_credential(*PAPER) is None)
    await world.rest()
    assert not deleting.done()

    may_answer.set()
    await deleting
    assert world.order("o1").state is OrderState.OPEN
    await placing


async def test_a_deletion_waits_for_the_cancels_before_it(world: World) -> None:
    """The same holds for a cancel, whose order stays open if the exchange refuses it."""
    await world.orders.place(request(client_order_id="o1"))
    connector = await world.connector()
    may_answer, was_sent = asyncio.Event(), asyncio.Event()

    class Slow(PaperConnector):
        async def cancel_order(self, ref: OrderRef) -> OrderReport:
            was_sent.set()
            await may_answer.wait()
            raise OSError("no answer")

    connector.__class__ = Slow
    canceling = asyncio.create_task(world.orders.cancel(key("o1")))
    await was_sent.wait()
    deleting = asyncio.create_task(deleted(world))
    await until(lambda: world.journal.accounts.find_credential(*PAPER) is None)
    await world.rest()
    assert not deleting.done()

    may_answer.set()
    await deleting
    assert world.kinds("o1")[-1] == "cancel_unconfirmed"
    await canceling


async def test_a_deletion_waits_no_longer_than_a_call_may_take(world: World) -> None:
    """The process that wrote the intent is dead: after the time-out of a call nobody can send it any more."""
    asked = request(client_order_id="o1")
    order = intended(asked, order_id="o1", at=world.clock.now(), terms=asked.terms())
    await world.recorder.begin(order, EventKind.INTENDED, "caller")
    await world.connector()
    deleting = asyncio.create_task(deleted(world))
    # From the moment in which the connector is let go of, the deletion waits.
    await until(lambda: PAPER not in world.sessions._live)
    world.clock.advance(TIMEOUT.total_seconds() - 0.1)
    await world.rest()
    assert not deleting.done()

    world.clock.advance(0.1)
    await until(deleting.done)
    assert world.order("o1").state is OrderState.PENDING


async def test_a_cancel_that_was_held_up_is_not_sent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that stood still between writing a cancel down and sending it does not send it late."""
    await world.orders.place(request(client_order_id="o1"))
    note = world.recorder.note

    async def slow(*args: object, **named: object) -> Order:
        order = await note(*args, **named)  # type: ignore[arg-type]
        if order.cancel_requested_at is not None:
            world.clock.advance(TIMEOUT.total_seconds())
        return order

    monkeypatch.setattr(world.recorder, "note", slow)
    with pytest.raises(OrdergateError, match="The cancel was not sent"):
        await world.orders.cancel(key("o1"))
    assert world.at_exchange("o1")[0].state == "open"


async def test_nothing_is_waited_for_where_nothing_is_under_way(world: World) -> None:
    """Orders that rest, are done or in doubt have no call of their own."""
    await world.orders.place(request(client_order_id="o1"))
    await world.orders.place(request(client_order_id="o2"))
    await world.orders.cancel(key("o2"))
    with pytest.raises(OrderNotFound):
        await world.orders.cancel(key("o2"))
    await calls_ended(world.journal, PAPER, limit=TIMEOUT, clock=world.clock)


async def deleted(world: World) -> None:
    """Delete the account's credentials for the paper exchange by force."""
    await world.accounts.delete_credential(PAPER, force=True)
