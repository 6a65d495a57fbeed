"""get_artifact_content of text: any part of a file, and which file a path means."""

from __future__ import annotations

import pytest

from tests.support.asking import data_of, problem_of

GPQA = "eval-71f3f3199ea5e1f0-gpqa_diamond"


LOG = "".join(f"2026-10-12 \x1b[32mINFO\x1b[0m line {n}\n" for n in range(1, 5_001))


def test_a_log_is_shown_from_its_beginning(read_both, snapshot):
    answer = read_both("client.log", LOG, max_lines=3)

    snapshot("get_artifact_content.log_begun", answer)


def test_the_first_lines_as_many_as_fit(read):
    data = data_of(read("client.log", LOG))

    assert data["lines"].startswith("1-")
    last = int(data["lines"].partition("-")[2])
    assert data["text"] == "".join(f"2026-10-12 INFO line {n}\n" for n in range(1, last + 1))
    assert data["notes"] == [f"There is more: start_line={last + 1} continues, tail=50 shows the end."]
    assert 20_000 < len(data["text"]) < 32_000


def test_the_last_lines_of_a_log(read_both, snapshot):
    snapshot("get_artifact_content.log_end", read_both("client.log", LOG, tail=3))


def test_lines_from_the_middle_of_a_log(read_both, snapshot):
    snapshot("get_artifact_content.log_middle", read_both("client.log", LOG, start_line=4_321, max_lines=2))


def test_the_bytes_of_a_line_that_is_too_long(read_both, snapshot):
    line = "".join(f"{n:05d}," for n in range(100_000))

    answer = read_both("one-line.txt", line)
    assert data_of(answer)["notes"] == [
        "Line 1 is longer than an answer; this is its beginning. start_byte reads any part of it.",
        "There is more: start_line=2 continues, tail=50 shows the end.",
    ]
    part = data_of(read_both("one-line.txt", line, start_byte=300_000))
    assert part["text"].startswith("50000,50001,")
    end = int(part["lines"].rpartition("-")[2]) + 1
    assert line[300_000:end] == part["text"]
    assert part["notes"] == [f"start_byte={end} continues."]


@pytest.mark.parametrize(
    ("raw", "text", "encoding", "notes"),
    [
        ("größer █\n".encode(), "größer █\n", None, None),
        ("Größe überschritten\n".encode("latin-1"), "Größe überschritten\n", "cp1252", None),
        ("größer\r\nals\r\n".encode("utf-16"), "größer\nals\n", "utf-16", None),
        ("größer\n".encode("utf-8-sig"), "größer\n", "utf-8-sig", None),
        ("größer, naïve, café ".encode() + b"\xff\n", "größer, naïve, café \ufffd\n", None, ["Undecodable bytes are shown as \ufffd."]),
        (b"10%\r 50%\r100%\ndone\n", "100%\ndone\n", None, ["1 line was rewritten in place (\\r): the last state is shown, search_artifacts finds the earlier ones."]),
        (b"\r\r100%\r\n", "100%\n", None, None),
        (b"line one\rline two\rline three", "line one\nline two\nline three", None, None),
        (b"all is well\n" * 500 + "Größe 7\n".encode("cp1252"), "all is well\n" * 500 + "Größe 7\n", "cp1252", None),
        (b"page\x0cbreak\x1cand more\n", "page\x0cbreak\x1cand more\n", None, None),
        (b"no line break at the end", "no line break at the end", None, None),
    ],
)  # fmt: skip
def test_a_text_in_its_encoding(raw, text, encoding, notes, read_both):
    data = data_of(read_both("a.txt", raw))

    assert (data["text"], data.get("encoding"), data.get("notes")) == (text, encoding, notes)


MAC = b"".join(b"line %d\r" % n for n in range(1, 10_001))


@pytest.mark.parametrize(
    ("asked", "text", "shown"),
    [
        ({"max_lines": 2}, "line 1\nline 2\n", "1-2"),
        ({"start_line": 7_000, "max_lines": 1}, "line 7000\n", "7000-7000"),
        ({"tail": 2}, "line 9999\nline 10000\n", "last 2"),
        ({"start_byte": 8, "max_lines": 1}, "ine 2\n", "bytes 8-13"),
    ],
)
def test_carriage_returns_end_the_lines_of_a_file_that_has_nothing_else(asked, text, shown, read_both):
    data = data_of(read_both("mac.txt", MAC, **asked))

    assert (data["text"], data["lines"]) == (text, shown)
    assert "rewritten" not in str(data)


@pytest.mark.parametrize("asked", [{"tail": 2}, {"start_line": 2, "max_lines": 2}, {"start_byte": 10, "max_lines": 2}])
def test_lines_rewritten_in_place_are_told_in_every_part(asked, read_both):
    data = data_of(read_both("a.log", b"the first\nERROR lost worker 3\r 100%\nlast\n", **asked))

    assert data["text"] == " 100%\nlast\n"
    assert "1 line was rewritten in place (\\r): the last state is shown" in data["notes"][-1]


