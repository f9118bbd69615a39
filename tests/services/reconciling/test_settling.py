"""Settling: what one answer of the exchange proves, what it does not, and when it is asked again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec import structs

from app.connectors.paper.spot import PaperConnector
from app.connectors.rows import Rows, UnreadableRow
from app.domain.enums import EventKind, OrderState
from app.domain.errors import ExchangeAccountChanged, OtherExchangeAccount
from app.domain.fill import Fill
from app.domain.order import Order, OrderRef
from app.domain.reports import OrderReport
from app.services.orders.preparing import intended
from app.vault import Vault
from tests.clock import START
from tests.services.world import ACCOUNT, TIMEOUT, World, key, market, request

#: The paper exchange's grace while it may be faulty.
GRACE = 6.0


async def pending(world: World, order_id: str = "o1") -> Order:
    """An order whose process died after the intent."""
    asked = request(client_order_id=order_id)
    order = intended(asked, order_id=order_id, at=world.clock.now(), terms=asked.terms())
    await world.recorder.begin(order, EventKind.INTENDED, "caller")
    return order


async def unknown(world: World, order_id: str = "o1", fault: str = "down") -> Order:
    """An order that was sent, and of which no answer came."""
    world.faults.plan("submit", fault)
    await world.orders.place(request(client_order_id=order_id))
    await world.settling.close()
    return world.order(order_id)


async def test_a_pending_order_is_left_alone_until_its_deadline(world: World) -> None:
    """While the call may still be under way nothing is asked; the answer says when to come back."""
    order = await pending(world)
    world.clock.advance(TIMEOUT.total_seconds() - 0.1)

    settled = await world.settling.settle(order.key)

    assert (settled.is_settled, settled.ask_at) == (False, START + TIMEOUT)
    assert world.kinds("o1") == ["intended"]


async def test_a_pending_order_past_its_deadline_is_in_doubt(world: World) -> None:
    """Then it is unconfirmed, and its absence proves nothing before the grace has passed from there."""
    order = await pending(world)
    world.clock.advance(TIMEOUT.total_seconds())

    settled = await world.settling.settle(order.key)

    assert settled.order.state is OrderState.UNKNOWN
    assert settled.ask_at == world.clock.now() + timedelta(seconds=GRACE)


async def test_absence_after_the_grace_is_proof(world: World) -> None:
    """Grace, no such order, no fill: it never arrived."""
    order = await unknown(world)
    world.clock.advance(GRACE)

    settled = await world.settling.settle(order.key)

    assert settled.is_settled
    assert (settled.order.state, settled.order.error_code) == (OrderState.REJECTED, "never_arrived")
    assert world.journal.history(order.key)[-1].event.evidence  # type: ignore[union-attr]


async def test_absence_within_the_grace_is_none(world: World) -> None:
    """A moment earlier nothing is concluded."""
    order = await unknown(world)
    world.clock.advance(GRACE - 0.001)
    settled = await world.settling.settle(order.key)
    assert (settled.is_settled, settled.order) == (False, order)


@pytest.mark.parametrize(("passed", "is_settled"), [(1.999, False), (2.0, True)])
async def test_absence_after_overload_is_proof_after_the_engine_s_limit(
    world: World, passed: float, is_settled: bool
) -> None:
    """The call has ended, so the connector's shorter grace is enough."""
    connector = await world.connector()
    connector.capabilities = replace(connector.capabilities, overload_grace=timedelta(seconds=2))  # type: ignore[misc]
    await pending(world)
    order = await world.recorder.note(
        key("o1"), EventKind.UNCONFIRMED, "answer", reason_code="overloaded", evidence="-1008"
    )
    world.clock.advance(passed)

    settled = await world.settling.settle(order.key)

    assert settled.is_settled is is_settled
    if not is_settled:
        assert settled.ask_at == order.updated_at + timedelta(seconds=2)


