"""What leaves a connector holds no credential: every verb, every kind of error, and every form in which a text may show a key."""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from app.connectors.base import Connector, ConnectorContext
from app.connectors.capabilities import Capabilities, CredentialField, MarketTopic
from app.connectors.redaction import ConnectorFault, Redactor, guarded, secrets_of
from app.connectors.registry import CONNECTORS, connector_class
from app.connectors.rows import Rows, UnreadableRow, unreadable_rows
from app.domain.errors import CredentialsRefused, ExchangeDown, OrderRefused, RateLimited
from app.domain.fill import Fill
from app.domain.markets.trading_rule import TradingRule
from app.domain.order import Order, OrderRef
from app.domain.reports import Balance, ConnectorEvent, Gap, MarketEvent, OrderReport
from tests.clock import FakeClock

KEY = "CanaryKeyThatNobodyMayEverSee"
PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIF+canary/canary=\n-----END PRIVATE KEY-----"
REF = OrderRef(order_id="og-1", trading_pair="BTC-USDT", exchange_order_id="1")
REPORT = OrderReport(
    order_id="og-1",
    exchange_order_id="1",
    trading_pair="BTC-USDT",
    state="rejected",
    filled_amount=Decimal(0),
    reason_code=f"for {KEY}",
    reason=f"no such key: {KEY}",
)


class Parrot(Connector):
    """Says its key whenever it opens its mouth."""

    name = "parrot"
    capabilities = Capabilities(order_types=())

    async def load_trading_rules(self, max_age: timedelta | None = None) -> Mapping[str, TradingRule]:
        return {}

    async def fetch_fills(self, ref: OrderRef) -> Sequence[Fill]:
        return ()

    async def submit_order(self, order: Order) -> OrderReport:
        raise ZeroDivisionError(f"while sending {KEY}")

    async def cancel_order(self, ref: OrderRef) -> OrderReport:
        return REPORT

    async def fetch_order(self, ref: OrderRef) -> OrderReport | None:
        try:
            raise OSError(f"signed with {KEY}")
        except OSError as error:
            raise OrderRefused("no", exchange_code=KEY) from error

    async def fetch_open_orders(self, trading_pair: str | None = None) -> Sequence[OrderReport]:
        if trading_pair is None:
            return [REPORT]
        return Rows.of([REPORT], [UnreadableRow(order_id="og-2", exchange_order_id=None, why=f"no number: {KEY}")])

    async def fetch_exchange_account(self) -> str | None:
        return None

    async def fetch_balances(self) -> Sequence[Balance]:
        raise TimeoutError(f"waited for {KEY}")

    def check_available(self) -> None:
        raise ExchangeDown(f"{KEY} is closed")

    async def events(self) -> AsyncIterator[ConnectorEvent]:
        yield Gap(reason=f"connected as {KEY}")
        yield REPORT
        raise OSError(f"lost {KEY}")

    async def try_order(self) -> None:
        raise CredentialsRefused(f"no such key: {KEY}")

    def follow(self, topic: MarketTopic) -> AsyncGenerator[MarketEvent, None]:
        return self._follow()

    async def _follow(self) -> AsyncGenerator[MarketEvent, None]:
        yield Gap(reason=f"connected as {KEY}")
        raise OSError(f"lost {KEY}")

    async def close(self) -> None:
        raise RuntimeError(KEY)


@pytest.fixture
def parrot(clock: FakeClock) -> Parrot:
    context = ConnectorContext(account_name="main", credentials={}, clock=clock)
    connector = Parrot(context)
    assert guarded(connector, Redactor([KEY])) is connector
    return connector


async def raised(work: Any) -> Exception:
    with pytest.raises(Exception) as caught:
        await work
    assert KEY not in "".join(traceback.format_exception(caught.value))
    return caught.value


async def test_an_exception_that_nobody_knows_stays_unknown(parrot: Parrot) -> None:
    """It is replaced by one that names its class, and is in no tree, so that the order's outcome is unknown."""
    error = await raised(parrot.submit_order(None))  # type: ignore[arg-type]
    assert type(error) is ConnectorFault
    assert str(error) == "ZeroDivisionError: while sending ***"


async def test_a_refusal_stays_what_it_is(parrot: Parrot) -> None:
    """Its words are cleaned, and so is what led to it, by being cut off."""
    error = await raised(parrot.fetch_order(REF))
    assert type(error) is OrderRefused
    assert (error.detail, error.exchange_code, error.__cause__, error.__context__) == ("no", "***", None, None)


async def test_a_time_out_stays_one(parrot: Parrot) -> None:
    """Services tell a time-out from other failures."""
    error = await raised(parrot.fetch_balances())
    assert type(error) is TimeoutError
    assert "waited for ***" in str(error)
    assert type(await raised(parrot.close())) is ConnectorFault


async def test_verbs_that_a_connector_need_not_have_are_guarded_too(parrot: Parrot) -> None:
    """Those of markets, of perpetuals, and of previews and operators."""
    error = await raised(parrot.try_order())
    assert (type(error), str(error)) == (CredentialsRefused, "no such key: ***")
    events = parrot.follow(MarketTopic(kind="ticker", trading_pair="BTC-USDT"))
    assert await anext(events) == Gap(reason="connected as ***")
    assert str(await raised(anext(events))) == "OSError: lost ***"


