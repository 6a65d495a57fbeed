"""list_artifacts and get_artifact_content, from files and from a server alike."""

from __future__ import annotations

import pytest

from servers import faulty_proxy, ignore_range

GPQA = "eval-71f3f3199ea5e1f0-gpqa_diamond"


# --- list_artifacts


def test_the_whole_tree_of_a_run(store, ask, snapshot):
    snapshot("list_artifacts.tree", ask(store.uri, "list_artifacts", run_id=GPQA, recursive=True))


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("**/*.log", ["client-481516.log", "server-481516-0.log", "slurm-481516.log"]),
        ("*.log", ["client-481516.log", "server-481516-0.log", "slurm-481516.log"]),
        ("results.yml", ["results.yml"]),
        ("**/results.y*ml", ["results.yml"]),
        ("simple_evals.*/logs/server-*", ["server-481516-0.log"]),
        ("config.yml", ["config.yml"]),
        ("**/config.yml", ["config.yml"]),
    ],
)
def test_a_glob_finds_files_in_the_whole_tree(pattern, names, store, ask):
    answer = ask(store.uri, "list_artifacts", run_id=store.seeded.log_run, pattern=pattern)

    assert [row[0].rpartition("/")[2] for row in answer.data["artifacts"]["rows"]] == names


def test_one_folder_is_listed_by_its_path(store, ask):
    for path in ("simple_evals.mmlu-pro/logs", "simple_evals.mmlu-pro/logs/", "./simple_evals.mmlu-pro/logs"):
        answer = ask(store.uri, "list_artifacts", run_id=store.seeded.log_run, path=path)

        assert len(answer.data["artifacts"]["rows"]) == 3


def test_a_glob_that_fits_nothing_says_so(store, ask):
    answer = ask(store.uri, "list_artifacts", run_id=GPQA, pattern="*.parquet")

    assert answer.data["artifacts"]["rows"] == []
    assert answer.data["notes"][0].startswith("None of its ")


def test_a_run_without_artifacts_says_so(store, ask):
    answer = ask(store.uri, "list_artifacts", run_id="trial-04")

    assert answer.data["notes"] == ["There are no artifacts."]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        (
            "logs",
            "The run has no folder 'logs'. Nearest: 'simple_evals.mmlu-pro/logs'. list_artifacts(run_id) shows the root.",
        ),
        ("zzzzzz", "The run has no folder 'zzzzzz'. list_artifacts(run_id) shows the root."),
    ],
)
def test_a_missing_folder_is_told_the_nearest(path, sentence, store, ask):
    answer = ask(store.uri, "list_artifacts", run_id=store.seeded.log_run, path=path)

    assert answer.is_error
    assert answer.text == sentence


def test_a_file_given_as_a_folder_is_told_how_to_read_it(store, ask):
    answer = ask(store.uri, "list_artifacts", run_id=GPQA, path="config.yml")

    assert answer.is_error
    assert answer.text == ("'config.yml' is a file of 2.33 kB. get_artifact_content(run_id, 'config.yml') reads it.")


@pytest.mark.parametrize("tool", ["list_artifacts", "get_artifact_content"])
def test_files_of_an_unknown_run_are_not_called_missing_files(tool, store, ask):
    more = {"artifact_path": "config.yml"} if tool == "get_artifact_content" else {}

    answer = ask(store.uri, tool, run_id="0123456789abcdef0123456789abcdef", **more)

    assert answer.is_error
    assert "0123456789abcdef0123456789abcdef" in answer.text
    assert "resolve_id" in answer.text


# --- get_artifact_content


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("config.yml", "config.yml"),
        ("config.yaml", "config.yml"),
        ("results.yml", "simple_evals.gpqa_diamond/artifacts/results.yml"),
        ("results.yaml", "simple_evals.gpqa_diamond/artifacts/results.yml"),
        ("artifacts/eval_factory_metrics.json", "simple_evals.gpqa_diamond/artifacts/eval_factory_metrics.json"),
        ("eval_factory_metrics.json", "simple_evals.gpqa_diamond/artifacts/eval_factory_metrics.json"),
        ("RESULTS.YML", "simple_evals.gpqa_diamond/artifacts/results.yml"),
        ("./config.yml", "config.yml"),
        ("simple_evals.gpqa_diamond/artifacts/metadata.yaml", "simple_evals.gpqa_diamond/artifacts/metadata.yaml"),
        ("metadata.yml", "simple_evals.gpqa_diamond/artifacts/metadata.yaml"),
    ],
)
def test_a_loose_path_finds_the_file_it_means(given, found, store, ask):
    answer = ask(store.uri, "get_artifact_content", run_id=GPQA, artifact_path=given)

    assert not answer.is_error, answer.text
    assert answer.data["path"] == found


