"""The verbs: what the gateway does, without HTTP and without SQL.

Services write through the journal and reach exchanges through connectors. Each is an object that gets what it needs when
``bootstrap`` builds it. No service knows its callers.

    orders       placing and cancelling orders, and recording what happens to them
    reconciling  keeping orders and funding payments equal to what the exchanges have; uses orders
    accounts     accounts, credentials and users, and what accounts hold: balances, positions, settings
    markets      prices, order books, candles, trades, rates and trading rules
"""
