"""Pages of traces and models that a server sends as JSON: the same entities as MLflow's own client makes of them, and the same
views as of the store itself."""

from __future__ import annotations

import pytest

from mlflow_mcp.client import Client
from mlflow_mcp.client.models import ModelSearch
from mlflow_mcp.client.models.sent import model_of
from mlflow_mcp.client.traces.sent import trace_of
from mlflow_mcp.client.transport.connection import Connection
from mlflow_mcp.entities.model import ModelView
from mlflow_mcp.entities.trace import TraceView
from mlflow_mcp.errors import Unreachable
from mlflow_mcp.settings import Settings
from tests.support.servers import answering, faulty_proxy, unknown_route


def client_of(uri):
    return Client(Connection(Settings(tracking_uri=uri)))


def facts_of(model):
    """An entity without equality of its own."""
    return {**model.to_dictionary(), "metrics": [each.to_dictionary() for each in model.metrics or ()]}


def traces_of(client, traces):
    found, token = client.traces.search([traces.experiment_id, traces.odd_experiment_id])
    assert len(found) == 43
    assert token is None
    return found


def seen(info):
    view = TraceView(info)
    return [view.id, view.name, view.state, view.time, view.duration, view.tokens, view.cost, view.metadata, view.tags,
            view.request, view.response, view.experiment_id, [repr(each) for each in view.judgements]]  # fmt: skip


@pytest.mark.slow
def test_a_servers_traces_are_what_mlflows_client_makes_of_them(traces_server):
    client = client_of(traces_server.uri)
    theirs = client.connection.mlflow.search_traces(
        locations=[traces_server.experiment_id, traces_server.odd_experiment_id], max_results=500, include_spans=False
    )

    assert traces_of(client, traces_server) == [each.info for each in theirs]


@pytest.mark.slow
def test_traces_look_alike_from_the_store_and_from_its_server(traces_file, traces_server):
    local, served = (
        {info.trace_id: seen(info) for info in traces_of(client_of(store.uri), store)}
        for store in (traces_file, traces_server)
    )

    assert served == local
    text = str(served)
    for each in ("expectation", "RATE_LIMIT", "is_valid=False", "human ana", "IN_PROGRESS", "None"):
        assert each in text, each


@pytest.mark.slow
def test_a_servers_models_are_what_mlflows_client_makes_of_them(models_server):
    client = client_of(models_server.uri)
    ids = list(client.experiments.names())
    ours, token = client.models.search(ModelSearch(ids), 50)
    theirs = client.connection.mlflow.search_logged_models(ids, max_results=50)

    assert len(ours) >= 5
    assert token is None
    assert [repr(facts_of(each)) for each in ours] == [repr(facts_of(each)) for each in theirs]


@pytest.mark.slow
def test_models_look_alike_from_the_store_and_from_its_server(model_store, models_server):
    local, served = (
        [ModelView.of(each, {}) for each in client.models.find(ModelSearch(None), 50)]
        for client in map(client_of, (model_store.uri, models_server.uri))
    )

    for mine, theirs in zip(local, served):
        # What is served has its artifacts behind the server.
        assert repr(mine).replace(str(mine.artifact_location), "") == repr(theirs).replace(
            str(theirs.artifact_location), ""
        )
    assert len(local) == len(served) >= 5
    measures = {measure for model in served for measure in model.scores}
    assert {each.digest for each in measures if each.dataset == "val"} == {"v1", "v2"}
    assert any(not each.dataset for each in measures)
    assert any(model.source_run_id and model.status == "FAILED" for model in served)


@pytest.mark.slow
def test_a_search_over_pages_goes_on_where_the_page_ended(traces_server):
    client = client_of(traces_server.uri)
    found, token = [], None
    while True:
        page, token = client.traces.search(
            [traces_server.experiment_id],
            "status = 'OK'",
            order_by=["timestamp_ms ASC"],
            max_results=7,
            page_token=token,
        )
        found += page
        if token is None:
            break
    whole, _ = client.traces.search([traces_server.experiment_id], "status = 'OK'", order_by=["timestamp_ms ASC"])

    assert found == whole
    assert len(found) > 14


@pytest.mark.slow
def test_a_server_with_the_older_route_alone_is_asked_there(traces_server):
    """MLflow 2 has `GET /api/2.0/mlflow/traces`; of MLflow's newer servers that route is the older form of the same list."""
    client = client_of(traces_server.uri)
    newer = [info.trace_id for info in traces_of(client, traces_server)]
    with faulty_proxy(traces_server.uri, unknown_route("3.0/mlflow/traces/search")) as proxy:
        older, _ = client_of(proxy.uri).traces.search([traces_server.experiment_id, traces_server.odd_experiment_id])

    assert [info.trace_id for info in older] == newer


