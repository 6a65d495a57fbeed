"""A part of a document is masked by the key that it was found under."""

from __future__ import annotations

import pytest

from mlflow_mcp.answers.masking import HIDDEN, mask_at


@pytest.mark.parametrize("path", ["api_key", "model.api_key", 'servers[*]."api-key"', "deployment.tasks[0].password"])
def test_a_value_under_a_telltale_key_is_hidden(path):
    assert mask_at("correct horse", path) == HIDDEN


@pytest.mark.parametrize("path", ["", "@", "model.name", "api_key_count", "api_key.owner"])
def test_a_value_under_another_key_stays(path):
    assert mask_at("correct horse", path) == "correct horse"
