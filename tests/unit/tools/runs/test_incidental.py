"""Which params say which run it is, and which are choices."""

from __future__ import annotations

import pytest

from mlflow_mcp.tools.runs.incidental import reason_to_ignore

NUMBERS = [str(number) for number in range(8)]


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("seed", ["1", "2"], "seeds"),
        ("train.dataSeed", ["1", "2"], "seeds"),
        ("random_state", ["1", "2"], "seeds"),
        ("output", ["/data/a", "/data/b"], "paths"),
        ("url", ["https://a.example/1", "https://a.example/2"], "paths"),
        ("timestamp", ["1772352120.0", "0.0"], "times"),
        ("when", ["2026-01-01T10:00:00", "2026-01-02 11:00:00"], "times"),
        ("stamp", ["1772352120", "1772352121", "1772352122"], "times"),
        ("run_id", ["a", "b"], "ids"),
        ("trial_number", NUMBERS, "ids"),
        ("config_hash", [f"x{number}" for number in NUMBERS], "ids"),
        ("tracking", [f"{number:032x}" for number in range(8)], "ids"),
        ("hostname", ["node1", "node1"], "ids"),
        # choices
        ("lr", ["0.1", "0.2"], None),
        ("model_id", [f"acme/m{number}" for number in NUMBERS], None),
        ("optimizer.name", ["adam", "sgd", "lion", "rmsprop", "adagrad"], None),
        ("model", ["meta/llama", "qwen/qwen"], None),
        ("data_hash", ["aa", "bb"], None),
        ("config_hash", ["x", "y"] * 4, None),
        ("train_tokens", ["1500000000", "2000000000", "1500000000"], None),
        ("depth", NUMBERS, None),
        ("", NUMBERS, None),
    ],
)
def test_the_reason(name, values, reason):
    assert reason_to_ignore(name, values) == reason
