"""Across two servers that hold the same data, the tools that compare answer as on one: but for the servers' names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlflow_mcp.settings import Settings
from tests.recorded.store import catalogue
from tests.support.asking import Answer, data_of, rows_of
from tests.support.stores import copied


@pytest.fixture(scope="module")
def twin(recorded, tmp_path_factory):
    """A copy of the record: every id is on both. Its files are the same."""
    return copied(recorded, tmp_path_factory.mktemp("twin") / "twin.db")


def invocation(name: str) -> str:
    return str(catalogue()["invocations"][name]["id"])


def job(name: str, number: int) -> str:
    return str(catalogue()["invocations"][name]["jobs"][number]["job_id"])


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("compare_runs", {"run_ids": ["baseline", "candidate"]}),
    ("compare_runs", {"run_ids": ["candidate", "baseline", "resumed"], "tolerance": "1pp"}),
    ("compare_runs", {"run_ids": ["trial", "partly_limited"]}),
    ("compare_runs", {"run_ids": ["broken", "old_whole"]}),
    ("compare_runs", {"run_ids": ["baseline.1", "candidate.1"]}),
    ("compare_runs", {"run_ids": ["old_jobs.0", "old_jobs.1"]}),
    ("compare_samples", {"run_ids": ["baseline", "candidate"]}),
    ("compare_samples", {"run_ids": ["baseline.0", "candidate.0"], "show": "regressed"}),
    ("diff_artifacts", {"run_ids": ["baseline.0", "candidate.0"], "artifact_path": "config.yml"}),
    ("diff_artifacts", {"run_ids": ["baseline.0", "candidate.0"], "artifact_path": "."}),
]


def ids_of(names: list[str]) -> list[str]:
    return [job(*_parted(name)) if "." in name else invocation(name) for name in names]


def _parted(name: str) -> tuple[str, int]:
    of, _, number = name.partition(".")
    return of, int(number)


def facts(answer: Answer) -> Any:
    """What the answer says, without the servers' names, and without what follows from these: which columns are equal in all
    rows, where to go on, and where else to look."""
    if answer.is_error:
        return answer.text.replace("On server dev: ", "").replace("dev:", "").partition(" Only the server ")[0]
    data = json.loads(answer.text.replace("dev:", ""))
    if "columns" in data["sides"]:
        data["sides"] = rows_of(data["sides"])
    return {name: value for name, value in data.items() if name not in ("next_cursor", "server")}


@pytest.mark.slow
@pytest.mark.parametrize(("tool", "arguments"), CALLS)
def test_two_servers_are_compared_as_one_would_be(tool, arguments, recorded, twin, ask_many):
    ids = ids_of(arguments["run_ids"])
    others = {name: value for name, value in arguments.items() if name != "run_ids"}
    with ask_many(Settings(servers=f"prod={recorded},dev={twin}")) as ask:
        plain = ask(tool, run_ids=ids, **others)
        across = ask(tool, run_ids=[ids[0], *(f"dev:{each}" for each in ids[1:])], **others)
        there = ask(tool, run_ids=[f"dev:{each}" for each in ids], **others)

    assert facts(across) == facts(plain)
    assert facts(there) == facts(plain)


def test_the_next_page_of_samples_is_of_both_servers(recorded, twin, ask_many):
    ids = [invocation("baseline"), f"dev:{invocation('candidate')}"]
    with ask_many(Settings(servers=f"prod={recorded},dev={twin}")) as ask:
        first = data_of(ask("compare_samples", run_ids=ids, limit=2))
        following = data_of(ask("compare_samples", run_ids=ids, limit=2, cursor=first["next_cursor"]))
        whole = data_of(ask("compare_samples", run_ids=ids, limit=4))

    assert rows_of(first["samples"]) + rows_of(following["samples"]) == rows_of(whole["samples"])
