"""The units of the writer: each decides and writes one thing, in the order of all that is written."""
