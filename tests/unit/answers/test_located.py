"""The name of a server before ids, and before nothing else."""

from __future__ import annotations

import pytest

from mlflow_mcp.answers.located import ids_located, located, located_text
from mlflow_mcp.errors import NotFound

RUN = "0123456789abcdef0123456789abcdef"
TRACE = f"tr-{RUN}"


def test_ids_are_named_in_fields_tables_and_sentences():
    answer = {
        "run_id": RUN,
        "experiment_id": "3",
        "parent": {"run_id": RUN, "name": "a"},
        "runs": {"columns": ["run_id", "name"], "rows": [[RUN, RUN]], "common": {"invocation_id": "71f3"}},
        "found": [{"kind": "experiment", "id": "3", "next": "query_runs(experiment_id='3')"}],
        "sides": {"A": f"config.yml ({RUN})"},
        "notes": [f"The samples are in copy {RUN}."],
    }

    assert located(answer, "dev") == {
        "server": "dev",
        "run_id": f"dev:{RUN}",
        "experiment_id": "dev:3",
        "parent": {"run_id": f"dev:{RUN}", "name": "a"},
        "runs": {"columns": ["run_id", "name"], "rows": [[f"dev:{RUN}", RUN]], "common": {"invocation_id": "dev:71f3"}},
        "found": [{"kind": "experiment", "id": "dev:3", "next": "query_runs(experiment_id='dev:3')"}],
        "sides": {"A": f"config.yml (dev:{RUN})"},
        "notes": [f"The samples are in copy dev:{RUN}."],
    }


def test_what_people_logged_is_no_id_of_ours():
    answer = {
        "params": {"run_id": RUN},
        "tags": {"notes": RUN},
        "span": {"id": RUN[:16], "content": {"run_id": RUN}},
        "table": {"columns": ["run_id"], "rows": [[RUN]]},
        "changes": {"columns": ["path", "A"], "rows": [["x", {"run_id": RUN}]]},
        "url": f"https://host/#/experiments/3/runs/{RUN}",
    }

    assert located(answer, "dev", ("table",)) == {"server": "dev", **answer}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("get_run(run_id='x')", "get_run(run_id='dev:x')"),
        ("get_run(run_id='dev:x')", "get_run(run_id='dev:x')"),
        ('delete(targets=["3", "a b"])', 'delete(targets=["dev:3", "dev:a b"])'),
        ("get_model(model='models:/a/1', compare_to='b')", "get_model(model='dev:models:/a/1', compare_to='dev:b')"),
        (f"get_trace('{TRACE}') reads {TRACE}.", f"get_trace('dev:{TRACE}') reads dev:{TRACE}."),
        (
            f"`mlflow runs restore --run-id {RUN}` brings it back",
            f"`mlflow runs restore --run-id {RUN}` brings it back",
        ),
        (f"in artifacts/{RUN}/a.txt", f"in artifacts/{RUN}/a.txt"),
        ("3 runs, id 71f3", "3 runs, id 71f3"),
        (f"tags.x = '{RUN}'", f"tags.x = 'dev:{RUN}'"),
        (f"query_runs(query=\"tags.x = '{RUN}'\")", f"query_runs(query=\"tags.x = 'dev:{RUN}'\")"),
        (f"No run has the id '{RUN}'.", f"No run has the id 'dev:{RUN}'."),
        (
            f"'{RUN}' is a job of 2 runs: '{RUN}', '{RUN}'.",
            f"'dev:{RUN}' is a job of 2 runs: 'dev:{RUN}', 'dev:{RUN}'.",
        ),
        (f"The runs '{RUN}', '{RUN}' differ.", f"The runs 'dev:{RUN}', 'dev:{RUN}' differ."),
        (f"The experiments' copy {RUN} is one run's.", f"The experiments' copy dev:{RUN} is one run's."),
        # What is stored stays as it is stored.
        (f"The note 'as in run {RUN}, better' is long.", f"The note 'as in run {RUN}, better' is long."),
        (f"It says \"get_run(run_id='{RUN}')\" there.", f"It says \"get_run(run_id='{RUN}')\" there."),
        (f"Param 'digest' has the values '{RUN}', 'b'.", f"Param 'digest' has the values '{RUN}', 'b'."),
        (f"Tag 'x' of run {RUN} was 'of {RUN}'.", f"Tag 'x' of run dev:{RUN} was 'of {RUN}'."),
    ],
)
def test_sentences_name_the_server_of_ids_and_of_calls(before, after):
    assert located_text(before, "dev:") == after
    assert located_text(before, "") == before


def test_a_problem_keeps_its_type():
    with pytest.raises(NotFound, match=f"No run dev:{RUN}. Call get_run\\(run_id='dev:x'\\)."), ids_located("dev:"):
        raise NotFound(f"No run {RUN}.", "Call get_run(run_id='x').")
