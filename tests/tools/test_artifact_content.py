"""get_artifact_content: every kind of file, as much of it as was asked for, and nothing that runs, floods or hangs."""

from __future__ import annotations

import csv
import io
import json
import pickle
import struct
import subprocess
import sys
import tarfile
import textwrap
import zipfile
from pathlib import Path

import pytest

from servers import faulty_proxy

RESULTS = {
    "config": {"limit_samples": None, "params": {"temperature": 0.6}},
    "results": {
        "tasks": {
            "mmlu-pro": {
                "metrics": {
                    "pass@1": {
                        "scores": {"symbolic_correct": {"value": 0.7123456789012345, "stats": {"stderr": 0.004}}}
                    }
                }
            }
        }
    },
}


@pytest.fixture
def read(home, ask):
    """`read("name.csv", content)` puts a file into a new run and reads it with the further arguments."""

    def put_and_read(name: str, content: bytes | str, **asked):
        return ask(home.uri, "get_artifact_content", run_id=home.run({name: content}), artifact_path=name, **asked)

    return put_and_read


@pytest.fixture
def read_locally(sqlite_home, ask):
    """The same where a server would make no difference."""

    def put_and_read(name: str, content: bytes | str, **asked):
        run_id = sqlite_home.run({name: content})
        return ask(sqlite_home.uri, "get_artifact_content", run_id=run_id, artifact_path=name, **asked)

    return put_and_read


def problem(answer) -> str:
    assert answer.is_error, answer.data
    return answer.text


def content(answer) -> dict:
    assert not answer.is_error, answer.text
    return answer.data


# --- text


LOG = "".join(f"2026-10-12 \x1b[32mINFO\x1b[0m line {n}\n" for n in range(1, 5_001))


def test_a_log_is_shown_from_its_beginning(read, snapshot):
    answer = read("client.log", LOG, max_lines=3)

    snapshot("get_artifact_content.log_begun", answer)


def test_the_first_lines_as_many_as_fit(read):
    data = content(read("client.log", LOG))

    assert data["lines"].startswith("1-")
    last = int(data["lines"].partition("-")[2])
    assert data["text"] == "".join(f"2026-10-12 INFO line {n}\n" for n in range(1, last + 1))
    assert data["notes"] == [f"There is more: start_line={last + 1} goes on, tail=50 shows the end."]
    assert 20_000 < len(data["text"]) < 32_000


def test_the_last_lines_of_a_log(read, snapshot):
    snapshot("get_artifact_content.log_end", read("client.log", LOG, tail=3))


def test_lines_from_the_middle_of_a_log(read, snapshot):
    snapshot("get_artifact_content.log_middle", read("client.log", LOG, start_line=4_321, max_lines=2))


def test_the_bytes_of_a_line_that_is_too_long(read, snapshot):
    line = "".join(f"{n:05d}," for n in range(100_000))

    answer = read("one-line.txt", line)
    assert content(answer)["notes"] == [
        "Line 1 is longer than an answer; this is its beginning. start_byte reads any part of it.",
        "There is more: start_line=2 goes on, tail=50 shows the end.",
    ]
    part = content(read("one-line.txt", line, start_byte=300_000))
    assert part["text"].startswith("50000,50001,")
    end = int(part["lines"].rpartition("-")[2]) + 1
    assert line[300_000:end] == part["text"]
    assert part["notes"] == [f"start_byte={end} goes on."]


@pytest.mark.parametrize(
    ("raw", "text", "encoding", "notes"),
    [
        ("größer █\n".encode(), "größer █\n", None, None),
        ("Größe überschritten\n".encode("latin-1"), "Größe überschritten\n", "cp1252", None),
        ("größer\r\nals\r\n".encode("utf-16"), "größer\nals\n", "utf-16", None),
        ("größer\n".encode("utf-8-sig"), "größer\n", "utf-8-sig", None),
        ("größer, naïve, café ".encode() + b"\xff\n", "größer, naïve, café \ufffd\n", None, ["Bytes that are no text in this encoding stand as \ufffd."]),
        (b"10%\r 50%\r100%\ndone\n", "100%\ndone\n", None, None),
        (b"page\x0cbreak\x1cand more\n", "page\x0cbreak\x1cand more\n", None, None),
        (b"no line break at the end", "no line break at the end", None, None),
    ],
)  # fmt: skip
def test_a_text_in_its_encoding(raw, text, encoding, notes, read):
    data = content(read("a.txt", raw))

    assert (data["text"], data.get("encoding"), data.get("notes")) == (text, encoding, notes)


