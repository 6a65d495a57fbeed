"""search_artifacts: grep over many files of many runs in one call."""

from __future__ import annotations

import subprocess
import threading

import pytest

from mlflow_mcp.settings import Settings
from tests.support.asking import data_of, problem_of, rows_of
from tests.support.servers import cut, fail, faulty_proxy, stall

CLIENT = """\
2026-10-12 \x1b[32mINFO\x1b[0m request 1 finish_reason=stop HTTP 200
2026-10-12 \x1b[33mWARNING\x1b[0m request 2 finish_reason=length HTTP 200
2026-10-12 WARNING request 3 HTTP 429 Too Many Requests
\rEvaluating:  50%|█████     |\rEvaluating: 100%|██████████|
2026-10-12 ERROR request 4 HTTP 500, authorization: Bearer abcdefgh12345678
"""
SERVER = "engine: healthy\nengine: CUDA out of memory (OOM)\nengine: request 9 HTTP 429\n"
FILES = {
    "task/logs/client-1.log": CLIENT,
    "task/logs/server-1.log": SERVER,
    "config.yml": "retries: 429\n",
    "weights.bin": b"HTTP 429\0" * 10,
    "blob.dat": b"\0HTTP 429" * 10,
}


def rows(answer, table: str) -> list[list]:
    return data_of(answer)[table]["rows"]


def test_counts_and_first_matches_of_several_files(both_homes, ask, snapshot):
    answer = ask(both_homes.uri, "search_artifacts", run_ids=both_homes.run(FILES, "eval"), pattern=r"HTTP (429|5\d\d)")

    snapshot("search_artifacts.http_errors", answer)


def test_the_last_matches_with_their_context(both_homes, ask, snapshot):
    answer = ask(
        both_homes.uri, "search_artifacts", run_ids=both_homes.run(FILES, "eval"), pattern="request", last=True, max_matches=1,
        context=1, glob="client-*",
    )  # fmt: skip

    snapshot("search_artifacts.last_with_context", answer)


def test_several_runs_are_searched_in_one_call(both_homes, ask, snapshot):
    first = both_homes.run({"a.log": "OOM\n"}, "one")
    second = both_homes.run({"a.log": "fine\n", "b/a.log": "OOM\nOOM\n"}, "two")

    answer = ask(both_homes.uri, "search_artifacts", run_ids=[first, second], pattern="OOM")

    snapshot("search_artifacts.two_runs", answer, {first: "<first>", second: "<second>"})


def test_an_invocation_stands_for_its_runs(store, ask):
    answer = ask(
        store.uri, "search_artifacts", run_ids=store.seeded.candidate, pattern="finish_reason=length", glob="**/*.log"
    )

    assert data_of(answer)["total"] == store.seeded.log_counts["finish_reason=length"]
    assert {row[0] for row in rows(answer, "files")} == {"mmlu-pro"}


@pytest.mark.parametrize("text", ["finish_reason=length", "HTTP 429", "HTTP 500", "Returning cached response", "OOM"])
def test_matches_in_seeded_logs_are_counted_exactly(text, store, ask):
    answer = ask(store.uri, "search_artifacts", run_ids=store.seeded.log_run, pattern=text, glob="**/*.log")

    assert data_of(answer)["total"] == store.seeded.log_counts[text]


@pytest.mark.parametrize(
    "asked",
    [{"pattern": "Evaluating", "max_matches": 0}, {"pattern": "error|warning", "ignore_case": True, "last": True}],
)
def test_counts_are_those_of_grep(asked, both_homes, ask):
    log = "".join(f"{n} {('INFO', 'Error', 'WARNING')[n % 3]} Evaluating ü{n}\n" for n in range(60_000))
    run_id = both_homes.run({"big.log": log})
    options = ["-E", "-i"] if asked.get("ignore_case") else ["-F"]
    command = ["grep", "-c", *options, asked["pattern"], str(both_homes.folder(run_id) / "big.log")]

    answer = ask(both_homes.uri, "search_artifacts", run_ids=run_id, **asked)

    assert data_of(answer)["total"] == int(subprocess.run(command, capture_output=True, check=True).stdout)
    assert rows(answer, "files") == [["a run", "big.log", data_of(answer)["total"], 60_000]]


