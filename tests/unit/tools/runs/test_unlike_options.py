"""Which part of long commands is shown where they differ."""

from __future__ import annotations

import pytest

from mlflow_mcp.tools.runs.comparing.restated import unlike_options

SAME = "vllm serve /checkpoint --tensor-parallel-size=2 --port 8000 --trust-remote-code --gpu-memory-utilization 0.95 --seed 1234567"


@pytest.mark.parametrize(
    ("ends", "parts"),
    [
        (["--dtype bfloat16", "--dtype float16"], ["… --dtype bfloat16", "… --dtype float16"]),
        (["--tp 1 --pp 2", "--tp 2 --pp 1"], ["… --tp 1 --pp 2", "… --tp 2 --pp 1"]),
        (["--a 1 --b 2", "--b 2 --a 1"], []),
        (["--a 1", ""], []),
    ],
    ids=["one option", "swapped values", "another order only", "nothing left of one"],
)
def test_only_unlike_options_are_shown_and_none_where_they_do_not_tell_the_commands_apart(ends, parts):
    assert unlike_options([f"{SAME} {end}" for end in ends]) == parts


def test_short_commands_and_other_texts_are_shown_as_they_are():
    assert unlike_options(["serve --a 1", "serve --a 2"]) == []
    assert unlike_options(["x" * 200, "y" * 200]) == []
