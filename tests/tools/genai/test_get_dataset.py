"""get_dataset: an evaluation dataset and its records."""

from __future__ import annotations

import pytest

from mlflow_mcp.settings import Settings
from tests.support.asking import data_of, rows_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def settings(genai_store):
    return Settings(tracking_uri=genai_store.uri, toolsets=("genai",))


def test_records_of_traces_and_of_people(both_genai, ask, snapshot):
    settings = Settings(tracking_uri=both_genai.uri, toolsets=("genai",))

    snapshot("get_dataset", ask(settings, "get_dataset", dataset=both_genai.datasets["golden-questions"]))


def test_a_name_is_enough_when_one_dataset_has_it(settings, genai_store, ask):
    answer = ask(settings, "get_dataset", dataset="empty")

    assert (data_of(answer)["id"], answer.data["total"]) == (genai_store.datasets["empty"], 0)


def test_pages_hold_every_record_once(settings, genai_store, ask_many):
    records, cursor = [], None
    with ask_many(settings) as ask:
        while True:
            page = ask("get_dataset", dataset=genai_store.datasets["golden-questions"], limit=3, cursor=cursor)
            assert page.data["total"] == 4
            records += [row["record_id"] for row in rows_of(page.data["records"])]
            cursor = page.data.get("next_cursor")
            if not cursor:
                break

    assert len(records) == len(set(records)) == 4


@pytest.mark.parametrize("text", ["golden-questions", "golden-question", "d-" + "0" * 32])
def test_what_is_no_dataset_or_several(text, settings, ask, snapshot_error):
    snapshot_error(ask(settings, "get_dataset", dataset=text))
