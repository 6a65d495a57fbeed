"""The tests. What they share is in `tests/support`, their fixtures in `conftest.py`."""

import pytest

pytest.register_assert_rewrite("tests.support")