ID = {"trace_id": "tr-1", "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "7"}}}
ABOUT = {
    "assessment_id": "a-1",
    "assessment_name": "grade",
    "trace_id": "tr-1",
    "create_time": "2026-11-20T14:00:00Z",
    "last_update_time": "2026-11-20T14:00:00.250Z",
    "source": {"source_type": "CODE"},
}


def judged(**value):
    return {**ID, "assessments": [{**ABOUT, **value}]}


@pytest.mark.parametrize(
    "sent",
    [
        ID,
        {"trace_id": "tr-1", "request_time": "2026-11-20T14:00:00Z", "state": "IN_PROGRESS", "unknown_field": 1},
        ID | {"execution_duration": "1.001s", "request_time": "2026-11-20T14:00:00.001Z", "state": "OK"},
        ID | {"execution_duration": "0.000999s", "request_time": "2026-11-20T14:00:00.057123456Z"},
        ID | {"execution_duration": "-1.500s", "request_time": "1970-01-01T00:00:00Z"},
        ID | {"execution_duration": "0s", "request_time": "1969-12-31T23:59:59.999Z", "request_preview": ""},
        ID | {"tags": {"a": "", "ü": "ß"}, "trace_metadata": {"k": "v"}, "client_request_id": "c-1"},
        judged(feedback={"value": 3.0}, valid=True, rationale="why", span_id="s-1", metadata={"k": "v"}),
        judged(feedback={"value": {"a": [1.0, True, None, "x"]}}, overrides="a-0", valid=False),
        judged(feedback={"value": None, "error": {"error_code": "LATE", "error_message": "429"}}, valid=True),
        judged(feedback={"error": {"error_code": "LATE"}}),
        judged(expectation={"value": False}),
        judged(
            expectation={"serialized_value": {"serialization_format": "JSON_FORMAT", "value": '{"state": ["shipped"]}'}}
        ),
        judged(issue={"issue_name": "Loops"}, rationale="It asks twice."),
    ],
)
def test_a_trace_is_read_as_mlflow_reads_it(sent):
    from google.protobuf.json_format import ParseDict
    from mlflow.entities import TraceInfo
    from mlflow.protos.service_pb2 import TraceInfoV3

    assert trace_of(sent) == TraceInfo.from_proto(ParseDict(sent, TraceInfoV3(), ignore_unknown_fields=True))


@pytest.mark.parametrize(
    "sent",
    [
        {"info": {"model_id": "m-1"}},
        {
            "info": {
                "model_id": "m-1",
                "experiment_id": "7",
                "name": "ckpt",
                "artifact_uri": "s3://b/m-1",
                "creation_timestamp_ms": "1789999760000",
                "last_updated_timestamp_ms": 1789999760001,
                "status": "LOGGED_MODEL_UPLOAD_FAILED",
                "status_message": "disk full",
                "tags": [{"key": "a", "value": ""}, {"key": "b"}],
            },
            "data": {"params": [{"key": "lr", "value": "0.1"}]},
        },
        {
            "info": {"model_id": "m-1", "status": "LOGGED_MODEL_PENDING"},
            "data": {
                "metrics": [
                    {"key": "f1", "value": "NaN", "timestamp": "5", "step": "2", "run_id": "r"},
                    {"key": "f1", "value": "-Infinity", "dataset_name": "val", "dataset_digest": "d"},
                    {"key": "zero"},
                    {"key": "one", "value": 1, "model_id": "m-1"},
                ]
            },
        },
    ],
)
def test_a_model_is_read_as_mlflow_reads_it(sent):
    from google.protobuf.json_format import ParseDict
    from mlflow.entities import LoggedModel
    from mlflow.protos import service_pb2

    theirs = LoggedModel.from_proto(ParseDict(sent, service_pb2.LoggedModel(), ignore_unknown_fields=True))

    assert repr(facts_of(model_of(sent))) == repr(facts_of(theirs))


@pytest.mark.slow
@pytest.mark.parametrize("body", [b"[1]", b'{"traces": [{"trace_id": "tr-1", "request_time": "noon"}]}', b"{"])
def test_json_of_another_shape_is_told_as_no_mlflow(body):
    with answering(200, body) as uri, pytest.raises(Unreachable, match="not an MLflow tracking server"):
        client_of(uri).traces.search(["0"])
