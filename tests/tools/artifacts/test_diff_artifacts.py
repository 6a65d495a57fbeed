"""diff_artifacts: what differs between the files of runs, exactly."""

from __future__ import annotations

import json

import pytest

from tests.support.asking import data_of

CONFIG_A = """\
# the baseline
model: llama
deployment:
  image: vllm:1
  tp: 2
  env: {HF_HOME: /cache}
tasks: [mmlu-pro, gpqa]
limit: null
walltime: 02:00:00
temperature: 0.60000001
"""
CONFIG_B = """\
temperature: 0.60000002
tasks: [gpqa, ifeval]
model: llama
deployment:
  tp: '2'
  image: vllm:1
  env: {HF_HOME: /cache}
  extra: null
walltime: 04:00:00
"""


@pytest.fixture
def diff(home, ask):
    """`diff("config", {...files of A}, {...files of B}, …)`."""

    def ask_diff(path: str, *sides: dict):
        runs = [home.run(files, f"run {n}") for n, files in enumerate(sides)]
        return ask(home.uri, "diff_artifacts", run_ids=runs, artifact_path=path)

    return ask_diff


def test_two_configs_of_different_names_are_compared_by_their_keys(diff, snapshot):
    snapshot("diff_artifacts.config", diff("config", {"config.yml": CONFIG_A}, {"config.yaml": CONFIG_B}))


def test_values_are_shown_as_exactly_as_they_differ(diff):
    answer = diff("a.json", {"a.json": '{"x": 0.71234567890123, "n": 123456789}'}, {"a.json": '{"x": 0.71234567890124, "n": 123456780}'})  # fmt: skip

    assert data_of(answer)["changes"]["rows"] == [
        ["x", "changed", 0.71234567890123, 0.71234567890124],
        ["n", "changed", 123456789, 123456780],
    ]


def test_a_key_that_stands_twice_on_a_side_is_told(diff):
    answer = diff("a.json", {"a.json": '{"x": 1, "x": 2}'}, {"a.json": '{"x": 3}'})

    assert data_of(answer)["changes"]["rows"] == [["x", "changed", 2, 3]]
    assert data_of(answer)["notes"] == [
        "A: Keys that stand more than once in one object, where the last value counts: 'x'."
    ]


def test_long_texts_are_shown_where_they_begin_to_differ(diff):
    answer = diff("a.json", {"a.json": json.dumps({"prompt": "same " * 200 + "ends here"})}, {"a.json": json.dumps({"prompt": "same " * 200 + "stops there"})})  # fmt: skip

    assert data_of(answer)["changes"]["rows"] == [
        ["prompt", "changed", "…" + "same " * 8 + "ends here", "…" + "same " * 8 + "stops there"]
    ]


@pytest.mark.parametrize(
    ("a", "b", "note"),
    [
        ("a: 1\nb: [1, 2]\n", "a: 1\nb: [1, 2]\n", "The files are the same, byte for byte."),
        ("a: 1\nb: [1, 2]\n", "# other\nb: [2, 1]\na: 1", "The files hold the same values; only order, comments or layout differ."),
    ],
)  # fmt: skip
def test_files_that_say_the_same_are_identical(a, b, note, diff):
    answer = data_of(diff("a.yml", {"a.yml": a}, {"a.yml": b}))

    assert (answer["identical"], answer["notes"]) == (True, [note])
    assert "changes" not in answer


def test_three_runs_are_compared_with_the_first(diff, snapshot):
    snapshot("diff_artifacts.three_runs", diff("lr.json", {"lr.json": '{"lr": 1}'}, {"lr.json": '{"lr": 2}'}, {"lr.json": '{"lr": 1, "wd": 0}'}))  # fmt: skip


def test_secrets_are_hidden_by_the_name_of_their_key(diff):
    answer = diff("a.yml", {"a.yml": "env: {api_key: hunter2hunter2}"}, {"a.yml": "env: {api_key: swordfish123}"})

    assert data_of(answer)["changes"]["rows"] == [["env.api_key", "changed", "[secret hidden]", "[secret hidden]"]]


def test_text_is_compared_line_by_line(diff, snapshot):
    a = "".join(f"line {n}\n" for n in range(30))

    snapshot("diff_artifacts.text", diff("notes.txt", {"notes.txt": a}, {"sub/notes.txt": a.replace("line 7", "\x1b[1mline seven\x1b[0m")}))  # fmt: skip


def test_yaml_that_is_broken_on_one_side_is_compared_as_text(diff):
    answer = data_of(diff("a.yml", {"a.yml": "a: 1\n"}, {"a.yml": "a: [1\n"}))

    assert answer["unified"] == {"A -> B": "--- A\n+++ B\n@@ -1 +1 @@\n-a: 1\n+a: [1"}


def test_texts_that_differ_only_in_their_line_ends_say_so(diff):
    answer = data_of(diff("a.txt", {"a.txt": "a\nb\n"}, {"a.txt": "a\r\nb"}))

    assert not answer["identical"]
    assert answer["notes"] == [
        "A -> B: the lines are the same; only line ends, colours or text rewritten in place (\\r) differ, if anything."
    ]


def test_binary_files_are_compared_byte_for_byte(diff):
    differ = data_of(diff("a.pkl", {"a.pkl": b"\x80\x04\0\1"}, {"a.pkl": b"\x80\x04\0\2\3"}))
    same = data_of(diff("a.pkl", {"a.pkl": b"\x80\x04\0\1"}, {"a.pkl": b"\x80\x04\0\1"}))

    assert (differ["identical"], differ["notes"]) == (False, ["They are not text. Their sizes: 4 B, 5 B."])
    assert same["identical"]