def test_plain_text_is_not_taken_for_an_expression(home, ask_many):
    run_id = home.run({"a.log": "a.b (c)\nasb c\n"})

    with ask_many(home.uri) as ask:
        assert data_of(ask("search_artifacts", run_ids=run_id, pattern="a.b (c)", plain=True))["total"] == 1
        assert data_of(ask("search_artifacts", run_ids=run_id, pattern="a.b"))["total"] == 2
        assert data_of(ask("search_artifacts", run_ids=run_id, pattern="a.b (c)"))["total"] == 1
        assert (
            data_of(ask("search_artifacts", run_ids=run_id, pattern="A.B (C)", plain=True, ignore_case=True))["total"]
            == 1
        )


def test_nothing_found_says_where_it_was_looked_for(both_homes, ask, snapshot):
    snapshot(
        "search_artifacts.nothing",
        ask(both_homes.uri, "search_artifacts", run_ids=both_homes.run(FILES, "eval"), pattern="SIGSEGV"),
    )


def test_many_files_without_a_match_are_counted_and_not_listed(sqlite_home, ask_many):
    run_id = sqlite_home.run({f"{n}.log": "fine\n" for n in range(6)} | {"a.model": b"x", "b.bin": b"x", "c.bin": b"x"})

    with ask_many(sqlite_home.uri) as ask:
        answer = ask("search_artifacts", run_ids=run_id, pattern="OOM")
        named = ask("search_artifacts", run_ids=run_id, pattern="x", glob=["*.bin"])

    assert (data_of(answer)["total"], rows(answer, "files")) == (0, [])
    assert data_of(answer)["notes"] == [
        "Not searched, binary by their endings: 2 *.bin, 1 *.model (glob='*.bin' tries).",
        "None of the 6 files searched has a match: '0.log', '1.log', '2.log' and 3 more.",
    ]
    assert data_of(named)["total"] == 2


def test_a_match_in_what_was_rewritten_in_place_says_so(sqlite_home, ask):
    run_id = sqlite_home.run({"a.log": b"ERROR lost worker 3\r 100%\r\n"})

    answer = ask(sqlite_home.uri, "search_artifacts", run_ids=run_id, pattern="ERROR")

    assert rows(answer, "matches") == [["a run", "a.log", 1, "ERROR lost worker 3"]]
    assert data_of(answer)["notes"] == [
        "1 matching line was found only in what was later rewritten in place (\\r); get_artifact_content shows the last state."
    ]


def test_bytes_that_may_hide_a_match_are_told(sqlite_home, ask):
    run_id = sqlite_home.run({"a.log": "größer, naïve, café\n".encode() * 9 + b"Gr\xf6\xdfe\n"})

    answer = ask(sqlite_home.uri, "search_artifacts", run_ids=run_id, pattern="Größe")

    assert data_of(answer)["notes"] == ["Bytes that are no text may hide matches in 'a.log'; try the ASCII part alone."]


def test_secrets_in_matching_lines_are_hidden(home, ask):
    answer = ask(home.uri, "search_artifacts", run_ids=home.run(FILES), pattern="Bearer", glob="*.log", context=1)

    assert "abcdefgh" not in answer.text
    assert "Bearer [secret hidden]" in answer.text


def test_files_of_one_name_are_told_apart(home, ask):
    run_id = home.run({f"task{n}/logs/client.log": "OOM\n" for n in range(3)})

    answer = ask(home.uri, "search_artifacts", run_ids=run_id, pattern="OOM")

    assert [row[0] for row in rows(answer, "matches")] == [f"task{n}/logs/client.log" for n in range(3)]


