"""get_artifact_content of several runs: one table, what is selected out of each, or a file that is the same in all."""

from __future__ import annotations

import io
import json

import pytest

from tests.support.asking import data_of, problem_of, rows_of


def log_table(columns, *rows) -> str:
    return json.dumps({"columns": columns, "data": rows})


@pytest.fixture
def ask_for(sqlite_home, ask):
    """`ask_for({name: content}, path=…, …)` puts a file (none for None) into a new run each and reads it of all."""

    def put_and_ask(contents, path="t.json", **arguments):
        ids = [
            sqlite_home.run({} if content is None else {path: content}, name=name) for name, content in contents.items()
        ]
        return ask(sqlite_home.uri, "get_artifact_content", run_id=ids, artifact_path=path, **arguments)

    return put_and_ask


def test_tables_of_several_runs_are_one_with_the_columns_of_all(ask_for):
    data = data_of(
        ask_for(
            {
                "first": log_table(["gold", "pred"], ["a", "b"], ["a", "a"]),
                "second": log_table(["gold", "score"], ["c", 0.5]),
                "empty-handed": None,
            }
        )
    )

    assert data["partial"] == "No 't.json' in 1 of 3 runs: 'empty-handed'."
    assert next(iter(data)) == "partial"
    assert data["row_count"] == 3
    assert data["table"] == {
        "columns": ["run", "gold", "pred", "score"],
        "rows": [["first", "a", "b", None], ["first", "a", "a", None], ["second", "c", None, 0.5]],
    }
    assert data["notes"] == [
        "Rows of each run: 'first 2', 'second 1'.",
        "Not in every run, null where it is missing: 'pred', 'score'.",
    ]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("t.csv", "id,run\n" + "".join(f"{n},x{n}\n" for n in range(1, 51))),
        ("t.jsonl", "".join(f'{{"id": {n}, "run": "x{n}"}}\n' for n in range(1, 51))),
        ("t.json", log_table(["id", "run"], *([n, f"x{n}"] for n in range(1, 51)))),
    ],
)
def test_limits_count_in_each_run(path, content, ask_for):
    def ids(**window):
        data = data_of(ask_for({"first": content, "second": content}, path, **window))
        assert data["row_count"] == 100
        return data, [(row["run"], row["id"]) for row in rows_of(data["table"])]

    page, begun = ids()
    assert begun == [(name, n) for name in ("first", "second") for n in range(1, 21)]
    assert page["lines"] == "rows 1-20 of each run"
    assert page["table"]["columns"] == ["run", "id", "run.1"]
    assert "start_line=21 continues in every run; columns=[…] shows fewer columns." in page["notes"]
    assert ids(start_line=49, max_lines=5, columns=["id"])[1] == [
        (name, n) for name in ("first", "second") for n in (49, 50)
    ]
    end, last = ids(tail=2, columns=["id"])
    assert last == [(name, n) for name in ("first", "second") for n in (49, 50)]
    assert end["lines"] == "the last 2 rows of each run"


def test_parquet_files_of_several_runs_are_one_table(ask_for):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    def file(**columns) -> bytes:
        sink = io.BytesIO()
        parquet.write_table(pyarrow.table(columns), sink)
        return sink.getvalue()

    data = data_of(ask_for({"a": file(x=[1, 2], y=[3, 4]), "b": file(x=[5])}, "t.parquet", columns=["x", "y"], tail=1))

    assert data["table"]["rows"] == [["a", 2, 4], ["b", 5, None]]


def test_rows_that_do_not_fit_leave_out_as_many_of_every_run(ask_for):
    content = log_table(["n", "text"], *([n, f"{n} " + "long " * 50] for n in range(400)))

    data = data_of(ask_for({"a": content, "b": content, "c": content}, max_lines=400))

    shown = [row["run"] for row in rows_of(data["table"])]
    assert shown.count("a") == shown.count("b") == shown.count("c") > 10
    assert data["lines"] == f"rows 1-{shown.count('a')} of each run"
    assert f"start_line={shown.count('a') + 1} continues in every run" in data["notes"][1]


def test_a_column_that_no_run_has_and_a_row_beyond_all_are_errors(ask_for, snapshot_error):
    contents = {"a": log_table(["x"], [1]), "b": log_table(["y"], [1])}

    snapshot_error(ask_for(contents, columns=["z"]))
    snapshot_error(ask_for(contents, start_line=5))


def test_what_is_selected_stands_by_run(ask_for):
    contents = {"a": log_table(["g", "p"], [1, 1], [1, 2]), "b": log_table(["g", "p"], [1, 1])}

    counted = data_of(ask_for(contents, select="data[?[0]!=[1]] | length(@)"))
    equal = data_of(ask_for(contents, select="columns"))

    assert counted["content"] == {"a": 1, "b": 0}
    assert equal["content"] == ["g", "p"]
    assert equal["notes"] == ["The same in all 2 runs."]


