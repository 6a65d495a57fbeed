"""Tables of runs that the launcher exported: small, and with what tells the runs apart."""

from __future__ import annotations

import re


def test_five_ranked_runs_are_small_and_show_no_path_command_or_time_stamp(recorded, ask):
    answer = ask(recorded, "best_runs", metric="ifeval_prompt_level_strict_acc")

    assert len(answer.data["runs"]["rows"]) == 5
    assert len(answer.text) < 1_500
    columns = {*answer.data["runs"]["columns"], *answer.data["runs"]["common"]}
    assert not columns & {"params.timestamp", "params.launcher_command", "params.results_dir", "tags.job_id"}
    assert not re.search(r"/data/|--config|177\d{7}", answer.text)
    assert not {"params.executor", "tags.executor"} <= columns, "they say the same"


def test_many_rows_take_less_than_a_hundred_and_twenty_characters_each(recorded, ask):
    answer = ask(recorded, "query_runs", query="tags.task_name LIKE '%'", limit=50)

    rows = len(answer.data["runs"]["rows"])
    assert rows > 20
    assert len(answer.text) < rows * 120


def test_a_short_id_of_an_overview_is_taken_by_other_tools(recorded, ask):
    short = ask(recorded, "query_runs", query="tags.task_name LIKE '%'", limit=50).data["runs"]["rows"][0][0]

    assert len(short) == 12
    assert ask(recorded, "get_run", run_id=short).data["run_id"].startswith(short)


def test_what_is_not_shown_is_one_line_and_none_where_columns_are_named(recorded, ask):
    chosen = ask(recorded, "query_runs", limit=5)
    named = ask(recorded, "query_runs", limit=5, params="executor")

    assert "config.* (" in chosen.data["also_logged"]
    assert "\n" not in chosen.data["also_logged"]
    assert len(chosen.data["also_logged"]) < 400
    assert "also_logged" not in named.data
