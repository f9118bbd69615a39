"""Property tests draw the same examples on every run, so that a failure is the code's and not the day's."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")
