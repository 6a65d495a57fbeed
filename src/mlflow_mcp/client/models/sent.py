"""Logged models as servers send them in JSON, made MLflow's entities: what local stores give.

MLflow's own client takes the JSON apart with protobuf first, which takes longer than all else that a call does with a page.
What is left out of the JSON is what it is there: an empty text or 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Metric

    from mlflow_mcp.client import Client

_ROUTE = "/api/2.0/mlflow/logged-models/search"
_STATUS = {
    "LOGGED_MODEL_STATUS_UNSPECIFIED": "UNSPECIFIED",
    "LOGGED_MODEL_PENDING": "PENDING",
    "LOGGED_MODEL_READY": "READY",
    "LOGGED_MODEL_UPLOAD_FAILED": "FAILED",
}


def sent_page(client: Client, body: Mapping[str, Any]) -> tuple[list[LoggedModel], str | None]:
    """One page of a server's logged models and the token of the next. Within `client.ask`; raises what MLflow's client raises."""
    page = client.http.asked_json(_ROUTE, body)
    return [model_of(each) for each in page.get("models", ())], page.get("next_page_token") or None


def model_of(sent: Mapping[str, Any]) -> LoggedModel:
    """The model. Raises KeyError, ValueError or TypeError for JSON of another shape."""
    from mlflow.entities import LoggedModel, LoggedModelStatus

    info, data = sent["info"], sent.get("data", {})
    return LoggedModel(
        experiment_id=info.get("experiment_id", ""),
        model_id=info["model_id"],
        name=info.get("name", ""),
        artifact_location=info.get("artifact_uri", ""),
        creation_timestamp=int(info.get("creation_timestamp_ms", 0)),
        last_updated_timestamp=int(info.get("last_updated_timestamp_ms", 0)),
        model_type=info.get("model_type", ""),
        source_run_id=info.get("source_run_id", ""),
        status=LoggedModelStatus(_STATUS[info.get("status", "LOGGED_MODEL_STATUS_UNSPECIFIED")]),
        status_message=info.get("status_message", ""),
        tags=_pairs(info.get("tags", ())),
        params=_pairs(data.get("params", ())),
        metrics=[_metric(each) for each in data.get("metrics", ())],
    )


def _pairs(sent: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {each["key"]: each.get("value", "") for each in sent}


def _metric(sent: Mapping[str, Any]) -> Metric:
    from mlflow.entities import Metric

    return Metric(
        sent["key"],
        float(sent.get("value", 0.0)),  # NaN and the infinities are texts
        int(sent.get("timestamp", 0)),
        int(sent.get("step", 0)),
        model_id=sent.get("model_id") or None,
        dataset_name=sent.get("dataset_name") or None,
        dataset_digest=sent.get("dataset_digest") or None,
        run_id=sent.get("run_id") or None,
    )
