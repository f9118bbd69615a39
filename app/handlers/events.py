"""The journal's events as a stream over HTTP and over a WebSocket: the same messages in both.

A message tells one event. ``type`` is ``order`` (something happened to an order), ``fill`` (an execution) or ``balance``; ``seq``
is its place in the journal, by which a caller continues.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from app.domain.decimals import plain
from app.domain.errors import InvalidArgument
from app.domain.safety.events import SafetyEvent
from app.handlers import pages
from app.handlers.forms.fields import utc_text
from app.handlers.forms.views import event_row
from app.handlers.streaming import StreamAnswer
from app.journal.filters import EventFilter
from app.journal.records import JournalEntry
from app.services.acting import ActingGateway

#: Encoded messages by sequence number, shared by all streams: an entry is encoded once, not once per stream.
_MOST_ENCODED = 1024
#: What SQLite and PostgreSQL can count to has 19 digits; no journal has come near it.
_MOST_DIGITS = 18

_encoder = msgspec.json.Encoder(enc_hook=str, decimal_format="string")


async def stream_events(
    gateway: ActingGateway,
    account_names: Sequence[str] | None = None,
    connector_names: Sequence[str] | None = None,
    trading_pairs: Sequence[str] | None = None,
    since: int | None = None,
    last_event_id: str | None = None,
) -> StreamAnswer:
    """GET /trading/events"""
    wanted = stream_filter(account_names, connector_names, trading_pairs)
    start = start_of(since, last_event_id)
    await check_filter(gateway, wanted, start)
    await gateway.event_streams.check_start(start, "since" if last_event_id is None else "Last-Event-ID")
    return StreamAnswer(content_type="text/event-stream", chunks=_server_sent(gateway, start, wanted))


def stream_filter(
    account_names: Sequence[str] | None, connector_names: Sequence[str] | None, trading_pairs: Sequence[str] | None
) -> EventFilter:
    """The filter that the parameters ask for."""
    return EventFilter(
        account_names=tuple(account_names or ()),
        connector_names=tuple(connector_names or ()),
        trading_pairs=tuple(trading_pairs or ()),
    )


async def check_filter(gateway: ActingGateway, wanted: EventFilter, start: int | None) -> None:
    """Raise ``UnknownAccount``, ``UnknownConnector`` or ``UnsupportedPair`` if a stream from now on could never show anything
    for a name. What was there before may have been deleted since, so a stream that goes on is not refused.
    """
    if start is None:
        await pages.require_names(
            gateway,
            pages.Names(
                account_names=wanted.account_names,
                connector_names=wanted.connector_names,
                trading_pairs=wanted.trading_pairs,
            ),
        )


def is_seq(text: str) -> bool:
    """Whether ``text`` is a whole number that an event could have; longer ones would only cost time, or not be converted at all."""
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS


def start_of(since: int | None, last_event_id: str | None) -> int | None:
    """Where a stream starts: after the last event the caller saw, which a browser says in ``Last-Event-ID``.

    Raises ``InvalidArgument`` if that is not a sequence number.
    """
    if last_event_id is None:
        return since
    if not is_seq(last_event_id):
        raise InvalidArgument("Last-Event-ID must be the id of an event of this stream, a whole number")
    return int(last_event_id)


def messages(entries: Sequence[JournalEntry]) -> list[str]:
    """Each entry as JSON."""
    return [message(entry).decode() for entry in entries]


def message(entry: JournalEntry) -> bytes:
    """One entry as JSON."""
    cached = _encoded.get(entry.seq)
    if cached is not None and cached[0] is entry:
        return cached[1]
    encoded = _encoder.encode(_message(entry))
    if len(_encoded) >= _MOST_ENCODED:
        _encoded.clear()
    _encoded[entry.seq] = (entry, encoded)
    return encoded


_encoded: dict[int, tuple[JournalEntry, bytes]] = {}


def _message(entry: JournalEntry) -> Mapping[str, Any]:
    place = {
        "seq": entry.seq,
        "at": utc_text(entry.at),
        "account_name": entry.account_name,
        "connector_name": entry.connector_name,
    }
    if entry.balances is not None:
        balances = [
            {
                "asset": balance.asset,
                "total": plain(balance.total),
                "available": None if balance.available is None else plain(balance.available),
            }
            for balance in entry.balances.balances
        ]
        return {"type": "balance", **place, "balances": balances}
    if entry.safety is not None:
        return {"type": "safety", **place, **_safety(entry.safety)}
    event = event_row(entry)
    return {
        "type": "order" if event["fill"] is None else "fill",
        **place,
        "trading_pair": entry.trading_pair,
        "order_id": entry.order_id,
        "status": entry.status,
        **event,
    }


def _safety(event: SafetyEvent) -> Mapping[str, Any]:
    approval = event.approval
    return {
        "kind": event.kind,
        "scope": event.scope.parts(),
        "mode": event.mode,
        "cancel": event.cancel,
        "limits": None if event.limits is None else sorted(event.limits.given),
        "timeout_seconds": event.timeout_seconds,
        "then": event.then,
        "reason": event.reason,
        "approval_id": None if approval is None else approval.approval_id,
        "order_id": None if approval is None else approval.order_id,
        "by": None if event.actor is None else event.actor.name,
    }


async def _server_sent(gateway: ActingGateway, since: int | None, wanted: EventFilter) -> AsyncIterator[bytes]:
    yield b": connected\n\n"
    async for batch in gateway.event_streams.follow(since, wanted, _as_server_sent):
        # A heartbeat moves the id on as well: who comes back need not look through again what the filter kept away.
        yield batch.rendered_by(_as_server_sent) if batch else b": alive\nid: %d\n\n" % batch.end


def _as_server_sent(entries: Sequence[JournalEntry]) -> bytes:
    return b"".join(
        [b"id: %d\nevent: %s\ndata: %s\n\n" % (entry.seq, _type_of(entry), message(entry)) for entry in entries]
    )


def _type_of(entry: JournalEntry) -> bytes:
    if entry.event is None:
        return b"balance" if entry.safety is None else b"safety"
    return b"order" if entry.event.fill is None else b"fill"
