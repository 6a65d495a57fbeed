"""compare_runs where the model was served otherwise: what a server was started with, and without, and what nothing records."""

from __future__ import annotations

import pytest

from tests.support.asking import rows_of
from tests.support.evaluated import INVOCATION, evaluated, results, statistics
from tests.support.stores import filled

OTHER = "b2" * 8
DEPLOYED = "config.deployment."
ON = {f"{DEPLOYED}type": "vllm"}
SHARE = {"acc": {"value": 0.5, "stats": {"stderr": 0.05, "count": 100}}}


def started(*options):
    return {f"{DEPLOYED}type": "vllm", f"{DEPLOYED}extra_args": " ".join(options)}


def file_of(**deployment):
    tasks = [{"name": f"t{at}"} for at in range(3)]
    return {"../config.yml": {"deployment": deployment, "evaluation": {"tasks": tasks}}}


@pytest.fixture
def compared(empty_store, tmp_path, ask):
    """The comparison of two runs of a task, each given as (params, files of its run's root)."""

    def compare(*sides):
        runs = [
            evaluated(
                tmp_path,
                number,
                invocation=invocation,
                params=params,
                metrics={"ifeval_acc": 0.5 + number / 10},
                files={
                    "artifacts/results.yml": results({"acc": {**SHARE["acc"], "value": 0.5 + number / 10}}),
                    "artifacts/eval_factory_metrics.json": statistics(100),
                    **files,
                },
            )
            for number, (invocation, (params, files)) in enumerate(zip((INVOCATION, OTHER), sides), 1)
        ]
        return ask(filled(empty_store, runs), "compare_runs", run_ids=[INVOCATION, OTHER]).data

    return compare


def unequal(data):
    return {row["unequal"]: (row["A"], row["B"]) for row in rows_of(data.get("unequal", {"columns": [], "rows": []}))}


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--quantization fp8"], {"quantization": ("not set", "fp8")}),
        (["--kv-cache-dtype=fp8_e4m3"], {"kv_cache_dtype": ("not set", "fp8_e4m3")}),
        (["--revision abc123"], {"server.revision": ("not set", "abc123")}),
        (["--reasoning-parser", "deepseek_r1"], {"reasoning_parser": ("not set", "deepseek_r1")}),
        (["--enable-auto-tool-choice", "--port 1"], {"enable_auto_tool_choice": ("not set", "true")}),
        (["--chat-template a.jinja"], {"server.chat_template": ("not set", "a.jinja")}),
        (["--tensor-parallel-size 8", "--enforce-eager"], {}),
    ],
)
def test_an_option_that_one_server_was_started_without_is_unequal(options, found, compared):
    assert unequal(compared((started("--dtype bfloat16"), {}), (started("--dtype bfloat16", *options), {}))) == found


@pytest.mark.parametrize(
    "params",
    [
        {},
        {f"{DEPLOYED}type": "none"},
        started("--dtype bfloat16", "-x " * 100),
    ],
    ids=["nothing recorded", "served by others", "command cut"],
)
def test_nothing_is_said_to_be_unset_where_a_servers_start_is_not_recorded(params, compared):
    assert unequal(compared((params, {}), (started("--dtype bfloat16", "--quantization fp8"), {}))) == {}


def test_a_command_that_was_cut_is_read_whole_from_the_config_file(compared):
    options = f"--dtype bfloat16 --served-model-name {'m' * 230} --quantization fp8"
    cut = started(options[:250])

    data = compared((started("--dtype bfloat16"), {}), (cut, file_of(type="vllm", extra_args=options)))

    assert unequal(data) == {"quantization": ("not set", "fp8")}


def test_settings_of_a_side_without_params_are_those_of_its_config_file(compared):
    of_file = file_of(type="vllm", extra_args="--dtype bfloat16 --quantization fp8")

    data = compared((started("--dtype bfloat16"), {}), ({}, of_file))

    assert unequal(data) == {"quantization": ("not set", "fp8")}
    assert "B: no params config.*; settings are from the config file of the run." in data["notes"]
    assert not any("not compared" in note for note in data["notes"])


def test_without_a_config_file_the_params_are_said_not_to_be_compared(compared):
    data = compared((started("--dtype bfloat16"), {}), ({}, {}))

    assert any(note.startswith("Params config.* are not compared with B") for note in data["notes"])


def test_a_server_that_the_launcher_did_not_start_is_said_to_be_unknown(compared):
    data = compared((started("--quantization fp8"), {}), ({}, file_of(type="none")))

    assert any(note.startswith("B: deployment.type is none in the config") for note in data["notes"])


def test_a_verdict_names_the_settings_that_differ_beside_the_model(compared):
    data = compared((started("--dtype bfloat16"), {}), (started("--dtype float16", "--quantization fp8"), {}))

    (row,) = rows_of(data["verdicts"])
    assert row["unlike"] == "dtype, quantization"
    assert any(note.startswith("unlike: settings that differ too") for note in data["notes"])


def test_an_option_that_unequal_tells_is_not_told_again_as_a_command(compared):
    data = compared((started("--dtype bfloat16"), {}), (started("--dtype bfloat16", "--quantization fp8"), {}))

    assert "differences" not in data