def test_secrets_in_a_text_are_hidden(read_locally):
    data = content(read_locally("a.log", "api_key: abcdef123456\nAuthorization: Bearer abcdefgh12345678\n"))

    assert "abcdef" not in data["text"]
    assert data["text"].count("[secret hidden]") == 2


def test_an_empty_file_says_so(read):
    assert content(read("empty.csv", b"")) == {
        "path": "empty.csv",
        "bytes": 0,
        "text": "",
        "notes": ["The file is empty."],
    }


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"start_line": 9}, "The file has only 2 lines. Give a smaller start_line, or tail=50."),
        ({"start_byte": 4}, "The file has only 4 bytes. Give a smaller start_byte, or tail=50."),
        ({"tail": 1, "start_line": 1}, "tail cannot stand with start_line, max_lines or start_byte. Leave either out."),
        ({"start_byte": 1, "start_line": 1}, "start_line cannot stand with start_byte. Leave either out."),
        (
            {"select": "a"},
            "select works on JSON, YAML and TOML, and alone; 'a.txt' is read otherwise. Leave select out.",
        ),
        (
            {"columns": "a"},
            "columns are those of CSV, TSV, JSON-lines and Parquet files, and go without tail and start_byte; "
            "'a.txt' is read otherwise. Leave columns out.",
        ),
        ({"tail": 0}, "'tail' cannot be 0: Input should be greater than or equal to 1. Call again with another value."),
    ],
)
def test_a_window_that_cannot_be_is_explained(asked, sentence, read):
    assert problem(read("a.txt", "a\nb\n", **asked)) == sentence


# --- JSON, YAML, TOML


def test_a_yaml_file_is_its_text_with_its_comments(read, snapshot):
    snapshot("get_artifact_content.yaml", read("config.yaml", "# why\nmodel: llama  # small\ntime: 02:00:00\n"))


def test_a_json_file_is_its_values(read, snapshot):
    snapshot("get_artifact_content.json", read("results.json", json.dumps(RESULTS, indent=4)))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("r.json", json.dumps(RESULTS)),
        (
            "r.yml",
            "results: {tasks: {mmlu-pro: {metrics: {pass@1: {scores: {symbolic_correct: {value: 0.7123456789012345}}}}}}}",
        ),
        ("r.toml", '[results.tasks.mmlu-pro.metrics."pass@1".scores.symbolic_correct]\nvalue = 0.7123456789012345'),
    ],
)
def test_select_takes_out_a_value_whole(name, text, read):
    answer = read(name, text, select='results.tasks."mmlu-pro".metrics."pass@1".scores.symbolic_correct.value')

    assert content(answer)["content"] == 0.7123456789012345


def test_a_large_document_is_outlined_and_a_part_of_it_selected(home, ask_many, snapshot):
    large = RESULTS | {"samples": [{"id": n, "text": f"answer {n} " * 20} for n in range(500)]}
    run_id = home.run({"results.json": json.dumps(large)})
    asked = {"run_id": run_id, "artifact_path": "results.json"}

    with ask_many(home.uri) as ask:
        snapshot("get_artifact_content.outline", ask("get_artifact_content", **asked))
        one = content(ask("get_artifact_content", **asked, select="samples[499]"))
        many = content(ask("get_artifact_content", **asked, select="samples[*].text"))
        ids = content(ask("get_artifact_content", **asked, select="samples[?id > `497`].id"))

    assert one["content"] == large["samples"][499]
    assert many["outline"] == ["@: array of 500"]
    assert many["notes"] == ["What it selects is too large for one answer: this is its outline. Select less."]
    assert ids["content"] == [498, 499]


