"""compare_runs of invocations whose config sets something for one task alone, a system prompt, or a model that plays a user."""

from __future__ import annotations

import pytest

from tests.support.asking import rows_of
from tests.support.evaluated import INVOCATION, evaluated, results, statistics
from tests.support.stores import filled

OTHER = "b2" * 8
ALL = "config.evaluation.nemo_evaluator_config."
ADAPTER = f"{ALL}target.api_endpoint.adapter_config."
PROMPT = "If you are not sure of a fact, say that you do not know."
TASKS = {1: "scicode", 2: "tau2_bench_telecom"}


def of_task(number, name):
    return f"config.evaluation.tasks.{number}.nemo_evaluator_config.config.params.extra.{name}"


BASE = {
    "config.deployment.type": "vllm",
    "config.deployment.served_model_name": "acme/nova:1",
    "config.deployment.extra_args": "--dtype bfloat16",
    f"{ALL}config.params.parallelism": "16",
    f"{of_task(1, 'with_background')}": "False",
    f"{of_task(2, 'user.model_id')}": "acme/simulator",
    f"{of_task(2, 'user.url')}": "https://user.example.com",
}


@pytest.fixture
def compared(empty_store, tmp_path, ask):
    """The comparison of two invocations of two tasks; `other` is what the second one sets otherwise, `both` what both set."""

    def compare(other, both=None, **arguments):
        runs = [
            evaluated(
                tmp_path,
                10 * at + number,
                task,
                invocation=invocation,
                params={**BASE, **(both or {}), **(other if at else {})},
                metrics={f"{task}_acc": 0.5 + at / 5},
                files={
                    "artifacts/results.yml": results(
                        {"acc": {"value": 0.5 + at / 5, "stats": {"stderr": 0.01, "count": 2500}}}, task
                    ),
                    "artifacts/eval_factory_metrics.json": statistics(2500),
                },
            )
            for at, invocation in enumerate((INVOCATION, OTHER))
            for number, task in TASKS.items()
        ]
        return ask(filled(empty_store, runs), "compare_runs", run_ids=[INVOCATION, OTHER], **arguments).data

    return compare


def unequal(data):
    return {row["unequal"]: (row["A"], row["B"], row["tasks"]) for row in rows_of(data["unequal"])}


def unlike(data):
    return {row["task"]: row.get("unlike") for row in rows_of(data["verdicts"])}


def test_a_setting_of_one_task_is_unequal_for_that_task_alone(compared):
    data = compared({of_task(1, "with_background"): "True"})

    assert unequal(data) == {"with_background": ("false", "true", "scicode")}
    assert unlike(data) == {"scicode": "with_background", "tau2_bench_telecom": None}
    assert "differences" not in data


def test_how_requests_are_sent_makes_nothing_unequal(compared):
    data = compared(
        {
            f"{ALL}config.params.parallelism": "48",
            of_task(2, "user.url"): "https://other.example.com",
            of_task(1, "seed"): "7",
        }
    )

    assert "unequal" not in data


def test_a_system_prompt_of_one_side_alone_is_unequal(compared):
    data = compared({f"{ADAPTER}custom_system_prompt": PROMPT, f"{ADAPTER}use_system_prompt": "True"})

    assert unequal(data) == {
        "adapter_config.custom_system_prompt": ("not set", PROMPT, "all"),
        "adapter_config.use_system_prompt": ("not set", "true", "all"),
    }


def test_prompts_are_not_said_to_be_unset_where_interceptors_may_set_them(compared):
    interceptors = {f"{ADAPTER}interceptors.0.name": "system_message"}

    assert "unequal" not in compared({f"{ADAPTER}custom_system_prompt": PROMPT}, both=interceptors)


def test_images_that_one_server_scales_down_are_unequal(compared):
    options = "--dtype bfloat16 --mm-processor-kwargs '{\"max_pixels\": 401408}'"

    data = compared({"config.deployment.extra_args": options})

    assert unequal(data)["mm_processor_kwargs"][:2] == ("not set", '{"max_pixels": 401408}')


def test_the_model_that_plays_a_user_is_not_the_evaluated_one(compared):
    data = compared({of_task(2, "user.model_id"): "acme/simulator-2"})

    assert data["sides"]["common"]["model"] == "acme/nova:1"
    assert unequal(data) == {"user.model_id": ("acme/simulator", "acme/simulator-2", "tau2_bench_telecom")}