async def test_an_order_that_was_seen_after_overload_has_the_whole_grace(world: World) -> None:
    """The stream showed it and a question does not find it: the overload is long over."""
    connector = await world.connector()
    connector.capabilities = replace(connector.capabilities, overload_grace=timedelta(seconds=2))  # type: ignore[misc]
    await pending(world)
    note = world.recorder.note
    await note(key("o1"), EventKind.UNCONFIRMED, "answer", reason_code="overloaded", evidence="-1008")
    seen = OrderReport(
        order_id="o1", exchange_order_id="7", trading_pair="BTC-USDT", state="open", filled_amount=Decimal(0)
    )
    await world.recorder.observe(key("o1"), seen, "stream", "said so")
    order = await note(key("o1"), EventKind.UNCONFIRMED, "recovery", evidence="not found")
    world.clock.advance(GRACE - 0.001)
    assert not (await world.settling.settle(order.key)).is_settled


async def test_where_absence_is_never_proof_the_order_stays_unknown(world: World) -> None:
    """A connector that can't be asked by our id has no grace, and never gets "never arrived"."""
    connector = await world.connector()
    connector.capabilities = replace(connector.capabilities, absence_grace=None)  # type: ignore[misc]
    order = await unknown(world)
    world.clock.advance(1_000_000)
    settled = await world.settling.settle(order.key)
    assert (settled.is_settled, settled.order) == (False, order)


async def test_an_unanswered_question_changes_nothing(world: World) -> None:
    """The exchange can't be asked: the error is the asker's to see, and the order is as it was."""
    order = await unknown(world)
    world.faults.plan("ask", "unanswered")
    with pytest.raises(Exception, match="502"):
        await world.settling.settle(order.key)
    assert world.order("o1") == order


async def test_an_order_that_is_hidden_at_first_is_found(world: World) -> None:
    """An exchange whose queries lag behind says "no such order" of one that it has; the grace covers that."""
    order = await unknown(world, fault="reset")
    world.faults.plan("query", "hidden")

    assert not (await world.settling.settle(order.key)).is_settled
    settled = await world.settling.settle(order.key)

    assert (settled.is_settled, settled.order.state) == (True, OrderState.OPEN)


class Forgetful(PaperConnector):
    """Denies every order to whoever asks about one, and lists it neither as open."""

    listed: tuple[OrderReport, ...] = ()

    async def fetch_order(self, ref: OrderRef) -> OrderReport | None:
        return None

    async def fetch_open_orders(self, trading_pair: str | None = None) -> Sequence[OrderReport]:
        return self.listed


async def forgotten(world: World) -> Forgetful:
    """The connector, from now on of an exchange that denies all orders."""
    connector = await world.connector()
    connector.__class__ = Forgetful
    assert isinstance(connector, Forgetful)
    return connector


async def test_an_open_order_that_the_exchange_does_not_know_vanishes_slowly(world: World) -> None:
    """Seen open a moment ago it is left alone, then unconfirmed, then, long after the grace has passed, taken for canceled."""
    await world.orders.place(request(client_order_id="o1"))
    await forgotten(world)
    assert (await world.settling.settle(key("o1"))).order.state is OrderState.OPEN
    world.clock.advance(2)
    assert (await world.settling.settle(key("o1"))).order.state is OrderState.UNKNOWN
    world.clock.advance(20 * GRACE - 0.001)
    assert (await world.settling.settle(key("o1"))).order.state is OrderState.UNKNOWN
    world.clock.advance(0.001)
    settled = await world.settling.settle(key("o1"))

    assert (settled.order.state, settled.order.error_code) == (OrderState.CANCELED, "vanished")


async def test_the_patience_grows_with_the_age_of_the_order(world: World) -> None:
    """An order that rested for an hour is missed for an hour, whatever the grace."""
    await world.orders.place(request(client_order_id="o1"))
    world.clock.advance(3_600)
    await forgotten(world)
    assert (await world.settling.settle(key("o1"))).order.state is OrderState.UNKNOWN

    world.clock.advance(3_599)
    settled = await world.settling.settle(key("o1"))
    assert (settled.is_settled, settled.order.state) == (False, OrderState.UNKNOWN)
    world.clock.advance(1)
    assert (await world.settling.settle(key("o1"))).order.error_code == "vanished"