def test_whole_folders_are_compared_by_name_and_size(diff, snapshot):
    a = {"model/MLmodel": "x", "model/weights.bin": b"1234", "logs/a.log": "1", "same.txt": "1"}
    b = {"model/MLmodel": "x", "model/weights.bin": b"12345", "logs/b.log": "1", "same.txt": "2"}

    snapshot("diff_artifacts.folders", diff("/", a, b))
    assert data_of(diff("model", a, b))["changes"]["rows"] == [["weights.bin", 4, 5]]
    assert data_of(diff("model/", a, b, a))["changes"]["rows"] == [["weights.bin", 4, 5, 4]]
    assert data_of(diff("model", a, a))["identical"]


def test_many_changes_are_cut_and_counted(diff):
    a = {"a.json": json.dumps({f"key{n}": n for n in range(300)})}
    b = {"a.json": json.dumps({f"key{n}": -n - 1 for n in range(300)})}

    answer = data_of(diff("a.json", a, b))

    assert len(answer["changes"]["rows"]) == 200
    assert answer["notes"] == ["100 more changes are not shown."]


@pytest.mark.slow
def test_large_documents_that_differ_everywhere_are_compared_in_time(diff):
    a = {"a.json": json.dumps([{"id": n, "text": f"x{n}" * 5} for n in range(20_000)])}
    b = {"a.json": json.dumps([{"id": n, "text": f"y{n}" * 5} for n in range(20_000)])}

    assert data_of(diff("a.json", a, b))["notes"][0] == "19800 more changes are not shown."


def test_large_texts_that_differ_everywhere_are_compared_in_time(diff):
    a = {"a.log": "".join(f"{n * 7919 % 10007} a line of the log\n" for n in range(20_000))}
    b = {"a.log": "".join(f"{n * 7907 % 10009} a line of the log\n" for n in range(20_000))}

    assert "more lines of the difference A -> B are not shown." in data_of(diff("a.log", a, b))["notes"][0]


def test_configs_of_launcher_runs(both_stores, ask, snapshot):
    answer = ask(
        both_stores.uri,
        "diff_artifacts",
        run_ids=[
            f"eval-{both_stores.seeded.candidate}-gpqa_diamond",
            f"eval-{both_stores.seeded.baseline}-gpqa_diamond",
        ],
        artifact_path="config",
    )

    sides = [
        both_stores.seeded.runs[f"eval-{id_}-gpqa_diamond"]
        for id_ in (both_stores.seeded.candidate, both_stores.seeded.baseline)
    ]
    snapshot("diff_artifacts.launcher_configs", answer, {sides[0][:8]: "<A>", sides[1][:8]: "<B>"})


@pytest.mark.parametrize(
    ("case", "path", "a", "b"),
    [
        ("a missing config", "config", {"config.yml": "a: 1"}, {"a.txt": ""}),
        ("a missing file", "a.txt", {"a.txt": "a"}, {"b.txt": ""}),
        ("no artifacts", "a.txt", {"a.txt": "a"}, {}),
        ("a file and a folder", "a", {"a": "file"}, {"a/b": "folder"}),
        ("a missing folder", "none/", {"a": ""}, {"a": ""}),
        ("too many bytes", "a.log", {"a.log": "x" * 10_000_001}, {"a.log": "x"}),
        ("too many lines", "a.log", {"a.log": "x\n" * 20_001}, {"a.log": "x"}),
        ("two files that fit", "a.txt", {"x/a.txt": "", "y/a.txt": ""}, {"a.txt": "1"}),
    ],
)
def test_an_impossible_comparison_is_refused(case, path, a, b, diff, snapshot_error):
    snapshot_error(diff(path, a, b), case)


def test_one_run_has_no_difference_and_nine_are_too_many(sqlite_home, ask_many, snapshot_error):
    runs = [sqlite_home.run({"a.txt": str(n)}) for n in range(9)]

    with ask_many(sqlite_home.uri) as ask:
        one = ask("diff_artifacts", run_ids=runs[:1], artifact_path="a.txt")
        nine = ask("diff_artifacts", run_ids=runs, artifact_path="a.txt")

    snapshot_error(one)
    snapshot_error(nine, "nine runs")


def test_of_many_runs_each_version_is_one_side(sqlite_home, ask):
    runs = [sqlite_home.run({"config.yml": f"lr: {1 if n < 6 else 2}\n"}, f"run-{n}") for n in range(10)]
    data = data_of(ask(sqlite_home.uri, "diff_artifacts", run_ids=runs, artifact_path="config.yml"))

    assert [side.partition(":")[0] for side in data["sides"].values()] == [
        "run-0 and 5 runs with the same file",
        "run-6 and 3 runs with the same file",
    ]
    assert data["changes"]["rows"] == [["lr", "changed", 1, 2]]


def test_of_three_runs_the_two_with_the_same_file_are_one_side(diff):
    data = data_of(diff("a.yml", {"a.yml": "x: 1"}, {"a.yml": "x: 2"}, {"a.yml": "x: 2"}))

    assert [side.split(":")[0] for side in data["sides"].values()] == ["run 0", "run 1 and run 2, the same file"]
    assert data["changes"]["rows"] == [["x", "changed", 1, 2]]
