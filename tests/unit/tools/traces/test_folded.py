"""What of two messages is the same failure."""

from __future__ import annotations

import pytest

from mlflow_mcp.tools.traces.summaries.kinds import folded


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("no answer after 30.0 s (request 0000d89b)", "no answer after <n> s (request <id>)"),
        ("order 10449 of 3fa85f64-5717-4562-b3fc-2c963f66afa6", "order <n> of <id>"),
        ("trace tr-162eac1a5da5b743bc9cfdab9af9e83f failed", "trace <id> failed"),
        ("429 from 10.0.0.17:8080", "<n> from <n>:<n>"),
        ("the facade decade is dead", "the facade decade is dead"),
        ("llama-3.1-8b is overloaded", "llama-<n>-<n>b is overloaded"),
        ("", ""),
    ],
)
def test_numbers_and_ids_are_folded_and_words_stay(message, kind):
    assert folded(message) == kind