async def test_an_order_that_is_denied_for_minutes_is_open_when_it_is_shown_again(world: World) -> None:
    """No final state in between, and so none that is taken back."""
    await world.orders.place(request(client_order_id="o1"))
    connector = await forgotten(world)
    for _ in range(10):
        world.clock.advance(10)
        await world.settling.settle(key("o1"))
    connector.__class__ = PaperConnector

    settled = await world.settling.settle(key("o1"))

    assert (settled.is_settled, settled.order.state) == (True, OrderState.OPEN)
    assert world.kinds("o1") == ["intended", "accepted", "unconfirmed", "accepted"]


@pytest.mark.parametrize("was_seen", [False, True], ids=["never seen", "seen"])
async def test_an_order_that_only_the_open_list_shows_is_there(world: World, was_seen: bool) -> None:
    """Whoever asks about the order is told that there is none, while the list of open orders has it: nothing is concluded."""
    placed = (await world.orders.place(request(client_order_id="o1"))).order if was_seen else await unknown(world)
    connector = await forgotten(world)
    if was_seen:
        world.clock.advance(2)
        await world.settling.settle(placed.key)
    connector.listed = (
        OrderReport(
            order_id="o1",
            exchange_order_id=placed.exchange_order_id or "7",
            trading_pair="BTC-USDT",
            state="open",
            filled_amount=Decimal(0),
        ),
    )
    world.clock.advance(1_000)

    settled = await world.settling.settle(placed.key)

    assert (settled.is_settled, settled.order.state) == (True, OrderState.OPEN)


async def test_another_order_under_our_id_is_not_ours(world: World) -> None:
    """Another program uses our id once our order is done there: its number differs; its state and its fills are not ours."""
    await world.orders.place(request(client_order_id="o1"))
    fill = Fill(
        exchange_fill_id="f9",
        price=Decimal(40_000),
        amount=Decimal("0.01"),
        fee=Decimal(0),
        fee_currency="BTC",
        filled_at=START,
    )
    foreign = OrderReport(
        order_id="o1",
        exchange_order_id="4711",
        trading_pair="BTC-USDT",
        state="filled",
        filled_amount=Decimal("0.01"),
        fills=(fill,),
    )
    connector = await world.connector()

    class Confused(PaperConnector):
        async def fetch_order(self, ref: OrderRef) -> OrderReport | None:
            return foreign

    connector.__class__ = Confused
    world.clock.advance(5)
    settled = await world.settling.settle(key("o1"))
    observed = await world.recorder.observe(key("o1"), foreign, "stream", "the stream")

    assert (settled.order.state, observed.order.state) == (OrderState.UNKNOWN, OrderState.UNKNOWN)
    assert (observed.order.filled_amount, observed.missing_fills) == (Decimal(0), False)


# -- the account at the exchange ----------------------------------------------------------------------------------------


async def names_account(world: World, name: str | None) -> None:
    """From now on the exchange says that the credentials open the account ``name``."""
    connector = await world.connector()

    async def named() -> str | None:
        return name

    connector.fetch_exchange_account = named  # type: ignore[method-assign, assignment]


async def test_no_conclusion_is_drawn_from_another_account(world: World) -> None:
    """The exchange denies the order, and has begun to answer for another account since: the order stays in doubt."""
    order = await unknown(world)
    assert order.exchange_account == ACCOUNT
    world.clock.advance(GRACE)
    await names_account(world, "another")

    with pytest.raises(ExchangeAccountChanged):
        await world.settling.settle(order.key)
    assert world.order("o1") == order


async def test_the_account_is_asked_anew_for_the_proof(world: World) -> None:
    """That it was the right one some minutes ago is not enough for a conclusion that can't be taken back."""
    order = await unknown(world)
    await world.settling.settle(order.key)
    await names_account(world, "another")
    world.clock.advance(60)

    with pytest.raises(ExchangeAccountChanged):
        await world.settling.settle(order.key)
    assert world.order("o1") == order


@pytest.mark.parametrize("fault", ["silence", "an error"])
async def test_no_conclusion_is_drawn_without_the_account(world: World, fault: str) -> None:
    """An exchange that does not say whose account it answers for proves nothing, nor does one that can't be asked."""
    order = await unknown(world)
    world.clock.advance(GRACE)
    await names_account(world, None)
    if fault == "silence":
        assert not (await world.settling.settle(order.key)).is_settled
    else:
        connector = await world.connector()

        async def failing() -> str:
            raise OSError("no answer")

        connector.fetch_exchange_account = failing  # type: ignore[method-assign]
        with pytest.raises(OSError, match="no answer"):
            await world.settling.settle(order.key)
    assert world.order("o1") == order