def test_a_select_that_finds_nothing_shows_what_there_is(read, snapshot):
    snapshot("get_artifact_content.selected_nothing", read("r.json", json.dumps(RESULTS), select="result.tasks"))


@pytest.mark.parametrize(
    ("select", "words"), [("config.limit_samples", "finds nothing, or null"), ("config.*[]", "finds an empty list")]
)
def test_a_select_that_finds_null_or_no_entries_says_so(select, words, read):
    assert words in content(read("r.json", '{"config": {"limit_samples": null}}', select=select))["notes"][0]


def test_a_selected_secret_is_hidden_by_its_name(read):
    answer = read("c.yml", "deployment:\n  api_key: hunter2hunter2\n", select="deployment.api_key")

    assert content(answer)["content"] == "[secret hidden]"


@pytest.mark.parametrize(
    ("select", "words"),
    [
        ("results[", "select='results[' is no JMESPath expression for it ("),
        ("tasks.mmlu-pro", "select='tasks.mmlu-pro' is no JMESPath expression for it ("),
        ("length(config)", None),
        ("length(nothing)", "select='length(nothing)' is no JMESPath expression for it ("),
    ],
)
def test_a_broken_select_is_explained(select, words, read):
    answer = read("r.json", json.dumps(RESULTS), select=select)

    if words is None:
        assert content(answer)["content"] == 2
    else:
        assert problem(answer).startswith(words)
        assert problem(answer).endswith(
            "Write keys.like.this, lists[0] or lists[*].key; keys with other characters in double quotes."
        )


@pytest.mark.parametrize(
    ("name", "text", "note"),
    [
        ("a.json", '{"a": 1,', "It cannot be taken apart as JSON ("),
        ("a.yml", "a: [1, 2\n", "It cannot be taken apart as YAML ("),
        ("a.toml", "a = \n", "It cannot be taken apart as TOML ("),
        ("a.yml", "a: !!python/object/apply:os.system ['touch made']\n", "It cannot be taken apart as YAML ("),
        (
            "a.json",
            "[" * 100_000,
            "It cannot be taken apart as JSON (it is nested too deeply), so it is shown as text.",
        ),
        ("a.yml", "[" * 100_000, "It cannot be taken apart as YAML (it is nested too deeply), so it is shown as text."),
    ],
)
def test_what_cannot_be_parsed_is_shown_as_text_and_says_why(name, text, note, read_locally):
    data = content(read_locally(name, text))

    assert text.startswith(data["text"])
    assert data["text"]
    assert data["notes"][-1].startswith(note)
    assert not Path("made").exists()


def test_billion_laughs_are_not_laughed(read_locally):
    laughs = "a0: &a0 [lol]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))

    data = content(read_locally("laughs.yml", laughs))

    assert data["text"] == laughs
    assert data["notes"] == [
        "It cannot be taken apart as YAML (it unfolds into millions of values), so it is shown as text."
    ]


def test_numbers_that_json_does_not_know_are_text(read):
    assert content(read("a.json", '{"loss": NaN, "max": [Infinity]}'))["content"] == {
        "loss": "NaN",
        "max": ["Infinity"],
    }


def test_a_json_file_with_half_a_character_is_sent_all_the_same(read_locally):
    assert content(read_locally("a.json", r'{"a": "\ud83d"}'))["content"] == {"a": r"\ud83d"}


def test_a_huge_json_file_is_read_as_text(home, ask_many):
    run_id = home.run({"huge.json": "[" + ",\n".join(f'{{"id": {n}}}' for n in range(1_300_000)) + "]"})
    asked = {"run_id": run_id, "artifact_path": "huge.json"}

    with ask_many(home.uri) as ask:
        begun = content(ask("get_artifact_content", **asked))
        ended = content(ask("get_artifact_content", **asked, tail=1))
        selected = ask("get_artifact_content", **asked, select="[0]")

    assert begun["text"].startswith('[{"id": 0},\n{"id": 1},\n')
    assert begun["notes"][1] == "Too large to take apart: shown as text."
    assert ended["text"] == '{"id": 1299999}]'
    assert problem(selected) == (
        "'huge.json' has 21 MB; select takes at most 20 MB of JSON apart. "
        "Leave select out, or find lines with search_artifacts."
    )


