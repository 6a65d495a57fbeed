"""Verdicts on traces."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mlflow import MlflowClient

from mlflow_mcp.settings import Settings
from tests.support.asking import data_of, problem_of, rows_of
from tests.support.secrets import SECRETS
from tests.support.servers import cut, faulty_proxy, forked_mlflow_server
from tests.support.stores import artifacts_of, copied_to_be_served


def allowing(uri):
    return Settings(tracking_uri=uri, allow_write=("annotate",))


def written_at(uri, trace_id, name):
    found = MlflowClient(uri).get_trace(trace_id).info.assessments
    return [each for each in found if each.name == name]


@pytest.fixture(scope="module")
def own_server(traces_file, session_folder, tmp_path_factory):
    """The traces behind a server that these tests may write to."""
    folder = tmp_path_factory.mktemp("own_server")
    copied_to_be_served(traces_file.uri, artifacts_of(traces_file.uri), folder)
    with forked_mlflow_server(session_folder, folder) as uri:
        yield replace(traces_file, uri=uri)


@pytest.fixture(params=["sqlite", pytest.param("http", marks=pytest.mark.slow)])
def traces(request, traces_copy):
    return traces_copy if request.param == "sqlite" else request.getfixturevalue("own_server")


def test_feedback_is_written_as_a_models_and_ones_own_is_replaced(traces, ask):
    trace_id, settings = traces["ticket 4"], allowing(traces.uri)

    first = ask(
        settings, "log_assessment", trace_id=trace_id, name="grounded", value="no", rationale="No tool says so."
    )
    second = ask(settings, "log_assessment", trace_id=trace_id, name="grounded", value="yes")

    (kept,) = written_at(traces.uri, trace_id, "grounded")
    assert kept.feedback.value == "yes"
    assert str(kept.source.source_type) == "LLM_JUDGE"
    assert " via " in kept.source.source_id
    (row,) = rows_of(data_of(first)["changes"])
    assert (row["before"], row["after"]) == (None, "no")
    (row,) = rows_of(data_of(second)["changes"])
    assert (row["before"], row["after"]) == ("no", "yes")
    assert second.data["undo"] == (
        f'log_assessment(trace_id="{trace_id}", name="grounded", value="no", kind="feedback", rationale="No tool says so.")'
    )
    again = ask(settings, "log_assessment", trace_id=trace_id, name="grounded", value="yes")
    assert data_of(again)["outcome"].startswith("unchanged")


def test_what_others_said_stays(traces_copy, ask):
    trace_id = traces_copy["ticket 1"]
    before = written_at(traces_copy.uri, trace_id, "correctness")

    answer = ask(allowing(traces_copy.uri), "log_assessment", trace_id=trace_id, name="correctness", value="no")

    after = written_at(traces_copy.uri, trace_id, "correctness")
    assert len(after) == len(before) + 1
    assert any("stays beside it" in note for note in data_of(answer)["notes"])


@pytest.mark.parametrize("value", [True, 4, 0.5, "partly"])
def test_an_expectation_keeps_the_kind_of_its_value(traces_copy, ask, value):
    trace_id = traces_copy["ticket 4"]

    data_of(
        ask(allowing(traces_copy.uri), "log_assessment", trace_id=trace_id, name="e", value=value, kind="expectation")
    )

    (kept,) = written_at(traces_copy.uri, trace_id, "e")
    assert kept.expectation.value == value
    assert type(kept.expectation.value) is type(value)


def test_a_span_is_judged_by_its_name_and_one_that_is_not_there_is_refused(traces_copy, ask, snapshot_error):
    trace_id, settings = traces_copy["ticket 4"], allowing(traces_copy.uri)
    span = MlflowClient(traces_copy.uri).get_trace(trace_id).data.spans[0]

    data_of(ask(settings, "log_assessment", trace_id=trace_id, name="s", value=1, span=span.name))
    snapshot_error(ask(settings, "log_assessment", trace_id=trace_id, name="s", value=1, span="nothing"))

    (kept,) = written_at(traces_copy.uri, trace_id, "s")
    assert kept.span_id == span.span_id


def test_a_dry_run_a_run_and_a_secret_write_nothing(traces_copy, ask):
    trace_id, settings = traces_copy["ticket 4"], allowing(traces_copy.uri)

    dry = ask(settings, "log_assessment", trace_id=trace_id, name="x", value=1, dry_run=True)
    run = ask(settings, "log_assessment", trace_id=traces_copy.runs["agent-v1"], name="x", value=1)
    secret = ask(settings, "log_assessment", trace_id=trace_id, name="x", value=1, rationale=SECRETS["GitHub"])

    assert data_of(dry)["outcome"].startswith("dry run")
    assert "is a run, not a trace" in problem_of(run)
    assert "secret" in problem_of(secret)
    assert not written_at(traces_copy.uri, trace_id, "x")


@pytest.mark.slow
def test_one_whose_answer_was_lost_is_looked_up_and_not_doubled(own_server, ask):
    trace_id = own_server["ticket 7"]
    with faulty_proxy(own_server.uri, cut("assessments", after=0)) as proxy:
        answer = ask(allowing(proxy.uri), "log_assessment", trace_id=trace_id, name="lost", value=1)

        assert proxy.count("assessments") == 1
    assert any("was lost" in note for note in data_of(answer)["notes"])
    assert len(written_at(own_server.uri, trace_id, "lost")) == 1
