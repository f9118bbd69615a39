"""The gateway beside its peers, on one machine, in one run: ``make bench``. Nothing in here is imported by the product."""
