"""The paper exchange: accounts, price-time matching against a synthetic market, fees, fills and a store that survives a kill.

It imports nothing of the gateway around it: no journal, no connector, no wire protocol. ``exchange.PaperExchange`` is the entry
point for spot, ``perpetual.exchange.PaperPerpetualExchange`` for perpetuals.
"""
