"""With what a task was evaluated, as files and flattened params have it."""

from __future__ import annotations

import pytest

from mlflow_mcp.entities.recorded_scores import ScoreCount, score_counts, standard_errors
from mlflow_mcp.entities.recorded_settings import (
    kind_of,
    same_setting,
    settings_of_file,
    settings_of_params,
    unlike_names,
)

FILE = {
    "command": "x",
    "config": {"params": {"temperature": 1e-5, "top_p": None, "extra": {"judge": {"model_id": "j"}, "args": "++a=1"}}},
    "metadata": {"versioning": {"nemo_evaluator": "0.2.8"}},
    "target": {"api_endpoint": {"adapter_config": {"use_caching": True, "params_to_remove": ["a", "b"]}, "url": "u"}},
}


def test_a_file_has_its_settings_by_their_short_names_without_nulls():
    assert settings_of_file(FILE) == {
        "temperature": "1e-05",
        "judge.model_id": "j",
        "args": "++a=1",
        "nemo_evaluator": "0.2.8",
        "adapter_config.use_caching": "true",
        "adapter_config.params_to_remove": "a, b",
    }


def test_flattened_params_have_the_same_names_and_what_is_set_for_the_task_wins():
    prefix = "config.evaluation.nemo_evaluator_config."
    own = "config.evaluation.tasks.<n>.nemo_evaluator_config."
    params = {
        f"{own}config.params.temperature": "0.6",
        f"{prefix}config.params.temperature": "0.00001",
        f"{prefix}config.params.top_p": "null",
        f"{own}config.params.extra.judge.model_id": "j",
        f"{prefix}target.api_endpoint.adapter_config.use_caching": "True",
        f"{prefix}target.api_endpoint.adapter_config.params_to_remove.0": "a",
        f"{prefix}target.api_endpoint.adapter_config.params_to_remove.1": "b",
        "config.deployment.extra_args": "--max-model-len 65536 --dtype bfloat16 --kv-cache-dtype=fp8",
        "config.export.mlflow.x": "y",
    }

    assert settings_of_params(params, "simple_evals") == {
        "temperature": "0.6",
        "judge.model_id": "j",
        "adapter_config.use_caching": "true",
        "adapter_config.params_to_remove": "a, b",
        "dtype": "bfloat16",
        "kv_cache_dtype": "fp8",
        "max_model_len": "65536",
        "harness": "simple_evals",
    }


PARAMS = "config.evaluation.nemo_evaluator_config.config.params."


@pytest.mark.parametrize(
    ("name", "command", "settings"),
    [
        ("deployment.command", "vllm serve /m --max-model-len=4096 --port 8000", {"max_model_len": "4096"}),
        ("deployment.extra_args", "--rope-scaling '{\"factor\": 2}' --seed 1", {"rope_scaling": '{"factor": 2}'}),
        ("deployment.extra_args", "--chat-template a.jinja", {"server.chat_template": "a.jinja"}),
        ("deployment.extra_args", "--enforce-eager --dtype float16", {"dtype": "float16"}),
        ("deployment.extra_args", f"{'-x ' * 78}--max-model-len 32", {}),
        ("deployment.max_model_len", "4096", {"max_model_len": "4096"}),
        (f"{PARAMS}extra.args", "--temperature 0.6 --retries 3", {"temperature": "0.6", "args.retries": "3"}),
        (f"{PARAMS}extra.args", "fast --top_p=0.9", {"args": "fast", "top_p": "0.9"}),
        (f"{PARAMS}extra.args", "fast", {"args": "fast"}),
    ],
    ids=[
        "command",
        "in quotes",
        "of the server",
        "a switch before",
        "cut",
        "param",
        "of the harness",
        "words",
        "no option",
    ],
)
def test_options_in_a_command_are_settings(name, command, settings):
    assert settings_of_params({f"config.{name.removeprefix('config.')}": command}) == settings


def test_an_option_beside_a_setting_of_its_name_keeps_apart():
    params = {f"{PARAMS}temperature": "0", f"{PARAMS}extra.args": "--temperature 0.6"}

    assert settings_of_params(params) == {"temperature": "0", "args.temperature": "0.6"}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("0.9999999", "1", True),
        ("0.999", "1", False),
        ("10000000", "10000001", False),
        ("1e-06", "0", False),
        ("a", "b", False),
    ],
)
def test_a_millionth_of_a_setting_is_no_difference(one, other, same):
    assert same_setting(one, other) is same


@pytest.mark.parametrize(
    ("setting", "kind"),
    [
        ("judge.model_id", "judge"),
        ("judge.url", None),
        ("judge.max_retries", None),
        ("judge_support", "judge"),
        ("system_message", "prompt"),
        ("add_system_prompt", "prompt"),
        ("num_fewshot", "prompt"),
        ("prompt_config", "prompt"),
        ("dataset_split", "questions"),
        ("temperature", "sampling"),
        ("max_new_tokens", "sampling"),
        ("adapter_config.use_reasoning", "sampling"),
        ("adapter_config.params_to_add.chat_template_kwargs.enable_thinking", "sampling"),
        ("args", "sampling"),
        ("dtype", "precision"),
        ("nemo_evaluator", "harness"),
        ("parallelism", None),
        ("max_retries", None),
        ("request_timeout", None),
        ("limit_samples", None),
        ("num_repeats", None),
        ("adapter_config.use_caching", None),
    ],
)
def test_of_which_kind_a_setting_is(setting, kind):
    assert kind_of(setting) == kind


def test_defaults_of_a_judge_that_nobody_named_are_no_difference():
    assert unlike_names([{"judge.temperature": "0"}, {"judge.temperature": "1"}]) == []
    assert unlike_names([{"judge.temperature": "0", "judge.model_id": "j"}]) == ["judge.model_id", "judge.temperature"]


def test_counts_stand_beside_scores_or_follow_from_two_errors():
    stats = {"a": {"count": 541}, "b": {"stddev": 0.5, "stderr": 0.025}, "c": {"stddev": 0.5, "stderr": 0.03}}
    metrics = {name: {"scores": {name: {"value": 0.5, "stats": each}}} for name, each in stats.items()}
    content = {"results": {"tasks": {"t": {"metrics": metrics}}}}

    assert score_counts(content) == {"t_a": ScoreCount(0.5, 541)}
    assert {name: error.count for name, error in standard_errors(content).items()} == {"t_b": 400, "t_c": None}
