"""Handlers of the small contract in ``tests.web.small_contract``; they answer with what they were given."""
