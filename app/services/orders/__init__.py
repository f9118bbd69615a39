"""The order path: placing, cancelling, replaying, recording and looking up orders."""
