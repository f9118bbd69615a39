"""The order path: checking, placing, cancelling and recording orders."""