# --- rows


def table_of(answer) -> list[list]:
    return content(answer)["table"]["rows"]


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


def test_a_csv_of_a_hundred_thousand_rows_is_paged(home, ask_many):
    rows = [["id", "text", "score"], *([n, f"text {n}", n / 7] for n in range(1, 100_001))]
    run_id = home.run({"predictions.csv": as_csv(rows)})
    asked = {"run_id": run_id, "artifact_path": "predictions.csv"}

    with ask_many(home.uri) as ask:
        first = content(ask("get_artifact_content", **asked))
        last = content(ask("get_artifact_content", **asked, start_line=99_999, columns=["score", "id"]))
        beyond = ask("get_artifact_content", **asked, start_line=100_001)
        one = content(ask("get_artifact_content", **asked, start_line=7, max_lines=1))
        tail = content(ask("get_artifact_content", **asked, tail=1))

    assert (first["row_count"], first["lines"], len(first["table"]["rows"])) == (100_000, "rows 1-20", 20)
    assert first["notes"] == [
        "start_line=21 goes on with the next rows; columns=[…] shows fewer columns, max_lines=1 a row whole."
    ]
    assert last["table"] == {"columns": ["score", "id"], "rows": [[99_999 / 7, 99_999], [100_000 / 7, 100_000]]}
    assert problem(beyond) == "'predictions.csv' has only 100,000 rows. Give a smaller start_line."
    assert one["content"] == {"id": 7, "text": "text 7", "score": 1}
    assert tail["text"] == f"100000,text 100000,{100_000 / 7}\n"


def test_a_row_is_shown_whole_when_it_is_asked_for_alone(read):
    long = "x" * 5_000
    rows = as_csv([["id", "prompt"], ["1", long], ["2", "short"]])

    assert table_of(read("a.csv", rows))[0] == [1, "x" * 300 + "…[+4700 chars]"]
    assert content(read("a.csv", rows, max_lines=1))["content"] == {"id": 1, "prompt": long}


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ("scor", "The file has no column 'scor'. Nearest: 'score'. It has: id, job, score, text, ok, note."),
        (["id", "zz*"], "The file has no column 'zz*'. It has: id, job, score, text, ok, note."),
    ],
)
def test_an_unknown_column_is_told_the_nearest(columns, sentence, read):
    assert problem(read("samples.csv", as_csv(SAMPLES), columns=columns)) == sentence


@pytest.mark.parametrize(
    ("text", "columns", "rows", "notes"),
    [
        ("a,a,b\n1,2,3\n", ["a", "a.1", "b"], [[1, 2, 3]], None),
        ("a,b\n1\n1,2,3\n", ["a", "b"], [[1, None], [1, 2]], ["1 row shown here are longer than the header; what is beyond it is left out."]),
        ("a,b\n", ["a", "b"], [], None),
        ("\ufeffa,b\n1,2", ["a", "b"], [[1, 2]], None),
        ("a\n\n1\n\n2\n", ["a"], [[1], [2]], None),
        ("a\n9999999999999999999\n1_000\n", ["a"], [["9999999999999999999"], ["1_000"]], None),
        ("a\n²\n", ["a"], [["²"]], None),
    ],
)  # fmt: skip
def test_a_csv_as_it_happens_to_be(text, columns, rows, notes, read_locally):
    data = content(read_locally("a.csv", text))

    assert (data["table"]["columns"], data["table"]["rows"], data.get("notes")) == (columns, rows, notes)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-8-sig"])
