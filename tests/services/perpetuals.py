"""What the tests of positions need: accounts on perpetual connectors, and orders on the paper exchange's."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from app.domain.enums import OrderType, PositionAction, TradeType
from app.domain.order import OrderRequest
from app.services.accounts.accounts import MASTER_ACCOUNT
from app.services.gateway import Gateway
from app.services.orders.placed import Placed
from app.vault import Vault
from tests.gateways import SECRET_KEY

PERPETUAL = "paper_perpetual"


def give(gateway: Gateway, account_name: str, connector_name: str, **credentials: str) -> None:
    """Credentials for an account, which is made if there is none; they are not tried."""
    gateway.journal.accounts.add_account(account_name)
    sealed = Vault(SECRET_KEY).seal(account_name, connector_name, credentials)
    gateway.journal.accounts.put_credential(account_name, connector_name, sealed)


async def market(
    gateway: Gateway,
    amount: str,
    *,
    side: TradeType = TradeType.BUY,
    account_name: str = MASTER_ACCOUNT,
    connector_name: str = PERPETUAL,
    trading_pair: str = "BTC-USDT",
    action: PositionAction = PositionAction.OPEN,
    **terms: Any,
) -> Placed:
    """A market order."""
    return await gateway.orders.place(
        OrderRequest(
            account_name=account_name,
            connector_name=connector_name,
            trading_pair=trading_pair,
            trade_type=side,
            order_type=OrderType.MARKET,
            amount=Decimal(amount),
            position_action=action,
            **terms,
        )
    )