def test_matching_files_are_listed_and_the_rest_counted(sqlite_home, ask):
    run_id = sqlite_home.run({f"{n:03d}.log": "OOM\n" if n % 3 else "fine\n" for n in range(230)})

    answer = ask(sqlite_home.uri, "search_artifacts", run_ids=run_id, pattern="OOM", max_matches=0)

    assert len(rows(answer, "files")) == 50
    assert data_of(answer)["total"] == 153
    assert data_of(answer)["notes"] == [
        "103 more files with fewer matches are not listed.",
        "77 more files have no match.",
    ]


@pytest.mark.slow
def test_of_too_many_files_the_logs_are_searched(sqlite_home, ask):
    run_id = sqlite_home.run({f"{n:04d}.{'txt' if n < 30 else 'log'}": "OOM\n" for n in range(1_020)})

    answer = ask(sqlite_home.uri, "search_artifacts", run_ids=run_id, pattern="OOM", max_matches=0)

    assert data_of(answer)["total"] == 1_000
    assert sum(row[0].endswith(".txt") for row in rows(answer, "files")) <= 10
    assert data_of(answer)["partial"] == (
        "Only 1,000 of 1,020 files were searched, logs first; narrow glob or run_ids for the others."
    )
    assert next(iter(data_of(answer))) == "partial"


def test_files_of_several_runs_with_the_very_same_matches_are_one_row(sqlite_home, ask):
    same = "a: 1\nkey: x\n"
    runs = [sqlite_home.run({"config.yml": same, f"task{n}/config.yml": same}, f"run-{n}") for n in range(3)]
    runs.append(sqlite_home.run({"config.yml": "b: 2\n" + same}, "run-3"))

    answer = ask(sqlite_home.uri, "search_artifacts", run_ids=runs, pattern="key")

    assert data_of(answer)["total"] == 7
    assert rows(answer, "files") == [
        ["run-0, run-1, run-2", "config.yml", 1, 2, 3],
        ["run-0, run-1, run-2", "*/config.yml", 1, 2, 3],
        ["run-3", "config.yml", 1, 3, None],
    ]
    assert [row[:3] for row in rows(answer, "matches")] == [
        ["run-0, run-1, run-2", "config.yml", 2],
        ["run-0, run-1, run-2", "*/config.yml", 2],
        ["run-3", "config.yml", 3],
    ]


def test_counts_alone_do_not_make_files_the_same(sqlite_home, ask):
    runs = [sqlite_home.run({"a.log": f"key {n}\n"}, f"run-{n}") for n in range(3)]

    answer = ask(sqlite_home.uri, "search_artifacts", run_ids=runs, pattern="key", max_matches=0)

    assert [row[0] for row in rows(answer, "files")] == ["run-0", "run-1", "run-2"]


def test_of_many_files_fewer_lines_are_shown_and_all_are_counted(sqlite_home, ask):
    log = "".join(f"{n} needle {'x' * 200}\n" for n in range(50))
    run_id = sqlite_home.run({f"{name}.log": f"{name}\n{log}" for name in "abcdefgh"})

    def shown(**arguments):
        return ask(sqlite_home.uri, "search_artifacts", run_ids=run_id, pattern="needle", max_matches=50, **arguments)

    first, last, one = shown(), shown(last=True), shown(glob="a.log")
    assert len(first.text) < 12_000
    assert data_of(first)["total"] == 400
    assert [row[1] for row in rows(first, "files")] == [50] * 8
    numbers = [row[1] for row in rows(first, "matches") if row[0] == "a.log"]
    assert numbers == list(range(2, 2 + len(numbers)))
    assert f"Of each file only the first {len(numbers)} matching lines shown, for room" in data_of(first)["notes"][0]
    assert [row[1] for row in rows(last, "matches") if row[0] == "a.log"][-1] == 51
    assert len(rows(one, "matches")) == 50