def test_a_csv_in_another_encoding(encoding, read_locally):
    data = content(read_locally("a.csv", "größe,wert\nklein für,1\nüber,2\n".encode(encoding)))

    assert data["table"] == {"columns": ["größe", "wert"], "rows": [["klein für", 1], ["über", 2]]}


def test_a_csv_of_thousands_of_columns_shows_the_first(read_locally):
    data = content(read_locally("wide.csv", as_csv([[f"column{n}" for n in range(5_000)], list(range(5_000))])))

    assert len(data["table"]["columns"]) == 100
    assert data["notes"] == ["Only 100 of 5,000 columns are shown; columns=['…'] shows others."]
    some = read_locally(
        "wide.csv", as_csv([[f"column{n}" for n in range(5_000)], list(range(5_000))]), columns="column499?"
    )
    assert table_of(some) == [list(range(4_990, 5_000))]


JSON_LINES = [
    {"id": 1, "messages": [{"role": "user", "content": "hi"}], "score": 0.7123456789012345},
    {"id": 2, "messages": [], "error": {"code": 429}},
    {"id": 3, "score": float("nan"), "extra": [float("inf")]},
]


def test_json_lines_are_a_table(read, snapshot):
    text = "\n".join(json.dumps(row) for row in JSON_LINES) + '\n\n{"id": 4, broken\n[1, 2]\n'

    snapshot("get_artifact_content.jsonl", read("samples.jsonl", text))


def test_columns_of_json_lines_are_chosen_by_name_or_glob(read):
    text = "\n".join(json.dumps({"id": n, "score_a": n, "score_b": -n, "text": "x"}) for n in range(30))

    data = content(read("samples.jsonl", text, columns=["score_*", "id"], start_line=29))

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


def test_a_parquet_file_is_a_table(read, snapshot):
    snapshot("get_artifact_content.parquet", read("samples.parquet", parquet(40, 1), start_line=39))


def test_of_a_parquet_file_only_what_is_shown_is_read(http_home, ask):
    whole = parquet(120_000, 30)
    run_id = http_home.run({"samples.parquet": whole})

    with faulty_proxy(http_home.uri) as proxy:
        answer = ask(
            proxy.uri, "get_artifact_content", run_id=run_id, artifact_path="samples.parquet",
            start_line=60_001, max_lines=2, columns=["id", "score"],
        )  # fmt: skip
        ranges = [seen.headers["Range"] for seen in proxy.requests if "Range" in seen.headers]

    assert content(answer)["table"]["rows"] == [[60_000, 60_000 / 7], [60_001, 60_001 / 7]]
    assert content(answer)["row_count"] == 120_000
    asked = [each.removeprefix("bytes=").split("-") for each in ranges]
    assert len(asked) <= 6
    assert sum(int(end) - int(start) + 1 for start, end in asked) < len(whole) / 5


@pytest.mark.parametrize("damage", ["no mark", "cut", "footer"])
def test_a_damaged_parquet_file_is_told(damage, read):
    whole = parquet(40, 1)
    broken = {"no mark": b"PAR1" + b"x" * 100, "cut": whole[:-20], "footer": whole[:-60] + b"\xff" * 52 + whole[-8:]}[
        damage
    ]

    told = problem(read("samples.parquet", broken))

    assert told.startswith("'samples.parquet' is no readable Parquet file (")
    assert told.endswith("download_artifacts fetches it as it is.")


def test_a_parquet_file_has_no_lines(read_locally):
    assert "is a Parquet file of" in problem(read_locally("samples.parquet", parquet(40, 1), tail=3))


# --- images


def image(width: int, height: int, kind: str = "PNG", mode: str = "RGB") -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.effect_mandelbrot((width, height), (-2, -1.5, 1, 1.5), 20).convert(mode).save(file, kind)
    return file.getvalue()


def block_of(answer):
    assert not answer.is_error, answer.text
    blocks = [block for block in answer.result.content if block.type == "image"]
    assert len(blocks) == 1
    return blocks[0]


def size_of(block) -> tuple[int, int]:
    import base64

    from PIL import Image

    return Image.open(io.BytesIO(base64.b64decode(block.data))).size


