"""get_invocation(verify=true): what arrived is read and compared, and absent, wrong and unreachable are three things."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient

from tests.recorded.store import catalogue, local_store, served_store
from tests.support import raw_store
from tests.support.asking import data_of, rows_of
from tests.support.evaluated import INVOCATION, evaluated, results, statistics
from tests.support.raw_store import run_id
from tests.support.servers import fail, faulty_proxy, stall
from tests.support.stores import filled

RESULTS, STATISTICS, CONFIG = "artifacts/results.yml", "artifacts/eval_factory_metrics.json", "../config.yml"
ACC = {"ifeval_acc": 0.5}


def config(*tasks, copy_logs=False, limit=None):
    params = {} if limit is None else {"limit_samples": limit}
    return {
        "evaluation": {
            "nemo_evaluator_config": {"config": {"params": params}},
            "tasks": [{"name": task} for task in tasks],
        },
        "export": {"mlflow": {"experiment_name": "evals", **({"copy_logs": True} if copy_logs else {})}},
    }


def whole(task="ifeval", *, score=0.5, responses=541, **changed):
    """The files of a task that arrived whole, with some changed, or left out where they are None."""
    files = {
        CONFIG: config(task),
        RESULTS: results({"acc": {"value": score, "stats": {"count": 541}}}, task=task),
        STATISTICS: {"response_stats": {"count": responses, "successful_count": responses}},
        **{
            {"config": CONFIG, "results": RESULTS, "statistics": STATISTICS}[name]: each
            for name, each in changed.items()
        },
    }
    return {path: content for path, content in files.items() if content is not None}


@pytest.fixture
def verified(empty_store, tmp_path, ask):
    def answered(*jobs, id_=INVOCATION):
        runs = [evaluated(tmp_path, number, **{"metrics": ACC, **job}) for number, job in enumerate(jobs)]
        return data_of(ask(filled(empty_store, runs), "get_invocation", invocation_id=id_, verify=True))

    return answered


def problems(data):
    table = data.get("problems")
    return [(row["state"], row["what"], row["tasks"]) for row in rows_of(table)] if table else []


def detail(data):
    (row,) = rows_of(data["problems"])
    return row["detail"]


def test_an_invocation_that_arrived_whole_is_delivered(verified):
    data = verified({"files": whole()})

    assert data["verdict"] == "DELIVERED: 1 of 1 task arrived whole"
    assert "problems" not in data
    assert data["right"]["samples"] == "1 of 1 agree with limit and responses"
    assert data["right"]["logs"] == "0 of 1; 1 not exported: the export in their config asks for none"


def test_a_task_of_the_config_without_a_run_is_absent(verified):
    data = verified({"files": whole(config=config("ifeval", "harness.gpqa"))})

    assert data["verdict"].startswith(
        "INCOMPLETE: 1 of 2 tasks arrived whole (ifeval); of their parts 1 absent, 0 wrong, 0 unreachable"
    )
    assert data["expected"].startswith("2 tasks, evaluation.tasks in the config file of run ")
    assert problems(data) == [("absent", "run", "harness.gpqa")]


@pytest.mark.parametrize(
    ("changed", "what", "told"),
    [
        ({"results": ""}, "results.yml", "results.yml is empty"),
        ({"results": "a: [1"}, "results.yml", "results.yml cannot be parsed: "),
        ({"results": "only words"}, "results.yml", "results.yml holds no names and values"),
        ({"results": {"config": {}}}, "results.yml", "it holds no scores"),
        ({"score": 0.51}, "results.yml", "ifeval_acc is 0.51 in the file, 0.5 as metric"),
        ({"score": 0.50000001}, "results.yml", "ifeval_acc is 0.50000001 in the file, 0.5 as metric"),
        ({"statistics": "{"}, "eval_factory_metrics.json", "eval_factory_metrics.json cannot be parsed: "),
        ({"statistics": {"a": 1}}, "eval_factory_metrics.json", "it has neither responses nor times"),
        ({"responses": 500}, "samples", "500 successful responses for 541 samples"),
        ({"config": "\n"}, "config", "config.yml is empty"),
        ({"config": config("ifeval", limit=10)}, "samples", "limit_samples=10 in its config, no limit in results.yml"),
    ],
)
def test_a_file_that_is_there_and_not_right_is_wrong(changed, what, told, verified):
    data = verified({"files": whole(**changed)})

    assert data["verdict"].startswith(
        "INCOMPLETE: 0 of 1 task arrived whole; of their parts 0 absent, 1 wrong, 0 unreachable"
    )
    assert problems(data) == [("wrong", what, "ifeval")]
    assert detail(data).startswith(told)


@pytest.mark.parametrize(
    ("left_out", "what"),
    [("config", "config"), ("results", "results.yml"), ("statistics", "eval_factory_metrics.json")],
)
def test_a_file_that_no_copy_has_is_absent(left_out, what, verified):
    data = verified({"files": whole(**{left_out: None})})

    assert problems(data) == [("absent", what, "ifeval")]


def test_scores_that_are_no_numbers_or_never_came_are_told(verified):
    nan = verified({"files": whole(), "metrics": {**ACC, "ifeval_other": float("nan")}})

    assert ("wrong", "scores", "ifeval") in problems(nan)


def test_a_score_of_the_file_without_a_metric_is_wrong(verified):
    data = verified({"files": whole(), "metrics": {"ifeval_other": 0.5}})

    assert detail(data) == "scores of it that are no metric: 'ifeval_acc'"


def test_logs_are_absent_only_where_the_config_asks_for_them(verified):
    data = verified({"files": whole(config=config("ifeval", copy_logs=True))})

    assert problems(data) == [("absent", "logs", "ifeval")]
    assert detail(data) == "its config asks for them"


def test_logs_are_read_and_empty_ones_are_wrong(verified):
    data = verified({"files": {**whole(), "logs/client.log": "", "logs/server.log": ""}})

    assert problems(data) == [("wrong", "logs", "ifeval")]
    assert detail(data) == "all 2 logs are empty"


def test_one_empty_log_among_others_is_told(verified):
    data = verified({"files": {**whole(), "logs/client.log": "done", "logs/server.log": ""}})

    assert data["verdict"].startswith("DELIVERED")
    assert "Empty or missing logs: ifeval (server.log is empty)." in data["notes"]


def test_a_file_that_is_too_large_to_be_parsed_is_not_said_to_be_compared(verified):
    data = verified({"files": whole(results="results:\n" + "# long\n" * 500_000)})

    assert data["right"]["results.yml"] == "1 of 1, scores of 0 equal the metrics"
    assert data["notes"] == ["Read and not parsed: ifeval (results.yml has 3.5 MB and was not parsed)."]


def test_a_limited_task_is_delivered_and_said_to_be_no_full_evaluation(verified):
    limited = results({"acc": {"value": 0.5, "stats": {"count": 10}}}, limit_samples=10)
    data = verified({"files": whole(config=config("ifeval", limit=10), results=limited, responses=10)})

    assert data["verdict"] == "DELIVERED: 1 of 1 task arrived whole; 1 limited"
    assert "Limited, no full evaluation: ifeval (limit_samples=10 in results.yml)." in data["notes"]


def test_more_samples_than_the_limit_are_wrong(verified):
    counted = results({"acc": {"value": 0.5, "stats": {"count": 541}}}, limit_samples=10)
    data = verified({"files": whole(config=config("ifeval", limit=10), results=counted)})

    assert detail(data) == "541 samples (stats.count in results.yml), limit_samples=10"


def test_what_one_copy_lacks_another_may_have(empty_store, tmp_path, ask):
    runs = [
        evaluated(tmp_path, 0, files=whole(results=None), metrics=ACC),
        evaluated(tmp_path, 10, files={**whole(statistics=None), "logs/client.log": "x\n"}, metrics=ACC),
    ]
    data = data_of(ask(filled(empty_store, runs), "get_invocation", invocation_id=INVOCATION, verify=True))

    assert data["verdict"] == "DELIVERED: 1 of 1 task arrived whole, lost answers not looked for"
    assert data["right"]["logs"] == "1 of 1, 1 file"


def test_a_file_that_is_damaged_in_one_copy_is_told(empty_store, tmp_path, ask):
    runs = [
        evaluated(tmp_path, 0, files=whole(results=""), metrics=ACC),
        evaluated(tmp_path, 10, files=whole(), metrics=ACC),
    ]
    data = data_of(ask(filled(empty_store, runs), "get_invocation", invocation_id=INVOCATION, verify=True))

    assert data["verdict"].startswith("DELIVERED")
    assert data["notes"] == [
        f"Wrong in one copy, right in another: ifeval (results.yml of copy {run_id(0)[:8]}: results.yml is empty)."
    ]


def test_results_that_only_a_copy_with_other_scores_has_are_wrong(empty_store, tmp_path, ask):
    runs = [
        evaluated(tmp_path, 0, files=whole(score=0.4), metrics={"ifeval_acc": 0.4}),
        evaluated(tmp_path, 10, files=whole(results=None), metrics=ACC, start_time=1_790_009_000_000),
    ]
    data = data_of(ask(filled(empty_store, runs), "get_invocation", invocation_id=INVOCATION, verify=True))

    assert problems(data) == [("wrong", "results.yml", "ifeval")]
    assert "; copies of 1 differ" in data["verdict"]


def test_no_config_leaves_open_whether_tasks_are_missing(verified):
    data = verified({"files": whole(config=None)}, {"task": "gpqa", "files": whole("gpqa", config=None)})

    assert data["expected"].startswith("the jobs that have runs: no config that was read names the tasks")


def test_a_job_id_verifies_that_job_alone(verified):
    data = verified(
        {"files": whole(config=config("ifeval", "gpqa"))},
        {"task": "gpqa", "files": whole("gpqa", results=None), "metrics": {"gpqa_acc": 0.5}},
        id_=f"{INVOCATION}.0",
    )

    assert data["verdict"] == "DELIVERED: 1 of 1 task arrived whole"
    assert data["expected"].startswith("job .0 of 2, ")


def test_eight_tasks_of_which_all_lack_files_take_few_characters(empty_store, tmp_path, ask):
    tasks = [f"benchmark_number_{number}" for number in range(8)]
    runs = [
        evaluated(
            tmp_path,
            number,
            task,
            files={CONFIG: config(*tasks, copy_logs=True), RESULTS: "a: [1" if number % 2 else "x"},
            metrics={f"{task}_acc": float("nan")},
        )
        for number, task in enumerate(tasks)
    ]
    answer = ask(filled(empty_store, runs), "get_invocation", invocation_id=INVOCATION, verify=True)

    assert data_of(answer)["verdict"].startswith(
        "INCOMPLETE: 0 of 8 tasks arrived whole; of their parts 16 absent, 16 wrong, "
    )
    assert len(answer.text) < 2_500


def test_runs_without_any_file_are_told_for_all_tasks_at_once(empty_store, tmp_path, ask):
    runs = [evaluated(tmp_path, number, metrics=ACC) for number in range(3)]
    data = data_of(ask(filled(empty_store, runs), "get_invocation", invocation_id=INVOCATION, verify=True))

    assert ("absent", "config, results.yml, eval_factory_metrics.json", "all") in problems(data)


def test_jobs_beyond_those_that_are_looked_at_are_not_called_absent(empty_store, tmp_path, ask):
    names = [f"t{number}" for number in range(42)]
    runs = []
    for number, name in enumerate(names):
        files = {
            CONFIG: config(*names),
            RESULTS: results({"acc": {"value": 0.5}}, task=name),
            STATISTICS: statistics(5),
        }
        tags = {"job_id": f"{INVOCATION}.{number}"}
        runs.append(evaluated(tmp_path, number, name, files=files, metrics={f"{name}_acc": 0.5}, tags=tags))
    data = data_of(ask(filled(empty_store, runs), "get_invocation", invocation_id=INVOCATION, verify=True))

    assert data["verdict"].startswith(
        "UNVERIFIED: 40 of 40 tasks arrived whole; 0 parts unreachable, nothing found absent"
    )
    assert "Only 40 of 42 jobs were verified." in data["notes"]


def test_copies_in_experiments_that_were_not_asked_for_are_not_looked_at(empty_store, tmp_path, ask):
    with raw_store.opened(empty_store) as db:
        raw_store.add_experiments(db, {1: "team", 2: "own"})
    runs = [
        evaluated(tmp_path, 0, files=whole(), metrics=ACC, experiment_id=1),
        evaluated(tmp_path, 10, files=whole(results=None), metrics=ACC, experiment_id=2),
    ]
    given = {"invocation_id": INVOCATION, "experiment_id": "own", "verify": True}
    data = data_of(ask(filled(empty_store, runs), "get_invocation", **given))

    assert problems(data) == [("absent", "results.yml", "ifeval")]
    assert data["notes"][0] == "Copies in other experiments were not looked at: what is absent here may be there."


# --- real exports


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, conversations):
    uri = local_store(tmp_path_factory.mktemp("verified"))
    conversations.share(uri)
    return uri


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("candidate", "DELIVERED: 5 of 5 tasks arrived whole, lost answers not looked for; copies of 1 differ"),
        ("baseline", "DELIVERED: 5 of 5 tasks arrived whole"),
        (
            "resumed",
            "INCOMPLETE: 3 of 4 tasks arrived whole (gpqa_diamond, ifeval, simple_evals.private_math); of their parts 1 absent, 0 wrong, 0 unreachable",
        ),
        ("trial", "DELIVERED: 2 of 2 tasks arrived whole; 2 limited"),
        ("partly_limited", "DELIVERED: 3 of 3 tasks arrived whole; 2 limited"),
        ("broken", "INCOMPLETE: 0 of 2 tasks arrived whole; of their parts 5 absent, 1 wrong, 0 unreachable"),
        ("old_whole", "DELIVERED: 3 of 3 tasks arrived whole, lost answers not looked for"),
        (
            "old_jobs",
            "INCOMPLETE: 2 of 3 tasks arrived whole (gpqa_diamond, ifeval); of their parts 2 absent, 0 wrong, 0 unreachable; copies of 1 differ",
        ),
        ("oldest", "DELIVERED: 2 of 2 tasks arrived whole"),
    ],
)
def test_what_launchers_really_wrote_is_verified(name, verdict, recorded, ask, snapshot):
    answer = ask(recorded, "get_invocation", invocation_id=catalogue()["invocations"][name]["id"], verify=True)

    assert data_of(answer)["verdict"] == verdict
    if name in ("candidate", "broken"):
        runs = {run["run_id"][:8]: "<run>" for run in catalogue()["runs"]}
        snapshot(f"get_invocation.verified_{name}", answer, runs)


@pytest.mark.slow
def test_a_run_of_the_newer_launcher_is_verified_by_its_job_id(recorded, ask):
    runs = [run for run in catalogue()["runs"] if run["experiment"] == "nemo-evaluator"]

    for run in runs:
        data = data_of(ask(recorded, "get_invocation", invocation_id=run["job_id"], verify=True))
        assert data["verdict"] == "DELIVERED: 1 of 1 task arrived whole"
        assert data["right"]["results bundle"] == "1 of 1, scores equal the metrics"
        assert data["right"]["results.jsonl"] == "1 of 1"


@pytest.mark.slow
def test_a_store_that_fails_or_hangs_is_unreachable_and_not_absent(tmp_path, ask):
    candidate = catalogue()["invocations"]["candidate"]["id"]
    faults = {
        "fails": fail(503, "get-artifact"),
        "hangs": stall("get-artifact"),
        "does not list": fail(503, "artifacts/list"),
    }
    with served_store(tmp_path / "served") as uri:
        for what, fault in faults.items():
            with faulty_proxy(uri, fault) as proxy:
                data = data_of(ask(proxy.uri, "get_invocation", invocation_id=candidate, verify=True))
            assert data["verdict"].startswith("UNVERIFIED: 0 of 5 tasks arrived whole"), what
            assert {state for state, _, _ in problems(data)} == {"unreachable"}, what
            assert data["right"]["scores"] == "5 of 5, 18 finite values"
        with faulty_proxy(uri, fail(503, "get-artifact.*results.yml")) as proxy:
            data = data_of(ask(proxy.uri, "get_invocation", invocation_id=candidate, verify=True))
        assert ("unreachable", "results.yml", "all") in problems(data)


def test_a_log_that_ends_inside_a_line_is_told(empty_store, tmp_path, ask):
    files = {**whole(), "logs/client.log": "one\nTraceback (most rec", "logs/server.log": "one\n"}
    run = evaluated(tmp_path, 0, files=files, metrics=ACC)
    data = data_of(ask(filled(empty_store, [run]), "get_invocation", invocation_id=INVOCATION, verify=True))

    assert data["verdict"].startswith("DELIVERED: 1 of 1 task arrived whole")
    assert data["verdict"].endswith("; 1 with a log that ends inside a line")
    (note,) = [note for note in data["notes"] if note.startswith("Logs whose")]
    assert note.endswith("(client.log).")


def test_a_missing_task_says_whether_a_run_of_it_was_deleted(empty_store, tmp_path, ask):
    """And the tasks that arrived whole are named."""
    files = whole(config=config("ifeval", "gsm8k", "mmlu"))
    runs = [evaluated(tmp_path, 0, files=files, metrics=ACC), evaluated(tmp_path, 1, "gsm8k")]
    uri = filled(empty_store, runs)
    MlflowClient(uri).delete_run(run_id(1))

    data = data_of(ask(uri, "get_invocation", invocation_id=INVOCATION, verify=True))

    assert data["verdict"].startswith("INCOMPLETE: 1 of 3 tasks arrived whole (ifeval); ")
    details = {row["tasks"]: row["detail"] for row in rows_of(data["problems"])}
    nowhere = "no run in any of the experiments searched; "
    assert details["gsm8k"].startswith(f"{nowhere}deleted is run {run_id(1)}: `mlflow runs restore --run-id ")
    assert details["mmlu"] == f"{nowhere}none among the deleted"
