"""get_artifact_content of CSV, JSON-lines and Parquet files: rows and columns, exact and paged."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import warnings

import pytest

from tests.support.asking import data_of, problem_of
from tests.support.servers import faulty_proxy


def table_of(answer) -> list[list]:
    return data_of(answer)["table"]["rows"]


def as_csv(rows, delimiter=",") -> str:
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter).writerows(rows)
    return file.getvalue()


SAMPLES = [
    ["id", "job", "score", "text", "ok", "note"],
    ["1", "48e10937", "0.7123456789012345", 'says "hello", twice', "True", ""],
    ["2", "00123456", "1e-05", "two\nlines", "False", ""],
    ["3", "12345678", "NaN", "größer", "True", ""],
]


@pytest.mark.parametrize(("name", "delimiter"), [("samples.csv", ","), ("samples.tsv", "\t")])
def test_a_table_of_text_keeps_what_is_written(name, delimiter, read, snapshot):
    snapshot("get_artifact_content.csv", read(name, as_csv(SAMPLES, delimiter)), {name: "<name>"})


def test_a_csv_of_a_hundred_thousand_rows_is_paged(both_homes, ask_many, snapshot_error):
    rows = [["id", "text", "score"], *([n, f"text {n}", n / 7] for n in range(1, 100_001))]
    run_id = both_homes.run({"predictions.csv": as_csv(rows)})
    asked = {"run_id": run_id, "artifact_path": "predictions.csv"}

    with ask_many(both_homes.uri) as ask:
        first = data_of(ask("get_artifact_content", **asked))
        last = data_of(ask("get_artifact_content", **asked, start_line=99_999, columns=["score", "id"]))
        beyond = ask("get_artifact_content", **asked, start_line=100_001)
        one = data_of(ask("get_artifact_content", **asked, start_line=7, max_lines=1))
        tail = data_of(ask("get_artifact_content", **asked, tail=1))

    assert (first["row_count"], first["lines"], len(first["table"]["rows"])) == (100_000, "rows 1-20", 20)
    assert first["notes"] == [
        "start_line=21 continues with the next rows; columns=[…] shows fewer columns, max_lines=1 a row whole."
    ]
    assert last["table"] == {"columns": ["score", "id"], "rows": [[99_999 / 7, 99_999], [100_000 / 7, 100_000]]}
    snapshot_error(beyond)
    assert one["content"] == {"id": 7, "text": "text 7", "score": 1}
    assert tail["text"] == f"100000,text 100000,{100_000 / 7}\n"


def test_a_row_is_shown_whole_when_it_is_asked_for_alone(read):
    long = "x" * 5_000
    rows = as_csv([["id", "prompt"], ["1", long], ["2", "short"]])

    assert table_of(read("a.csv", rows))[0] == [1, "x" * 300 + "…[+4700 chars]"]
    assert data_of(read("a.csv", rows, max_lines=1))["content"] == {"id": 1, "prompt": long}


@pytest.mark.parametrize(
    "columns",
    [
        "scor",
        ["id", "zz*"],
    ],
)
def test_an_unknown_column_names_the_nearest(columns, read, snapshot_error):
    snapshot_error(read("samples.csv", as_csv(SAMPLES), columns=columns))


@pytest.mark.parametrize(
    ("text", "columns", "rows", "notes"),
    [
        ("a,a,b\n1,2,3\n", ["a", "a.1", "b"], [[1, 2, 3]], None),
        ("a,b\n1\n1,2,3\n", ["a", "b"], [[1, None], [1, 2]], ["1 row shown here are longer than the header; what is beyond it is left out."]),
        ("a,b\n", ["a", "b"], [], None),
        ("\ufeffa,b\n1,2", ["a", "b"], [[1, 2]], None),
        ("a\n\n1\n\n2\n", ["a"], [[1], [2]], None),
        ("version,n\n1.10,1\n1.9,2\n3.10,3\n", ["version", "n"], [["1.10", 1], ["1.9", 2], ["3.10", 3]], None),
        ("a,b,c\n0.5,1e-05,-1\n2.0,1.0,0\n", ["a", "b", "c"], [[0.5, 1e-05, -1], [2.0, 1.0, 0]], None),
        ("a,b,c\n+5,1E5,-0\n", ["a", "b", "c"], [["+5", "1E5", "-0"]], None),
        ("a,b\n12345678901234567890123,0.12345678901234567890\n", ["a", "b"], [["12345678901234567890123", "0.12345678901234567890"]], None),
        ('a,b\n1,"x\n2,y\n3,z\n', ["a", "b"], [[1, "x\n2,y\n3,z\n"]], ["A quote in row 1 is never closed: the 3 lines from there on became one cell, not rows."]),
        ('a,b\n1,"x\n2,y\n3,"z\n4,w\n', ["a", "b"], [[1, "x\n2,y\n3,z"], [4, "w"]], ["Row 1 holds 3 lines of the file; where that is not meant, a stray quote swallowed rows."]),
        ('a\n"1\n2"\n"3\n4\n5"\n', ["a"], [["1\n2"], ["3\n4\n5"]], ["2 rows shown here hold several lines of the file (most: row 2, 3); where that is not meant, a stray quote swallowed rows."]),
        ('a\n5" pipe\n6" pipe\n', ["a"], [['5" pipe'], ['6" pipe']], None),
        ("a,b\r1,2\r3,4\r", ["a", "b"], [[1, 2], [3, 4]], None),
        ("a\n9999999999999999999\n1_000\n", ["a"], [["9999999999999999999"], ["1_000"]], None),
        ("a\n²\n", ["a"], [["²"]], None),
    ],
)  # fmt: skip
def test_irregular_csv_files_are_read(text, columns, rows, notes, read):
    data = data_of(read("a.csv", text))

    assert (data["table"]["columns"], data["table"]["rows"], data.get("notes")) == (columns, rows, notes)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-8-sig"])
def test_a_csv_in_another_encoding(encoding, read):
    data = data_of(read("a.csv", "größe,wert\nklein für,1\nüber,2\n".encode(encoding)))

    assert data["table"] == {"columns": ["größe", "wert"], "rows": [["klein für", 1], ["über", 2]]}


def test_a_quote_that_is_never_closed_is_told_on_every_page_that_is_counted(read):
    text = "a,b\n" + "".join(f"{n},x\n" for n in range(1, 50)) + '50,"x\n' + "".join(f"{n},x\n" for n in range(51, 90))

    data = data_of(read("a.csv", text, max_lines=5))

    assert data["row_count"] == 50
    assert (
        data["notes"][0] == "A quote in row 50 is never closed: the 40 lines from there on became one cell, not rows."
    )


def test_a_csv_whose_encoding_shows_late_is_read(read):
    text = "name,n\n" + "plain,1\n" * 1_000 + "Größe,2\n"

    assert table_of(read("a.csv", text.encode("cp1252"), start_line=1_001)) == [["Größe", 2]]


def test_a_csv_of_thousands_of_columns_shows_the_first(read):
    data = data_of(read("wide.csv", as_csv([[f"column{n}" for n in range(5_000)], list(range(5_000))])))

    assert len(data["table"]["columns"]) == 100
    assert data["notes"] == ["Only 100 of 5,000 columns are shown; columns=['…'] shows others."]
    some = read("wide.csv", as_csv([[f"column{n}" for n in range(5_000)], list(range(5_000))]), columns="column499?")
    assert table_of(some) == [list(range(4_990, 5_000))]


JSON_LINES = [
    {"id": 1, "messages": [{"role": "user", "content": "hi"}], "score": 0.7123456789012345},
    {"id": 2, "messages": [], "error": {"code": 429}},
    {"id": 3, "score": float("nan"), "extra": [float("inf")]},
]


def test_json_lines_are_a_table(read, snapshot):
    text = "\n".join(json.dumps(row) for row in JSON_LINES) + '\n\n{"id": 4, broken\n[1, 2]\n'

    snapshot("get_artifact_content.jsonl", read("samples.jsonl", text))


def test_what_json_lines_hold_beyond_their_values_is_told(read):
    data = data_of(
        read("a.jsonl", '{"a": 0.1, "a": 0.9}\n{"a": 12345678901234567890.123}\n{"a": 12345678901234567890}\n')
    )

    assert data["table"]["rows"] == [[0.9], ["12345678901234567890.123"], [12345678901234567890]]
    assert data["notes"] == [
        "Keys that stand more than once in one object, where the last value counts: 'a'.",
        "2 numbers beyond the precision of a double; fractions of them are given as text.",
    ]


def test_columns_of_json_lines_are_chosen_by_name_or_glob(read):
    text = "\n".join(json.dumps({"id": n, "score_a": n, "score_b": -n, "text": "x"}) for n in range(30))

    data = data_of(read("samples.jsonl", text, columns=["score_*", "id"], start_line=29))

    assert data["table"] == {"columns": ["score_a", "score_b", "id"], "rows": [[28, -28, 28], [29, -29, 29]]}
    assert data["row_count"] == 30


def parquet(rows: int, groups: int) -> bytes:
    import pyarrow
    from pyarrow import parquet

    file = io.BytesIO()
    table = pyarrow.table(
        {
            "id": list(range(rows)),
            "score": [n / 7 for n in range(rows)],
            "text": [f"{n * 7919 % 99991} is the text of this row" for n in range(rows)],
            "data": [b"\0\1" for _ in range(rows)],
            "nested": [{"list": [n, None]} for n in range(rows)],
        }
    )
    parquet.write_table(table, file, row_group_size=rows // groups, compression="none")
    return file.getvalue()


def test_two_parquet_columns_of_one_name_are_told_apart(read):
    import pyarrow
    from pyarrow import parquet

    file = io.BytesIO()
    table = pyarrow.Table.from_arrays([pyarrow.array([1]), pyarrow.array(["x"]), pyarrow.array([2])], ["a", "b", "a"])
    parquet.write_table(table, file)

    data = data_of(read("t.parquet", file.getvalue(), columns=["a.1", "b", "a"], start_line=1, max_lines=5))

    assert data["table"] == {"columns": ["a.1", "b", "a"], "rows": [[2, "x", 1]]}
    assert data["column_types"] == "a.1 (int64), b (string), a (int64)"


WITHOUT_PANDAS = """
import json, sys
class NoPandas:
    def find_spec(self, name, *_):
        if name == "pandas":
            raise ImportError(name)