def test_a_selection_that_one_run_cannot_give_is_told_first(ask_for):
    data = data_of(ask_for({"a": '{"x": 1}', "b": "{broken"}, select="x"))

    assert data["content"] == {"a": 1}
    assert data["partial"].startswith("Not read: b: 't.json' could not be parsed as JSON")


def test_hidden_parts_are_never_called_equal(ask_for):
    data = data_of(ask_for({"a": '{"password": "correct-horse-9"}', "b": '{"password": "other-horse-8"}'}, select="@"))

    assert list(data["content"]) == ["a", "b"]
    assert "horse" not in json.dumps(data)


def test_a_file_that_is_the_same_in_all_runs_is_read_once(ask_for):
    data = data_of(ask_for({"a": "lr: 1\n", "b": "lr: 1\n", "c": None}, "config.yml"))

    assert data["text"] == "lr: 1\n"
    assert data["partial"] == "No 'config.yml' in 1 of 3 runs: 'c'."
    assert data["notes"] == ["The same file, byte for byte, in 2 runs: 'a', 'b'."]


@pytest.mark.parametrize("others", ["lr: 22\n", "lr: 2\n"], ids=["another size", "the same size"])
def test_a_small_document_that_differs_is_shown_once_for_each_version(others, ask_for):
    data = data_of(ask_for({"a": "lr: 1\n", "b": others, "c": "lr: 1\n"}, "config.yml"))

    by_version = {tuple(name[0] for name in key.split(", ")): content for key, content in data["content"].items()}
    assert by_version == {("a", "c"): {"lr": 1}, ("b",): {"lr": int(others.split()[1])}}
    assert data["notes"] == ["It differs between these 3 runs: 2 versions, by the runs that have it."]


def test_a_small_text_that_differs_is_shown_of_each_run(ask_for):
    data = data_of(ask_for({"a": "one\n", "b": "two\n", "c": None}, "notes.txt"))

    assert sorted(data["content"].values()) == ["one\n", "two\n"]
    assert data["partial"] == "No 'notes.txt' in 1 of 3 runs: 'c'."


def test_secrets_in_versions_are_hidden_by_their_names(ask_for):
    data = data_of(ask_for({"a": "api_key: f81fe0c2d1\n", "b": "api_key: 77c2ab9e0d\nlr: 1\n"}, "config.yml"))

    assert "f81fe0c2d1" not in json.dumps(data)
    assert [content["api_key"] for content in data["content"].values()] == ["[secret hidden]"] * 2


def test_of_a_large_document_that_differs_the_outline_of_one_is_shown(ask_for):
    many = "".join(f"key_{n}: {'x' * 40}\n" for n in range(400))
    data = data_of(ask_for({"a": many, "b": f"{many}lr: 1\n"}, "config.yml"))

    assert data["outline"][0] == "@: object of 401 keys" or data["outline"][0] == "@: object of 400 keys"
    assert "differs between these 2 runs (2 versions)" in data["notes"][0]
    assert "select=" in data["notes"][0]


def test_a_large_text_that_differs_lists_the_runs_and_the_next_step(ask_for):
    problem = problem_of(ask_for({"a": "a\n" * 9_000, "b": "b\n" * 9_000, "c": "a\n" * 9_000}, "out.txt"))

    assert "differs between these 3 runs (2 versions): the same in a " in problem
    assert "diff_artifacts shows what differs" in problem


def test_a_path_of_keys_that_finds_nothing_says_how_far_it_leads(ask_for):
    problem = problem_of(
        ask_for({"a": "train: {lr: 1}\n", "b": "train: {lr: 2}\n"}, "config.yml", select="train.limit.x")
    )

    assert "finds nothing in any of 2 runs; train has 'lr' in a " in problem
    assert ", and no limit." in problem


def test_a_file_that_no_run_has_is_an_error(ask_for, snapshot_error):
    snapshot_error(ask_for({"a": None, "b": None}, "config.yml"))


def test_how_often_labels_differ_is_the_example_where_a_table_has_both(sqlite_home, ask):
    rows = [[f"s{n}", "pos", "neg"] for n in range(40)]
    run_id = sqlite_home.run({"t.json": json.dumps({"columns": ["sentence", "gold", "pred"], "data": rows})})
    data = data_of(ask(sqlite_home.uri, "get_artifact_content", run_id=run_id, artifact_path="t.json"))

    (hint,) = [note for note in data["notes"] if "length(@)" in note]
    assert hint.startswith('select="data[?[2]!=[1]] | length(@)"')
    expression = "data[?[2]!=[1]] | length(@)"
    counted = data_of(
        ask(sqlite_home.uri, "get_artifact_content", run_id=run_id, artifact_path="t.json", select=expression)
    )
    assert counted["content"] == 40
