"""No request, however bad, is a fault of ours."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.web.conftest import PASSWORD, basic, client_of

GOOD = {
    "account_name": "a",
    "amount": "1",
    "price": 2,
    "side": "BUY",
    "tags": ["x"],
    "count": 1,
    "legs": [{"amount": 1}],
}

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(10**300, 10**320),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["1e400", "-0", "1_0", "NaN", "\x00", "\ud800", "9" * 4400, "０", "1e-36", " "]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
ORDERS = st.dictionaries(st.sampled_from([*GOOD, "extra"]), VALUES, max_size=8).map(lambda changes: {**GOOD, **changes})
CUTS = st.tuples(st.integers(0, 200), st.binary(max_size=4))


def damaged(order: Any, cut: tuple[int, bytes]) -> bytes:
    """The order as JSON, with a few bytes replaced somewhere."""
    data = json.dumps(order).encode("utf-8", "surrogatepass")
    position, junk = cut
    return data[:position] + junk + data[position + len(junk) :]


BODIES = st.one_of(
    st.binary(max_size=60),
    VALUES.map(lambda value: json.dumps(value).encode()),
    ORDERS.map(lambda order: json.dumps(order).encode()),
    ORDERS.map(lambda order: json.dumps(order, ensure_ascii=False).encode("utf-8", "surrogatepass")),
    st.builds(damaged, ORDERS, CUTS),
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Content-Type": st.sampled_from(
            ["application/json", "application/json; charset=utf-8", "text/plain", "", ";;;"]
        ),
        "Idempotency-Key": st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=25).map(
            lambda key: key.encode("latin-1")
        ),
    },
)
QUICK = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


def status_of(app: Any, method: str, url: str, **request: Any) -> int:
    async def ask() -> int:
        async with client_of(app, Authorization=basic("admin", PASSWORD)) as client:
            answer = await client.request(method, url, **request)
            assert answer.json() is not None
            return answer.status_code

    return asyncio.run(ask())


@QUICK
@given(body=BODIES, headers=HEADERS)
def test_no_body_is_a_fault(app: Any, body: bytes, headers: dict[str, Any]) -> None:
    """Whatever the body, the order is taken or refused with a reason, on the loop as in Flask."""
    assert status_of(app, "POST", "/orders", content=body, headers=headers) in (201, 400, 413, 415, 422)
    assert status_of(app, "POST", "/reports/search", content=body, headers=headers) in (200, 400, 413, 415, 422)


@QUICK
@given(name=st.text(max_size=12), query=st.text(max_size=20), wait=st.text(max_size=8))
def test_no_path_or_query_is_a_fault(app: Any, name: str, query: str, wait: str) -> None:
    """Whatever stands in the path and the query."""
    name, query, wait = (text.encode("utf-8", "replace").decode() for text in (name, query, wait))
    from urllib.parse import quote

    for path in (
        f"/orders/{quote(name, safe='')}",
        f"/connectors/{quote(name, safe='')}/pairs",
        f"/reports/{quote(name, safe='')}",
    ):
        url = f"{path}?wait={quote(wait)}&trading_pairs={quote(query)}&limits={quote(wait)}&{quote(query, safe='=&')}"
        assert status_of(app, "GET", url) in (200, 307, 404, 405, 422)
