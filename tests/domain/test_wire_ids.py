"""Ids in the forms that exchanges demand."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from app.domain.wire_ids import WireIdForm, wire_id

FORMS = {
    "hex": r"[0-9a-f]{32}",
    "0x_hex": r"0x[0-9a-f]{32}",
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    "bits_31": r"[1-9][0-9]{0,9}",
    "bits_32": r"[1-9][0-9]{0,9}",
    "bits_48": r"[1-9][0-9]{0,14}",
    "bits_64": r"[1-9][0-9]{18,19}",
    "digits_20": r"[1-9][0-9]{19}",
    "t_26": r"t-[0-9a-z]{26}",
}


@pytest.mark.parametrize("form", [form for form in get_args(WireIdForm) if form != "same"])
def test_an_id_has_its_form(form: WireIdForm) -> None:
    """It is the same for the same order, another one for another order, and as long as the exchange allows."""
    found = [wire_id(form, f"order-{number}") for number in range(200)]
    assert found == [wire_id(form, f"order-{number}") for number in range(200)]
    assert len(set(found)) == len(found)
    for each in found:
        assert each is not None
        assert re.fullmatch(FORMS[form], each)
        if form.startswith("bits_"):
            assert 0 < int(each) < 1 << int(form.removeprefix("bits_"))


def test_an_exchange_that_takes_ours_gets_ours() -> None:
    """There is nothing to derive then."""
    assert wire_id("same", "order-1") is None