async def test_an_order_of_another_account_is_not_concluded(world: World) -> None:
    """The order says itself where it is, whatever credentials are stored now."""
    order = await unknown(world)
    world.journal.accounts.delete_credential(*key("o1").account)
    with world.journal.database.change() as connection:
        connection.exec_driver_sql("UPDATE orders SET exchange_account = 'earlier'")
    sealed = Vault(world.settings.secret_key or "").seal(*key("o1").account, {})
    with pytest.raises(OtherExchangeAccount, match=r"active orders on 'paper' .* \(o1\)"):
        world.journal.accounts.put_credential(*key("o1").account, sealed, exchange_account=ACCOUNT)
    with world.journal.database.change() as connection:
        connection.exec_driver_sql(
            "INSERT INTO credentials (account_name, connector_name, sealed, created_at, version, exchange_account)"
            " VALUES (?, ?, ?, '2026-01-01', 99, ?)",
            (*key("o1").account, sealed, ACCOUNT),
        )
        connection.exec_driver_sql("UPDATE journal_sequence SET credentials_version = 99")
    await world.sessions.retire_changed()
    world.clock.advance(GRACE)

    with pytest.raises(ExchangeAccountChanged):
        await world.settling.settle(order.key)
    assert world.order("o1").state is OrderState.UNKNOWN


async def test_credentials_of_before_learn_their_account(world: World) -> None:
    """Credentials and orders from before accounts were written down: the first word of the exchange is kept, and then holds."""
    order = await unknown(world)
    with world.journal.database.change() as connection:
        connection.exec_driver_sql("UPDATE orders SET exchange_account = NULL")
        connection.exec_driver_sql("UPDATE credentials SET exchange_account = NULL")
    assert world.journal._writer is not None
    world.journal._writer._cache.check(-1)
    await names_account(world, "the first")
    await world.settling.settle(order.key)
    stored = world.journal.accounts.find_credential(*order.key.account)
    assert stored is not None
    assert stored.exchange_account == "the first"

    world.clock.advance(60)
    await names_account(world, "another")
    with pytest.raises(ExchangeAccountChanged):
        await world.settling.settle(order.key)
    await names_account(world, "the first")
    assert (await world.settling.settle(order.key)).order.error_code == "never_arrived"


async def test_fills_of_an_order_that_is_not_known_are_taken(world: World) -> None:
    """The exchange lists a fill and says "no such order": the fill is recorded once, and nothing is concluded."""
    order = await unknown(world)
    connector = await world.connector()
    fill = Fill(
        exchange_fill_id="f1",
        price=Decimal(40_000),
        amount=Decimal("0.004"),
        fee=Decimal(0),
        fee_currency="BTC",
        filled_at=START,
    )

    class Listing(PaperConnector):
        async def fetch_fills(self, ref: OrderRef) -> Sequence[Fill]:
            return [fill]

    connector.__class__ = Listing
    world.clock.advance(GRACE)
    for _ in range(3):
        settled = await world.settling.settle(order.key)
        world.clock.advance(GRACE)

    assert not settled.is_settled
    assert settled.order.filled_amount == Decimal("0.004")
    assert [kind for kind in world.kinds("o1") if "fill" in kind] == ["partially_filled"]


async def test_what_comes_between_the_question_and_the_conclusion_wins(world: World) -> None:
    """The stream shows the order after the exchange was asked: the older "no such order" is not recorded."""
    order = await unknown(world)
    world.clock.advance(GRACE)
    connector = await world.connector()

    class Overtaken(PaperConnector):
        async def fetch_fills(self, ref: OrderRef) -> Sequence[Fill]:
            report = OrderReport(
                order_id="o1", exchange_order_id="7", trading_pair="BTC-USDT", state="open", filled_amount=Decimal(0)
            )
            await world.recorder.observe(order.key, report, "stream", "the stream")
            return []

    connector.__class__ = Overtaken
    settled = await world.settling.settle(order.key)

    assert settled.order.state is OrderState.OPEN
    assert "never_arrived" not in world.kinds("o1")


