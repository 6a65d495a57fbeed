"""Which differences are not shown because they only say again what others tell."""

from __future__ import annotations

import pytest

from mlflow_mcp.tools.runs.comparing.restated import without_models, without_told_commands

SERVE = "vllm serve /checkpoint --tensor-parallel-size=2 --port 8000 --trust-remote-code --gpu-memory-utilization 0.95 --seed 1234567"


def command(end):
    return f"{SERVE} {end}"


@pytest.mark.parametrize(
    ("others", "is_left_out"),
    [
        ([["dtype", "--dtype bf16", "--dtype fp16"]], True),
        ([["dtype", "bf16", "fp16"]], True),
        ([["extra_args", "--tp 1 --dtype bf16", "--tp 1 --dtype fp16"]], True),
        ([["dtype", "bf16", None]], False),
        ([["extra_args", "--dtype bf16x", "--dtype fp16"]], False),
        ([], False),
    ],
    ids=["as options", "as values", "among options", "of one side only", "the beginning of another", "nowhere"],
)
def test_a_command_is_left_out_where_other_rows_tell_its_differences(others, is_left_out):
    row = ["command", command("--dtype bf16"), command("--dtype fp16")]

    assert without_told_commands([row, *others]) == ([] if is_left_out else [row]) + others


def test_the_end_of_a_cut_command_may_be_the_beginning_of_an_option():
    args = ["args", "--api-key a", "--dtype f"]
    cut, whole = (["command", f"{long} --api-k", f"{long} --dtype f"] for long in (command("--x 1 " * 20), SERVE))

    assert without_told_commands([cut, args]) == [args]
    assert without_told_commands([whole, args]) == [whole, args]


def test_of_two_commands_that_tell_the_same_one_stays():
    rows = [[name, command("--dtype bf16"), command("--dtype fp16")] for name in ("command", "base_command")]

    assert len(without_told_commands(rows)) == 1


@pytest.mark.parametrize(
    ("values", "is_left_out"),
    [
        (["acme/nova", "acme/nova-sft"], True),
        (["/models/acme/nova", "/models/acme/nova-sft"], True),
        (["nova", "nova-sft"], True),
        (["/models/acme/nova", "/other/acme/nova-sft"], False),
        (["nova", "acme/nova-sft"], False),
        (["acme/nova", "acme/nova"], False),
        (["acme/nova", None], False),
        (["ova", "ova-sft"], False),
    ],
)
def test_values_that_are_the_models_are_left_out(values, is_left_out):
    rows = [["name", *values]]

    assert without_models(rows, ["acme/nova", "acme/nova-sft"]) == ([] if is_left_out else rows)


def test_without_a_known_model_nothing_is_left_out():
    rows = [["name", "a/b", "a/c"]]

    assert without_models(rows, ["a/b", None]) == rows