def test_what_is_shown_with_bars_and_colours_is_found(sqlite_home, ask_many):
    log = b"\x1b[31mERROR\x1b[0m: disk full\r\n 50%\r100% done\r\n" + b"ok\n" * 2_000 + "Größe\r\n".encode("cp1252")
    run_id = sqlite_home.run({"a.log": log})

    with ask_many(sqlite_home.uri) as ask:
        shown = data_of(ask("get_artifact_content", run_id=run_id, artifact_path="a.log"))["text"].split("\n")
        for pattern, number in (("ERROR: disk", 1), ("^ERROR", 1), ("full$", 1), ("^100% done$", 2), ("Größe$", 2003)):
            found = data_of(ask("search_artifacts", run_ids=run_id, pattern=pattern))
            assert found["matches"]["rows"][0][-2:] == [number, shown[number - 1]], pattern


def test_secrets_in_a_text_are_hidden(read):
    data = data_of(read("a.log", "api_key: abcdef123456\nAuthorization: Bearer abcdefgh12345678\n"))

    assert "abcdef" not in data["text"]
    assert data["text"].count("[secret hidden]") == 2


def test_an_empty_file_says_so(read):
    assert data_of(read("empty.csv", b"")) == {
        "path": "empty.csv",
        "bytes": 0,
        "text": "",
        "notes": ["The file is empty."],
    }


@pytest.mark.parametrize(
    "asked",
    [
        {"start_line": 9},
        {"start_byte": 4},
        {"tail": 1, "start_line": 1},
        {"start_byte": 1, "start_line": 1},
        {"select": "a"},
        {"columns": "a"},
        {"tail": 0},
    ],
)
def test_an_impossible_part_of_a_text_is_refused(asked, read, snapshot_error):
    snapshot_error(read("a.txt", "a\nb\n", **asked))


# --- which file


def test_a_file_where_a_folder_was_meant(home, ask):
    run_id = home.run({"a.txt": "text"})

    assert problem_of(ask(home.uri, "get_artifact_content", run_id=run_id, artifact_path="a.txt/b.txt")).startswith(
        "The run has no artifact 'a.txt/b.txt'."
    )


@pytest.mark.parametrize(("there", "asked"), [("config.yml", "config.yaml"), ("config.yaml", "config.yml")])
def test_yml_and_yaml_are_the_same(there, asked, home, ask):
    data = data_of(ask(home.uri, "get_artifact_content", run_id=home.run({there: "a: 1\n"}), artifact_path=asked))

    assert data == {"path": there, "bytes": 5, "text": "a: 1\n"}, "the path says which file it is"


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


def test_several_files_that_fit_are_listed(store, ask, snapshot_error):
    answer = ask(store.uri, "get_artifact_content", run_id="eval-d03a5f7c", artifact_path="results.yml")

    snapshot_error(answer)


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
def test_an_unknown_path_names_the_nearest(path, sentence, store, ask):
    answer = ask(store.uri, "get_artifact_content", run_id=GPQA, artifact_path=path)

    assert answer.is_error
    assert answer.text.startswith(sentence)


def test_a_file_of_a_run_without_artifacts_says_that_there_are_none(store, ask, snapshot_error):
    answer = ask(store.uri, "get_artifact_content", run_id="trial-04", artifact_path="config.yml")

    snapshot_error(answer)


def test_a_log_is_read_in_parts_that_fit_together(both_stores, ask_many):
    """Following the notes from line to line gives every line once, without colours and progress bars."""
    with ask_many(both_stores.uri) as ask:
        first = ask(
            "get_artifact_content", run_id=both_stores.seeded.log_run, artifact_path="client-481516.log", max_lines=150
        )
        second = ask(
            "get_artifact_content",
            run_id=both_stores.seeded.log_run,
            artifact_path="client-481516.log",
            start_line=151,
            max_lines=50,
        )
        both = ask(
            "get_artifact_content", run_id=both_stores.seeded.log_run, artifact_path="client-481516.log", max_lines=200
        )

    assert (first.data["lines"], second.data["lines"], both.data["lines"]) == ("1-150", "151-200", "1-200")
    assert "start_line=151 continues" in str(first.data["notes"])
    assert first.data["text"] + second.data["text"] == both.data["text"]
    assert "\x1b" not in both.data["text"]
    assert "\r" not in both.data["text"]


def test_the_ends_of_all_logs_that_a_pattern_fits(home, ask):
    token = "ghp_" + "A1b2C3d4E5" * 4
    run = home.run(
        {
            "logs/client.log": f"begun\nexport GH_TOKEN={token}\nlast of the client\n",
            "logs/server.log": "begun\nbroke off in the mid",
            "logs/long.log": "x" * 100_000 + "\nits last line\n",
            "config.yml": "a: 1\n",
        }
    )
    data = data_of(ask(home.uri, "get_artifact_content", run_id=run, artifact_path="*.log", tail=2))

    assert data["content"]["logs/client.log"] == "export GH_TOKEN=[secret hidden]\nlast of the client\n"
    assert data["content"]["logs/server.log"] == "begun\nbroke off in the mid"
    assert data["content"]["logs/long.log"] == "its last line\n"
    assert "server.log: The last line has no line end, in the log as it is stored." in data["notes"]
    assert "Call again with one of these paths." in problem_of(
        ask(home.uri, "get_artifact_content", run_id=run, artifact_path="*.log")
    )


def test_the_ends_of_too_many_files_are_not_read(home, ask):
    run = home.run({f"{n}.log": f"{n}\n" for n in range(13)})

    assert "fits 13 files" in problem_of(
        ask(home.uri, "get_artifact_content", run_id=run, artifact_path="*.log", tail=2)
    )
