"""An exchange in a box: accounts, price-time matching against a synthetic market, fees, fills and a store that survives a kill.

It knows nothing of the gateway around it: no journal, no connector, no wire protocol. ``exchange.PaperExchange`` is the way in.
"""