sys.meta_path.insert(0, NoPandas())
import pyarrow
from mlflow_mcp.tools.artifacts.formats.parquet import values_of
times = pyarrow.array([1_762_000_000_123_456_789, None], pyarrow.timestamp("ns"))
nested = pyarrow.array([[1], None], pyarrow.list_(pyarrow.timestamp("ns")))
print(json.dumps([values_of(times), values_of(nested)]))
"""


@pytest.mark.slow
def test_nanoseconds_are_shown_where_there_is_no_pandas():
    done = subprocess.run([sys.executable, "-c", WITHOUT_PANDAS], check=True, capture_output=True, text=True)

    times, nested = json.loads(done.stdout)
    assert times == ["2025-11-01 12:26:40.123456789", None]
    assert nested == ["(list<item: timestamp[ns]>, not shown)", None]


def test_a_parquet_file_is_a_table(read_both, snapshot):
    snapshot("get_artifact_content.parquet", read_both("samples.parquet", parquet(40, 1), start_line=39))


def test_only_the_shown_part_of_a_parquet_file_is_requested(http_home, ask):
    whole = parquet(120_000, 30)
    run_id = http_home.run({"samples.parquet": whole})

    with faulty_proxy(http_home.uri) as proxy:
        answer = ask(
            proxy.uri, "get_artifact_content", run_id=run_id, artifact_path="samples.parquet",
            start_line=60_001, max_lines=2, columns=["id", "score"],
        )  # fmt: skip
        ranges = [seen.headers["Range"] for seen in proxy.requests if "Range" in seen.headers]

    assert data_of(answer)["table"]["rows"] == [[60_000, 60_000 / 7], [60_001, 60_001 / 7]]
    assert data_of(answer)["row_count"] == 120_000
    asked = [each.removeprefix("bytes=").split("-") for each in ranges]
    assert len(asked) <= 6
    assert sum(int(end) - int(start) + 1 for start, end in asked) < len(whole) / 5


@pytest.mark.parametrize("damage", ["no mark", "cut", "footer"])
def test_a_damaged_parquet_file_is_reported(damage, read_both):
    whole = parquet(40, 1)
    broken = {"no mark": b"PAR1" + b"x" * 100, "cut": whole[:-20], "footer": whole[:-60] + b"\xff" * 52 + whole[-8:]}[
        damage
    ]

    told = problem_of(read_both("samples.parquet", broken))

    assert told.startswith("'samples.parquet' is no readable Parquet file (")
    assert told.endswith("download_artifacts fetches it as it is.")


def test_a_parquet_file_has_no_lines(read):
    assert "is a Parquet file of" in problem_of(read("samples.parquet", parquet(40, 1), tail=3))


# --- tables that mlflow.log_table wrote


TABLE = {
    "question": [f"What is {n} + {n}?" for n in range(1, 31)],
    "answer": [str(2 * n) for n in range(1, 31)],
    "score": [n / 8 if n % 5 else None for n in range(1, 31)],
    "messages": [[{"role": "user", "content": "hi"}]] * 30,
}


@pytest.fixture
def logged_table(sqlite_home):
    """The id of a run whose `eval/table.json` the real `mlflow.log_table` wrote."""
    import mlflow

    run_id = sqlite_home.run()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow 3.17 uses what pandas 3 deprecates
        mlflow.MlflowClient(sqlite_home.uri).log_table(run_id, TABLE, "eval/table.json")
    return run_id


@pytest.mark.slow
def test_a_logged_table_is_a_table(logged_table, sqlite_home, ask_many):
    with ask_many(sqlite_home.uri) as ask:
        asked = {"run_id": logged_table, "artifact_path": "eval/table.json"}
        first = data_of(ask("get_artifact_content", **asked, max_lines=2))
        last = data_of(ask("get_artifact_content", **asked, start_line=30, columns=["score", "answer"]))
        one = data_of(ask("get_artifact_content", **asked, start_line=7, max_lines=1))
        selected = data_of(ask("get_artifact_content", **asked, select="data[6][2]"))
        wrong = problem_of(ask("get_artifact_content", **asked, columns=["scores"]))
        beyond = problem_of(ask("get_artifact_content", **asked, start_line=31))

    assert first["table"]["columns"] == list(TABLE)
    assert first["table"]["rows"][1] == ["What is 2 + 2?", "4", 0.25, TABLE["messages"][1]]
    assert (first["row_count"], first["lines"]) == (30, "rows 1-2")
    assert first["column_types"] == "question (text), answer (text), score (number), messages (array)"
    assert first["notes"][0] == (
        "select=\"data[?[0]=='…'] | length(@)\" counts rows by a condition: [0] question, [1] answer, [2] score, [3] messages."
    )
    assert "start_line=3 continues" in first["notes"][1]
    assert last["table"] == {"columns": ["score", "answer"], "rows": [[None, "60"]]}
    assert one["content"] == {
        "question": "What is 7 + 7?",
        "answer": "14",
        "score": 0.875,
        "messages": TABLE["messages"][6],
    }
    assert selected["content"] == 0.875
    assert wrong.startswith("The file has no column 'scores'. Nearest: 'score'")
    assert beyond.startswith("'eval/table.json' has only 30 rows.")


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        ('{"columns":["a"],"index":[0,1],"data":[[1],[2]]}', ["a"], [[1], [2]]),
        ('{"columns":["a"],"index":["x","y"],"data":[[1],[2]]}', ["index", "a"], [["x", 1], ["y", 2]]),
        (' {\n "columns": [],\n "data": []}', [], []),
    ],
)
def test_a_table_that_pandas_split_is_a_table(text, columns, rows, read):
    data = data_of(read("a.json", text))

    assert (data["table"]["columns"], data["table"]["rows"], data["row_count"]) == (columns, rows, len(rows))


@pytest.mark.parametrize(
    "text",
    [
        '{"columns":["a"],"data":[[1],[2,3]]}',
        '{"columns":["a","a"],"data":[[1,2]]}',
        '{"columns":["a"],"data":[[1]],"schema":1}',
        '{"columns":["a"]}',
        '{"columns":["a"],"index":[1,2],"data":[[1]]}',
    ],
)
def test_json_that_only_begins_like_a_table_is_json(text, read):
    assert data_of(read("a.json", text))["content"] == json.loads(text)
    assert data_of(read("a.json", text, start_line=1))["text"] == text
    assert "'a.json' is read otherwise" in problem_of(read("a.json", text, columns="a"))
