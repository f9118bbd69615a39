"""Handlers of the small contract in ``tests.web.contract``; they answer with what they were given."""
