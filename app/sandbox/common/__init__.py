"""What exchanges share whose protocol is plain REST with acknowledgements: admission, orders that are done, markets, faults."""
