"""The promise under fire: real servers, killed and cheated by the exchange, then checked clause by clause against its truth."""
