"""The only credential field of a paper account: its starting balances, as text like ``USDT:1000,BTC:0.5``.

They count when the account is opened; after that its balances are the exchange's. No account is opened here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal

from app.connectors.capabilities import CredentialField
from app.domain.decimals import ZERO, normal, parse_decimal
from app.domain.errors import CredentialsRefused

STARTING_BALANCES = "starting_balances"

CREDENTIAL_FIELDS: Mapping[str, CredentialField] = {
    STARTING_BALANCES: CredentialField(
        type="str",
        required=False,
        help="Play money to open the account with, such as USDT:1000,BTC:0.5; a hundred thousand dollars and some coins by default",
    ),
}

#: No market of the paper exchange could move with more, and sums of such amounts stay far within the bounds of our numbers.
_MOST = Decimal(10) ** 15
#: The decimal places of the exchange's ledger.
_PLACES = 18


def starting_balances(values: Mapping[str, str], assets: Collection[str]) -> Mapping[str, Decimal] | None:
    """The balances in ``values``, or None for the default ones. Raises ``CredentialsRefused`` that says what is wrong."""
    text = values.get(STARTING_BALANCES, "").strip()
    if not text:
        return None
    balances: dict[str, Decimal] = {}
    for part in text.split(","):
        asset, separator, amount = (piece.strip() for piece in part.partition(":"))
        if not separator or asset not in assets:
            raise _refusal(
                f"'{part.strip()[:50]}' is not of the form ASSET:AMOUNT with one of {', '.join(sorted(assets))}"
            )
        if asset in balances:
            raise _refusal(f"{asset} is named twice")
        balances[asset] = _amount(asset, amount)
    return balances


def _amount(asset: str, text: str) -> Decimal:
    try:
        amount = normal(parse_decimal(text))
    except ValueError as error:
        raise _refusal(f"the amount of {asset} {error}") from None
    places = amount.as_tuple().exponent
    if not ZERO <= amount <= _MOST or not isinstance(places, int) or places < -_PLACES:
        raise _refusal(f"the amount of {asset} is not between 0 and {_MOST:f} with at most {_PLACES} places")
    return amount


def _refusal(reason: str) -> CredentialsRefused:
    return CredentialsRefused(f"{STARTING_BALANCES}: {reason}")
