"""What a person would read of a request or a response."""

from __future__ import annotations

import json

import pytest

from mlflow_mcp.entities.trace import words_of

CHAT = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Where is\nmy order?"}]


@pytest.mark.parametrize(
    ("preview", "words"),
    [
        (None, None),
        ("", None),
        ("plain words", "plain words"),
        ('"quoted words"', "quoted words"),
        (json.dumps({"question": "Where?"}), "Where?"),
        (json.dumps({"messages": CHAT}), "Where is my order?"),
        (json.dumps({"model": "m", "messages": CHAT, "n": 1}), "Where is my order?"),
        (json.dumps({"choices": [{"message": {"role": "assistant", "content": "Here."}}]}), "Here."),
        (json.dumps({"role": "user", "content": [{"type": "text", "text": "a picture of"}]}), None),
        (json.dumps({"order": 7, "state": "shipped"}), '{"order": 7, "state": "shipped"}'),
        (json.dumps({"rows": 2}), '{"rows": 2}'),
        (json.dumps({"id": "x"}), '{"id": "x"}'),
        ('{"question": "cut by MLf', '{"question": "cut by MLf'),
        ("[" * 100_000, "[" * 100_000),
        ("7", "7"),
        ("null", "null"),
    ],
    ids=range(16),
)
def test_the_words_of_a_preview(preview, words):
    if words is None and preview:
        assert words_of(preview) == " ".join(preview.split())
    else:
        assert words_of(preview) == words