def test_a_small_image_is_shown_as_it_is(read):
    import base64

    raw = image(300, 200)
    answer = read("scores.png", raw)

    assert base64.b64decode(block_of(answer).data) == raw
    assert block_of(answer).mime_type == "image/png"
    assert answer.text == f"scores.png, {len(raw) / 1000:.3g} kB, 300 x 200 pixels."
    assert answer.data is None


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "RGB"), ("PNG", "P"), ("PNG", "LA"), ("JPEG", "L"), ("JPEG", "CMYK"), ("BMP", "RGB"), ("GIF", "P"), ("WEBP", "RGBA"), ("PNG", "I;16")])  # fmt: skip
def test_a_large_image_is_scaled_down(kind, mode, read_locally):
    answer = read_locally(f"plot.{kind.lower()}", image(3_000, 1_500, kind, mode))

    assert size_of(block_of(answer)) == (1_000, 500)
    assert block_of(answer).mime_type == "image/png"
    assert answer.text.endswith(", 3000 x 1500 pixels, scaled down to fit 1000.")


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("cut.png", image(300, 200)[:-50]),
        ("noise.png", b"\x89PNG\r\n\x1a\n" + b"\0noise" * 50),
        ("spoilt.png", image(300, 200)[:400] + b"\xff" * 50 + image(300, 200)[450:]),
        ("cut.jpg", image(300, 200, "JPEG")[:500]),
        ("bomb.png", None),
    ],
)
def test_a_damaged_image_is_told_and_not_sent(name, raw, read_locally):
    if raw is None:  # says that it has a billion pixels
        raw = bytearray(image(30, 20))
        raw[16:24] = struct.pack(">II", 40_000, 40_000)

    told = problem(read_locally(name, bytes(raw)))

    assert told.startswith(f"'{name}' is a {'JPEG' if name.endswith('jpg') else 'PNG'} image of ")
    assert ", damaged or too large to open. download_artifacts fetches it as it is;" in told


