"""What an answer may hold is one number, of which every form of content gets a share."""

from __future__ import annotations

import pytest

from mlflow_mcp.answers.budget import Budget


@pytest.mark.parametrize("max_chars", [2_000, 32_000, 1_000_000])
def test_every_share_fits_into_the_answer(max_chars):
    budget = Budget.of(max_chars)

    assert budget.content < max_chars
    assert budget.rows < budget.content
    assert budget.short_outline <= budget.excerpt < budget.content


def test_more_is_read_than_is_shown():
    budget = Budget.of(32_000)

    assert budget.content < budget.read_ahead < budget.most_read_at_end