def test_several_files_that_fit_are_listed(store, ask):
    answer = ask(store.uri, "get_artifact_content", run_id="eval-d03a5f7c", artifact_path="results.yml")

    assert answer.is_error
    assert answer.text == (
        "'results.yml' fits 3 files: 'lm-evaluation-harness.ifeval/artifacts/results.yml', "
        "'simple_evals.gpqa_diamond/artifacts/results.yml', 'simple_evals.mmlu-pro/artifacts/results.yml'. "
        "Call again with one of these paths."
    )


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        (
            "result.yml",
            "The run has no artifact 'result.yml'. Nearest: 'simple_evals.gpqa_diamond/artifacts/results.yml'",
        ),
        ("zzzz.bin", "The run has no artifact 'zzzz.bin'. list_artifacts(run_id, recursive=true) shows what it has."),
        ("artifacts", "'simple_evals.gpqa_diamond/artifacts' is a folder. list_artifacts("),
        ("simple_evals.gpqa_diamond", "'simple_evals.gpqa_diamond' is a folder. list_artifacts("),
    ],
)
def test_a_path_that_is_no_file_is_told_the_nearest(path, sentence, store, ask):
    answer = ask(store.uri, "get_artifact_content", run_id=GPQA, artifact_path=path)

    assert answer.is_error
    assert answer.text.startswith(sentence)


def test_a_file_of_a_run_without_files_says_that_there_are_none(store, ask):
    answer = ask(store.uri, "get_artifact_content", run_id="trial-04", artifact_path="config.yml")

    assert answer.is_error
    assert answer.text == "The run has no artifacts, so no 'config.yml'. get_run shows what it logged."


def test_a_log_is_read_in_parts_that_fit_together(store, ask_many):
    """Following the notes from line to line gives every line once, without colours and progress bars."""
    with ask_many(store.uri) as ask:
        first = ask(
            "get_artifact_content", run_id=store.seeded.log_run, artifact_path="client-481516.log", max_lines=150
        )
        second = ask(
            "get_artifact_content",
            run_id=store.seeded.log_run,
            artifact_path="client-481516.log",
            start_line=151,
            max_lines=50,
        )
        both = ask(
            "get_artifact_content", run_id=store.seeded.log_run, artifact_path="client-481516.log", max_lines=200
        )

    assert (first.data["lines"], second.data["lines"], both.data["lines"]) == ("1-150", "151-200", "1-200")
    assert "start_line=151 goes on" in str(first.data["notes"])
    assert first.data["text"] + second.data["text"] == both.data["text"]
    assert "\x1b" not in both.data["text"]
    assert "\r" not in both.data["text"]


def test_the_end_of_a_log_is_read_without_the_rest(mlflow_server, ask):
    with faulty_proxy(mlflow_server.uri) as proxy:
        answer = ask(
            proxy.uri,
            "get_artifact_content",
            run_id=mlflow_server.seeded.log_run,
            artifact_path=f"{mlflow_server.seeded.log_path}/client-481516.log",
            tail=50,
        )
        ranges = [seen.headers["Range"] for seen in proxy.requests if "Range" in seen.headers]

    assert answer.data["text"].count("\n") == 50
    assert answer.data["lines"] == "last 50"
    assert ranges
    assert all(each.startswith("bytes=") for each in ranges)


@pytest.mark.parametrize(
    "window", [{}, {"tail": 7}, {"start_line": 500, "max_lines": 9}], ids=["head", "tail", "middle"]
)
def test_a_server_that_ignores_ranges_gives_the_same(window, mlflow_server, ask):
    asked = {
        "run_id": mlflow_server.seeded.log_run,
        "artifact_path": f"{mlflow_server.seeded.log_path}/client-481516.log",
        **window,
    }
    with faulty_proxy(mlflow_server.uri, ignore_range()) as proxy:
        without = ask(proxy.uri, "get_artifact_content", **asked)

    assert without.data == ask(mlflow_server.uri, "get_artifact_content", **asked).data


def test_a_line_beyond_the_end_is_told_how_many_there_are(store, ask):
    answer = ask(store.uri, "get_artifact_content", run_id=GPQA, artifact_path="metadata.yaml", start_line=100)

    assert answer.is_error
    assert answer.text == "The file has only 3 lines. Give a smaller start_line, or tail=50."


def test_tail_and_start_line_exclude_each_other(store, ask):
    answer = ask(store.uri, "get_artifact_content", run_id=GPQA, artifact_path="config.yml", tail=5, start_line=2)

    assert answer.is_error
    assert answer.text == "tail cannot stand with start_line, max_lines or start_byte. Leave either out."


def test_an_empty_file_is_an_empty_text(ask, empty_store, tmp_path):
    from mlflow import MlflowClient

    client = MlflowClient(empty_store)
    run = client.create_run("0")
    client.log_text(run.info.run_id, "", "empty.txt")

    answer = ask(empty_store, "get_artifact_content", run_id=run.info.run_id, artifact_path="empty.txt")

    assert answer.data == {"path": "empty.txt", "bytes": 0, "text": "", "notes": ["The file is empty."]}
