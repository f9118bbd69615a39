"""The paper exchange for perpetuals: positions, margin, funding and liquidation on top of the spot engine of ``app.paper``."""