def test_of_many_files_those_with_equal_lines_at_other_places_are_one_row(sqlite_home, ask):
    text = "a: 1\nkey: x\n"
    runs = [sqlite_home.run({"config.yml": "b: 2\n" * n + text}, f"run-{n}") for n in range(4)]
    runs.append(sqlite_home.run({"config.yml": "key: y\n"}, "run-4"))

    answer = ask(sqlite_home.uri, "search_artifacts", run_ids=runs, pattern="key")

    assert data_of(answer)["total"] == 5
    assert rows(answer, "files") == [
        ["run-0, run-1, run-2, run-3", "config.yml", 1, "2-5", 4],
        ["run-4", "config.yml", 1, 1, None],
    ]
    found = [(row["line"], row["text"]) for row in rows_of(data_of(answer)["matches"])]
    assert found == [("2-5", "key: x"), (1, "key: y")]


@pytest.mark.parametrize(
    ("text", "told"),
    [("one\ntwo", True), ("one\ntwo\n", False), ("one\n50%\r", False), ("", False)],
    ids=["cut off", "ended", "a progress bar", "empty"],
)
def test_a_log_whose_last_line_has_no_end_is_named(text, told, sqlite_home, ask_many):
    run_id = sqlite_home.run({"logs/client.log": text, "config.yml": "one"})
    with ask_many(sqlite_home.uri) as ask:
        notes = [
            data_of(ask("search_artifacts", run_ids=run_id, pattern="one", context=context)).get("notes", [])
            for context in (0, 2)
        ]
        for window in ({}, {"tail": 1}):
            read = data_of(ask("get_artifact_content", run_id=run_id, artifact_path="client.log", **window))
            assert told == ("The last line has no line end, in the log as it is stored." in read.get("notes", []))

    sentence = "The last line has no line end, in the log as it is stored: 'logs/client.log'."
    assert [sentence in each for each in notes] == [told, told]


def test_that_a_run_has_no_logs_comes_first(sqlite_home, ask_many):
    bare = sqlite_home.run({"config.yml": "a: 1\n", "task/results.yml": "b: 2\n"}, "bare")
    logged = sqlite_home.run({"task/logs/client.log": "ERROR\n"}, "logged")
    with ask_many(sqlite_home.uri) as ask:
        nothing, found = (data_of(ask("search_artifacts", run_ids=bare, pattern=each)) for each in ("ERROR", "a: 1"))
        both = data_of(ask("search_artifacts", run_ids=[bare, logged], pattern="ERROR"))
        refused = ask("search_artifacts", run_ids=bare, pattern="ERROR", glob="*.log")

    assert next(iter(nothing.items())) == (
        "partial",
        "No logs: none of the files of 1 run is a log by its name (*.log, *.out, *.err, logs/). Searched: 2 *.yml.",
    )
    assert "partial" not in found
    assert "No log among the files of 'bare'." in both["notes"]
    assert "there are 2 *.yml, none is a log by its name" in problem_of(refused)


@pytest.mark.slow
def test_a_large_answer_keeps_to_its_budget(home, ask):
    run_id = home.run({f"{n}.log": ("needle " + "x" * 900 + "\n") * 2_000 for n in range(3)})

    answer = ask(Settings(tracking_uri=home.uri, max_tokens=2_000), "search_artifacts", run_ids=run_id, pattern="needle", max_matches=100)  # fmt: skip

    assert data_of(answer)["total"] == 6_000
    assert len(answer.text) <= 8_000
    assert "rows fit into one answer" in str(data_of(answer)["notes"])


# --- what goes wrong


@pytest.mark.parametrize(
    "asked",
    [
        {"pattern": "a(b"},
        {"pattern": "a\nb"},
        {"pattern": "x", "glob": "*.txt"},
        {"pattern": "x", "glob": ["client.log", "*.txt"]},
        {"pattern": ""},
    ],
)
def test_an_impossible_search_is_refused(asked, home, ask, snapshot_error):
    snapshot_error(ask(home.uri, "search_artifacts", run_ids=home.run(FILES), **asked))