def test_the_verb_that_does_not_wait(parrot: Parrot) -> None:
    """It is guarded like the others."""
    with pytest.raises(ExchangeDown, match=r"^\*\*\* is closed$"):
        parrot.check_available()


async def test_reports_are_cleaned(parrot: Parrot) -> None:
    """The exchange's reason for what it did, in answers, in lists and in the stream; then the stream's own end."""
    for report in (await parrot.cancel_order(REF), *await parrot.fetch_open_orders()):
        assert (report.reason_code, report.reason) == ("for ***", "no such key: ***")
    assert await parrot.fetch_fills(REF) == ()
    events = parrot.events()
    assert await anext(events) == Gap(reason="connected as ***")
    assert KEY not in repr(await anext(events))
    assert str(await raised(anext(events))) == "OSError: lost ***"


async def test_what_can_not_be_read_of_a_list_is_still_said(parrot: Parrot) -> None:
    """The rows that are left out prove nothing about the orders that they may be about, so they go on with the list, cleaned."""
    [odd] = unreadable_rows(await parrot.fetch_open_orders("BTC-USDT"))
    assert (odd.order_id, odd.why) == ("og-2", "no number: ***")


async def test_a_stream_that_is_let_go_of_ends_inside(parrot: Parrot) -> None:
    """Closing the guarded stream closes the connector's."""
    ended = asyncio.Event()

    async def stream(_: Parrot) -> AsyncIterator[ConnectorEvent]:
        try:
            yield Gap()
            yield Gap()
        finally:
            ended.set()

    connector = type("Quiet", (Parrot,), {"events": stream})(parrot.context)
    events = guarded(connector, Redactor([KEY])).events()
    await anext(events)
    await events.aclose()  # type: ignore[attr-defined]
    assert ended.is_set()


async def test_a_connector_without_secrets_is_left_alone(clock: FakeClock, parrot: Parrot) -> None:
    """Nothing stands between the gateway and an exchange that has no keys."""
    connector = Parrot(parrot.context)
    assert vars(guarded(connector, Redactor([]))) == vars(Parrot(parrot.context))


# -- texts ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"{KEY} and {KEY}", "*** and ***"),
        (f"cut off: {KEY[:20]}", "cut off: ***"),
        (f"cut off: {KEY[:20]} (status 400)", "cut off: *** (status 400)"),
        (f"begins like it: {KEY[:11]}", f"begins like it: {KEY[:11]}"),
        (KEY.swapcase(), KEY.swapcase()),
        ("", ""),
    ],
)
def test_a_secret_is_struck_out_also_where_it_was_shortened(text: str, clean: str) -> None:
    """Somebody may have cut a long message in the middle of the key; eleven letters in common are chance."""
    assert Redactor([KEY]).text(text) == clean


@pytest.mark.parametrize("form", [PEM, repr(PEM), json.dumps(PEM), quote(PEM), PEM.replace("\n", "\\n"), PEM[28:60]])
def test_a_private_key_is_struck_out_in_every_form(form: str) -> None:
    """As it stands, escaped, quoted, and by the line."""
    assert "canary" not in Redactor([PEM]).text(f"bad key {form}!")
    assert "canary" not in Redactor([PEM.replace("\n", "\\n")]).text(f"bad key {form}!")


def test_the_longer_of_two_secrets_goes_first() -> None:
    """One that begins like the other leaves no rest of it."""
    assert Redactor(["secret-of-mine", "secret-of-mine-and-more"]).text("<secret-of-mine-and-more>") == "<***>"


def test_what_is_too_short_to_be_a_secret() -> None:
    """Five letters are a word, and a mode or an address that was not declared a secret is none."""
    assert Redactor(["limit"]).text("the limit") == "the limit"
    assert Redactor(["limits"]).text("the limits") == "the ***"
    fields: Mapping[str, CredentialField] = {"a": CredentialField(), "b": CredentialField(type="str")}
    assert secrets_of(fields, {"a": "one", "b": "two", "c": "three"}) == ["one", "three"]


def test_an_error_without_a_secret_is_left_as_it_is() -> None:
    """Its causes too."""
    error, cause = RateLimited("too fast"), OSError("reset")
    error.__cause__ = cause
    assert Redactor([KEY]).error(error) is error
    assert error.__cause__ is cause
    cause.__context__ = error
    assert Redactor([KEY]).error(error) is error, "a circle is walked once"


def test_notes_and_groups_are_read_too() -> None:
    """A secret that hides in them is found."""
    noted = ExchangeDown("closed")
    noted.add_note(f"asked with {KEY}")
    assert Redactor([KEY]).error(noted) is noted
    assert not hasattr(noted, "__notes__")
    group = ExceptionGroup("two", [ValueError("one"), ValueError(KEY)])
    assert str(Redactor([KEY]).error(group)) == "ExceptionGroup: two (2 sub-exceptions)"
    member = ValueError("one")
    member.__cause__ = OSError(KEY)
    assert type(Redactor([KEY]).error(ExceptionGroup("deep", [member]))) is ConnectorFault


@pytest.mark.parametrize("name", CONNECTORS)
def test_every_connector_declares_its_secrets(name: str) -> None:
    """A key or a secret that were plain text by declaration would be shown."""
    fields = connector_class(name).credential_fields
    plain = [field for field, each in fields.items() if each.type != "SecretStr"]
    assert [field for field in plain if "key" in field or "secret" in field or "pass" in field] == []
