"""What a preview asks Binance: fees, leverage, and a check of the order that places nothing; by the exchange's own protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from msgspec import structs

from app.connectors.base import Connector
from app.connectors.binance.perpetual import BinancePerpetualConnector
from app.domain.enums import TradeType
from app.domain.errors import OrderRefused
from tests.connectors.binance.conftest import an_order
from tests.connectors.binance.dialect import BinanceDialect
from tests.connectors.binance.perpetual_dialect import BinancePerpetualDialect


@pytest.fixture(params=[BinanceDialect, BinancePerpetualDialect])
async def dialect(request: pytest.FixtureRequest) -> AsyncIterator[BinanceDialect]:
    """A local Binance, spot and futures."""
    dialect: BinanceDialect = request.param()
    await dialect.start()
    try:
        yield dialect
    finally:
        await dialect.stop()


async def connected(dialect: BinanceDialect) -> Connector:
    connector = dialect.connect()
    await connector.load_trading_rules()
    return connector


async def test_what_a_preview_asks(dialect: BinanceDialect) -> None:
    """The account's fees and leverage as the exchange has them; a checked order is refused as it would be, and none is placed."""
    connector = await connected(dialect)
    try:
        rates = await connector.fetch_fee_rates(dialect.pair, TradeType.BUY)
        fees = dialect.exchange.fees
        assert (rates.maker, rates.taker, rates.source) == (fees.maker, fees.taker, "exchange")
        if isinstance(connector, BinancePerpetualConnector):
            assert await connector.fetch_leverage(dialect.pair) == 1
            await connector.set_leverage(dialect.pair, 5)
            assert await connector.fetch_leverage(dialect.pair) == 5
        order = an_order(dialect.clock, price=Decimal(60_000), amount=Decimal("0.1"))
        await connector.check_order(order)
        with pytest.raises(OrderRefused):
            await connector.check_order(structs.replace(order, price=Decimal("60000.0001")))
        assert dialect.exchange.snapshot().orders == ()
    finally:
        await connector.close()
