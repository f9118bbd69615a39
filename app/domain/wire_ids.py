"""The form that an exchange demands of a client order id, where ours does not fit.

Such an id is derived from the order's own, so the same order always has the same one, and it is in the journal before the first
byte leaves. It can't be turned back: the journal, which keeps both, is where one is found by the other.
"""

from __future__ import annotations

import hashlib
from typing import Literal
from uuid import UUID

#: ``same``: the order's own id. ``hex``: 32 hexadecimal digits, ``0x_hex`` with "0x" before them, ``uuid`` in the form of a
#: UUID. ``bits_31``, ``bits_32`` and ``bits_48``: a decimal number of that many bits; ``bits_64`` has the highest one set.
#: ``digits_20``: twenty decimal digits. ``t_26``: "t-" and 26 letters and digits.
WireIdForm = Literal["same", "hex", "0x_hex", "uuid", "bits_31", "bits_32", "bits_48", "bits_64", "digits_20", "t_26"]

_BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"


def wire_id(form: WireIdForm, order_id: str) -> str | None:
    """The client id of ``order_id`` at an exchange that demands ``form``; None where it is the order's own."""
    if form == "same":
        return None
    digest = hashlib.sha256(order_id.encode("ascii")).digest()
    number = int.from_bytes(digest)
    if form == "hex":
        return digest[:16].hex()
    if form == "0x_hex":
        return "0x" + digest[:16].hex()
    if form == "uuid":
        return str(UUID(bytes=digest[:16], version=4))
    if form == "digits_20":
        return str(10**19 + number % (9 * 10**19))
    if form == "t_26":
        return "t-" + "".join(_BASE32[number >> 5 * place & 31] for place in range(26))
    if form == "bits_64":
        return str(1 << 63 | number % (1 << 63))
    bits = int(form.removeprefix("bits_"))
    # Zero means "none" at some exchanges.
    return str(1 + number % ((1 << bits) - 1))
