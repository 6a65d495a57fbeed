"""get_invocation(verify=true) does not read the insides of logs, which alone tell of lost answers: it says so, and how to count them."""

from __future__ import annotations

import re

import pytest

from tests.support.evaluated import INVOCATION, evaluated, results, statistics
from tests.support.stores import filled

LOST = "ERROR Max retries exceeded for sample=322; recorded as an empty response\n"


@pytest.fixture
def asked(empty_store, tmp_path, ask_many):
    """The answers of verifying an invocation with such logs, and of the search that it names, where it names one."""

    def answers(**logs):
        files = {
            "../config.yml": {"evaluation": {"tasks": [{"name": "ifeval"}]}},
            "artifacts/results.yml": results({"acc": {"value": 0.5, "stats": {"count": 541}}}),
            "artifacts/eval_factory_metrics.json": statistics(541),
            **{f"logs/{name}.log": text for name, text in logs.items()},
        }
        run = evaluated(tmp_path, 0, files=files, metrics={"ifeval_acc": 0.5})
        with ask_many(filled(empty_store, [run])) as ask:
            verified = ask("get_invocation", invocation_id=INVOCATION, verify=True).data
            call = re.search(r"search_artifacts\(run_ids='(.+?)', pattern='(.+?)'\)", str(verified.get("notes")))
            found = ask("search_artifacts", run_ids=call[1], pattern=call[2]).data if call else None
        return verified, found

    return answers


def test_lost_answers_are_said_not_to_be_looked_for_and_the_named_search_counts_them(asked):
    verified, found = asked(client=LOST * 7 + "INFO scored\n" * 500)

    assert verified["verdict"] == "DELIVERED: 1 of 1 task arrived whole, lost answers not looked for"
    assert found["total"] == 7


def test_without_logs_there_is_nothing_to_look_through(asked):
    verified, found = asked()

    assert verified["verdict"] == "DELIVERED: 1 of 1 task arrived whole"
    assert found is None