async def test_a_pending_order_that_was_accepted_meanwhile_is_not_doubted(world: World) -> None:
    """The answer is recorded between recovery's look and its note: the order stays open."""
    order = await pending(world)
    find = world.settling._find

    async def stale(*_: object) -> Order:
        found = await find(order.key)
        report = OrderReport(
            order_id="o1", exchange_order_id="7", trading_pair="BTC-USDT", state="open", filled_amount=Decimal(0)
        )
        await world.recorder.observe(order.key, report, "answer", "the answer")
        return found

    world.settling._find = stale  # type: ignore[method-assign]
    world.clock.advance(TIMEOUT.total_seconds())
    settled = await world.settling.settle(order.key)

    assert settled.order.state is OrderState.OPEN
    assert "unconfirmed" not in world.kinds("o1")


async def test_a_done_order_is_recorded_with_its_missing_fills(world: World) -> None:
    """The exchange filled it while nobody listened: fills first, then the final state."""
    await world.orders.place(request(client_order_id="o1"))
    world.path.prices["BTC-USDT"] = Decimal(39_000)
    world.clock.advance(5)

    settled = await world.settling.settle(key("o1"))

    assert (settled.is_settled, settled.order.state) == (True, OrderState.FILLED)
    assert world.violations() == ()


async def test_fills_that_a_report_does_not_carry_are_fetched(world: World) -> None:
    """A report with a total and without its fills makes the fills be asked for before anything final is recorded."""
    await world.orders.place(request(client_order_id="o1"))
    world.path.prices["BTC-USDT"] = Decimal(39_000)
    world.clock.advance(5)
    connector = await world.connector()
    full = await connector.fetch_order(world.order("o1").ref)
    assert full is not None

    order = await world.settling.record(connector, world.order("o1"), structs.replace(full, fills=()))

    assert order.state is OrderState.FILLED
    assert world.violations() == ()


async def test_fills_that_are_not_listed_yet_keep_the_order_unsettled(world: World) -> None:
    """The exchange counts more than it lists: no final state is recorded, and it is asked again."""
    await world.orders.place(request(client_order_id="o1"))
    world.path.prices["BTC-USDT"] = Decimal(39_000)
    world.clock.advance(5)
    connector = await world.connector()

    class Lagging(PaperConnector):
        async def fetch_order(self, ref: OrderRef) -> OrderReport | None:
            report = await super().fetch_order(ref)
            return None if report is None else structs.replace(report, fills=())

        async def fetch_fills(self, ref: OrderRef) -> Sequence[Fill]:
            return []

    connector.__class__ = Lagging
    settled = await world.settling.settle(key("o1"))
    assert (settled.is_settled, settled.order.state) == (False, OrderState.OPEN)


async def test_a_final_order_is_not_asked_about(world: World) -> None:
    """There is nothing to learn."""
    await world.orders.place(market(client_order_id="o1"))
    world.faults.plan("ask", "unanswered")
    assert (await world.settling.settle(key("o1"))).is_settled


async def test_an_order_that_the_journal_does_not_have(world: World) -> None:
    """Asking about nothing is the caller's mistake."""
    with pytest.raises(LookupError):
        await world.settling.settle(key("nothing"))


async def test_a_trade_that_can_not_be_read_keeps_an_order_in_doubt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exchange knows no such order, and one row of its fills says nothing readable: it may be a fill of this one."""
    order = await unknown(world)
    world.clock.advance(GRACE + 1)
    connector = await world.connector()
    row = UnreadableRow(why="an odd price")

    async def fetch_fills(ref: OrderRef) -> Sequence[Fill]:
        return Rows.of([], [row])

    with monkeypatch.context() as patched:
        patched.setattr(connector, "fetch_fills", fetch_fills)
        settled = await world.settling.settle(order.key)
    assert (settled.is_settled, settled.order.state) == (False, OrderState.UNKNOWN)
    assert (await world.settling.settle(order.key)).order.state is OrderState.REJECTED
