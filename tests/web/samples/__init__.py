"""Handlers of the small contract in ``tests.web.samples.contract``; they answer with what they were given."""
