"""search_artifacts counts what is in logs apart from settings of the same word, on real exports."""

from __future__ import annotations

from tests.recorded.store import run_with


def test_hits_in_logs_are_counted_apart_from_those_in_other_files(recorded, ask):
    run = run_with("logs", job_id="3f9c2a7b81d04e65.0")["run_id"]

    data = ask(recorded, "search_artifacts", run_ids=run, pattern="temperature|INFO", max_matches=0).data

    of_logs = sum(count for path, count, *_ in data["files"]["rows"] if path.endswith(".log"))
    assert 0 < of_logs == data["in_logs"]
    assert data["in_logs"] + data["in_other_files"] == data["total"]
    assert list(data).index("in_logs") < list(data).index("total")


def test_no_log_line_among_hits_of_other_files_is_told(recorded, ask):
    run = run_with("logs", job_id="3f9c2a7b81d04e65.0")["run_id"]

    data = ask(recorded, "search_artifacts", run_ids=run, pattern="api_endpoint:", plain=True).data

    assert data["in_logs"] == 0 < data["in_other_files"] == data["total"]


def test_hits_of_logs_alone_or_of_a_glob_are_one_number(recorded, ask):
    run = run_with("logs", job_id="3f9c2a7b81d04e65.0")["run_id"]

    for glob in ("**/*.log", "**/*.yml"):
        data = ask(recorded, "search_artifacts", run_ids=run, pattern="e", glob=glob, max_matches=0).data
        assert "in_logs" not in data
        assert data["total"] > 0


def test_lines_in_logs_are_counted_by_their_wording_where_not_all_are_shown(recorded, ask):
    run = run_with("logs", job_id="3f9c2a7b81d04e65.0")["run_id"]

    short, whole = (
        ask(
            recorded,
            "search_artifacts",
            run_ids=run,
            pattern="status_code|completed",
            glob="**/client*",
            max_matches=most,
        )
        for most in (2, 1_000)
    )

    kinds = {wording: count for count, wording in short.data["kinds"]["rows"]}
    assert sum(kinds.values()) == short.data["total"] == len(whole.data["matches"]["rows"])
    (ended,) = [count for wording, count in kinds.items() if "Evaluation completed" in wording]
    assert ended == sum("Evaluation completed" in str(row) for row in whole.data["matches"]["rows"])
    assert "kinds" not in whole.data