def test_a_run_without_files_or_without_text_files_is_reported(home, ask_many, snapshot_error):
    with ask_many(home.uri) as ask:
        snapshot_error(ask("search_artifacts", run_ids=home.run(), pattern="x"), "no files")
        snapshot_error(ask("search_artifacts", run_ids=home.run({"a.png": "x"}), pattern="x"), "no text files")


def test_binary_files_are_left_out_and_counted(home, ask):
    answer = ask(home.uri, "search_artifacts", run_ids=home.run(FILES), pattern="HTTP", glob="*.dat")

    assert (data_of(answer)["total"], data_of(answer)["notes"]) == (0, ["1 binary file left out."])


@pytest.mark.slow
def test_a_pattern_that_would_run_away_is_stopped_while_other_calls_go_on(home, ask_many, snapshot_error):
    run_id = home.run({"a.log": ("a" * 64 + "b\n") * 1_000, "b.log": "fine\n"})

    with ask_many(home.uri) as ask:
        stopped = []
        search = threading.Thread(
            target=lambda: stopped.append(ask("search_artifacts", run_ids=run_id, pattern="(a|a)*$", glob="a.log"))
        )
        search.start()
        others = [ask("search_artifacts", run_ids=run_id, pattern="f.ne", glob="b.log") for _ in range(5)]
        went_on = search.is_alive()
        search.join(60)

    assert [data_of(each)["total"] for each in others] == [1] * 5
    assert went_on
    snapshot_error(stopped[0])


def test_when_time_is_up_the_answer_says_what_was_not_searched(sqlite_home, ask):
    run_id = sqlite_home.run({f"{n}.log": "a\n" * 2_000_000 for n in range(8)})

    answer = ask(
        Settings(tracking_uri=sqlite_home.uri, timeout=1), "search_artifacts", run_ids=run_id, pattern="(?=a)a"
    )

    if answer.is_error:  # on a machine that could not even begin
        assert answer.text.startswith("search_artifacts did not finish within 1 s.")
    else:
        assert answer.data["partial"].startswith("NOT searched to their end, the time was up: '")


def test_a_log_that_is_cut_off_is_an_error_and_not_a_smaller_count(http_home, ask):
    run_id = http_home.run({"a.log": "needle\n" * 100_000})

    with faulty_proxy(http_home.uri, cut("/get-artifact", after=300_000)) as proxy:
        answer = ask(proxy.uri, "search_artifacts", run_ids=run_id, pattern="needle")

    assert problem_of(answer)
    assert "needle" not in answer.text


def test_a_file_that_is_gone_when_its_turn_comes_is_named(http_home, ask):
    run_id = http_home.run({"a.log": "OOM\n", "gone.log": "OOM\n"})
    gone = '{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "No such artifact"}'

    with faulty_proxy(http_home.uri, fail(404, r"/get-artifact.*gone\.log", body=gone)) as proxy:
        answer = ask(proxy.uri, "search_artifacts", run_ids=run_id, pattern="OOM")

    assert (data_of(answer)["total"], data_of(answer)["notes"]) == (
        1,
        ["Skipped, deleted after listing: 'gone.log'."],
    )


def test_eight_logs_are_read_side_by_side(http_home, ask):
    """All of them are asked for while none has come."""
    run_id = http_home.run({f"{n}.log": "OOM\n" for n in range(8)})

    with faulty_proxy(http_home.uri, stall("/get-artifact")) as proxy:
        answer = ask(Settings(tracking_uri=proxy.uri, timeout=3), "search_artifacts", run_ids=run_id, pattern="OOM")
        asked = {seen.path for seen in proxy.requests if "/get-artifact" in seen.path}

    assert problem_of(answer).startswith("search_artifacts did not finish within 3 s.")
    assert len(asked) == 8