WITHOUT = """
import sys
sys.modules[{module!r}] = None  # what Python itself notes for a module that cannot be imported
from mlflow_mcp.__main__ import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("module", "name", "raw", "sentence"),
    [
        ("PIL", "large.png", image(3_000, 1_500), "This needs the extra 'images', which is not installed."),
        ("pypdf", "report.pdf", b"%PDF-1.4 x", "This needs the extra 'documents', which is not installed."),
        ("pyarrow", "a.parquet", b"PAR1" + b"x" * 50, "This needs the extra 'parquet', which is not installed."),
        ("PIL", "small.png", image(300, 200), None),
    ],
)
def test_a_missing_extra_is_named(module, name, raw, sentence, sqlite_home):
    """In a process of its own, where the module is not to be had."""
    run_id = sqlite_home.run({name: raw})
    messages = [
        {"id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": {"name": "get_artifact_content", "arguments": {"run_id": run_id, "artifact_path": name}}},
    ]  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WITHOUT.format(module=module))],
        env={"MLFLOW_TRACKING_URI": sqlite_home.uri, "PATH": ""},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        process.stdin.write(b"".join(json.dumps({"jsonrpc": "2.0"} | each).encode() + b"\n" for each in messages))
        process.stdin.flush()
        while (answer := json.loads(process.stdout.readline())).get("id") != 2:
            pass
        process.stdin.close()

    block = answer["result"]["content"][0]
    if sentence is None:
        assert block["type"] == "image"
    else:
        assert answer["result"]["isError"]
        extra = sentence.split("'")[1]
        assert block["text"] == (
            f"{sentence} Start the server as `uvx 'mlflow-mcp[{extra}]'` "
            f'(args: ["mlflow-mcp[{extra}]"] in the host\'s configuration).'
        )


# --- documents


HTML = """<!doctype html><html><head><title>Report</title><style>p { color: red }</style>
<script>document.location = "http://evil"; var x = "<p>not text</p>";</script></head>
<body><h1>Scores &amp; more</h1><p>mmlu-pro: <b>0.71</b></p><noscript>no script</noscript><template>no template</template>
<table><tr><td>a</td><td>1</td></tr></table></body></html>"""


def test_of_an_html_page_the_text_is_read(read, snapshot):
    snapshot("get_artifact_content.html", read("report.html", HTML))


def test_lines_of_an_html_page(read_locally):
    data = content(read_locally("report.html", HTML, start_line=2, max_lines=1))

    assert (data["text"], data["lines"]) == ("Scores & more\n", "2-2")


def test_an_html_page_nested_without_end_is_read(read_locally):
    assert content(read_locally("deep.html", "<div>" * 20_000 + "bottom"))["text"] == "bottom\n"


def test_of_a_pdf_the_text_is_read_page_by_page(read, snapshot):
    snapshot("get_artifact_content.pdf", read("report.pdf", pdf("Scores of mmlu-pro", "Second page")))


def pdf(*pages: str) -> bytes:
    """A PDF of one line a page, as small as they come."""
    streams = [f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode() for text in pages]
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for n, stream in enumerate(streams):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * n} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    file = io.BytesIO(b"%PDF-1.4\n")
    file.seek(0, 2)
    places = []
    for n, each in enumerate(objects, 1):
        places.append(file.tell())
        file.write(b"%d 0 obj\n%s\nendobj\n" % (n, each))
    table = file.tell()
    file.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    file.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    file.write(b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, table))
    return file.getvalue()


@pytest.mark.parametrize("raw", [b"%PDF-1.4\nnothing", pdf("a")[:200], b"%PDF-1.4\n" + b"\xff" * 500])
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_pdf_is_told(raw, read_locally):
    assert ", damaged or locked. download_artifacts fetches it as it is;" in problem(read_locally("report.pdf", raw))


# --- archives, weights, pickles


def zipped(names: int = 3) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(names):
            archive.writestr(f"data/{n}.txt", "x" * n * 1_000)
    return file.getvalue()


def tarred(names: int = 3) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for n in range(names):
            entry = tarfile.TarInfo(f"data/{n}.txt")
            entry.size = n * 1_000
            archive.addfile(entry, io.BytesIO(b"x" * entry.size))
    return file.getvalue()


def safetensors(header: bytes | None = None) -> bytes:
    told = {
        "__metadata__": {"format": "pt"},
        "layer.0.weight": {"dtype": "BF16", "shape": [4096, 4096], "data_offsets": [0, 8]},
    }
    header = json.dumps(told).encode() if header is None else header
    return struct.pack("<Q", len(header)) + header + b"\0" * 8


@pytest.mark.parametrize(
    ("name", "raw", "holds"),
    [
        ("model.zip", zipped(), ["data/0.txt (0 B)", "data/1.txt (1 kB)", "data/2.txt (2 kB)"]),
        ("weights.pt", zipped(1), ["data/0.txt (0 B)"]),
        ("empty.zip", zipped(0), []),
        ("logs.tar", tarred(), ["data/0.txt (0 B)", "data/1.txt (1 kB)", "data/2.txt (2 kB)"]),
        ("model.safetensors", safetensors(), ["layer.0.weight BF16 [4096, 4096]"]),
    ],
)
def test_of_an_archive_or_of_weights_the_names_are_listed(name, raw, holds, read):
    data = content(read(name, raw))

    assert data["holds"] == holds
    assert data["notes"][0].endswith(": only what it holds is listed.")


@pytest.mark.parametrize(
    ("name", "raw", "last"), [("a.zip", zipped(150), "and 50 more entries"), ("a.tar", tarred(150), "and more")]
)
def test_of_a_large_archive_the_first_names_are_listed(name, raw, last, read_locally):
    held = content(read_locally(name, raw))["holds"]

    assert len(held) == 101
    assert held[-1] == last


@pytest.mark.parametrize(
    ("name", "raw", "what"),
    [
        ("a.zip", zipped()[:-30], "a zip archive"),
        ("a.safetensors", struct.pack("<Q", 1 << 60) + b"{}" + b"\0" * 9, "a safetensors model"),
        ("a.safetensors", safetensors(b"[1, 2]"), "a safetensors model"),
        ("a.safetensors", safetensors(b'{"a": 1}'), "a safetensors model"),
        ("a.safetensors", safetensors(b"[" * 5_000), "a safetensors model"),
    ],
)
def test_a_damaged_archive_is_told(name, raw, what, read_locally):
    assert f"is {what} of " in problem(read_locally(name, raw))
    assert ", damaged. download_artifacts fetches it as it is;" in problem(read_locally(name, raw))


class Trap:
    """Unpickled, it makes a file."""

    def __init__(self, made: Path) -> None:
        self.made = made

    def __reduce__(self):
        return (open, (str(self.made), "w"))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ["model.pkl", "model.bin", "model.json", "data.joblib", "a.txt"])
def test_a_pickle_is_never_unpickled(name, protocol, read_locally, tmp_path):
    made = tmp_path / "made"
    trap = pickle.dumps(Trap(made), protocol)

    answer = read_locally(name, trap)

    assert not made.exists()
    assert answer.is_error or answer.data["text"]  # the oldest protocol is text
    if protocol >= 2:
        assert answer.text == (
            f"'{name}' is a Python pickle of {len(trap)} B, never unpickled. "
            "download_artifacts fetches it as it is; get_run gives the run's URL, where a person can open it."
        )


@pytest.mark.parametrize(
    ("name", "raw", "what"),
    [
        ("notes.txt", bytes(range(256)) * 20, "a binary file"),
        ("results.json", b"\0\1\2\3" * 100, "a binary file"),
        ("table.csv", b"\0\1\2\3" * 100, "a binary file"),
        ("model.onnx", b"\x08\x07\x12\x04\0\0\0\0", "a binary file"),
        ("log.gz", b"\x1f\x8b\x08" + b"\0" * 50, "a gzip file"),
        ("array.npy", b"\x93NUMPY\x01\0" + b"\0" * 50, "a NumPy array"),
        ("weights.gguf", b"GGUF\3\0\0\0", "a GGUF model"),
        ("mlflow.db", b"SQLite format 3\0" + b"\0" * 50, "a sqlite database"),
        ("table.parquet", b"\0\1\2\3" * 100, "a binary file"),
    ],
)
def test_what_is_not_text_is_named_whatever_it_is_called(name, raw, what, read_locally):
    assert problem(read_locally(name, raw)).startswith(f"'{name}' is {what} of ")


# --- which file


def test_a_folder_where_a_file_was_meant(home, ask):
    run_id = home.run({"model/MLmodel": "flavors: {}\n"})

    assert problem(ask(home.uri, "get_artifact_content", run_id=run_id, artifact_path="model")) == (
        "'model' is a folder. list_artifacts(run_id, 'model') shows what it holds."
    )


def test_a_file_where_a_folder_was_meant(home, ask):
    run_id = home.run({"a.txt": "text"})

    assert problem(ask(home.uri, "get_artifact_content", run_id=run_id, artifact_path="a.txt/b.txt")).startswith(
        "The run has no artifact 'a.txt/b.txt'."
    )


@pytest.mark.parametrize(("there", "asked"), [("config.yml", "config.yaml"), ("config.yaml", "config.yml")])
def test_yml_and_yaml_are_the_same(there, asked, home, ask):
    data = content(ask(home.uri, "get_artifact_content", run_id=home.run({there: "a: 1\n"}), artifact_path=asked))

    assert data == {
        "path": there,
        "bytes": 5,
        "text": "a: 1\n",
        "notes": [f"There is no '{asked}' itself; this is the only file that ends so."],
    }


def test_a_missing_run_is_not_a_missing_file(home, ask):
    missing = "0123456789abcdef0123456789abcdef"

    assert problem(ask(home.uri, "get_artifact_content", run_id=missing, artifact_path="a.txt")).startswith(
        f"No run has the id '{missing}'."
    )
