"""Tests of the connectors. The conformance suite is no test module, so its assertions are rewritten by request."""

import pytest

pytest.register_assert_rewrite("tests.connectors.conformance")
