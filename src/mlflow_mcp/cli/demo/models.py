"""The demo's registry: checkpoints of two fine-tuning runs, a champion, and a challenger with a reason not to deploy it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mlflow_mcp.cli.demo.training import BASE_RUN, HOUR, OCTOBER, SPIKE_RUN

if TYPE_CHECKING:
    from mlflow import MlflowClient

REGISTERED = "support-assistant"
HOLDOUT = ("chat-holdout", "c41d9e07")
WHY_NOT = "failed: p95 latency 1.9 s, limit 1.2 s"


class _Checkpoint(NamedTuple):
    run: str
    step: int
    helpfulness: float
    latency_seconds: float


_CHECKPOINTS = (
    _Checkpoint(BASE_RUN, 399, 0.781, 0.9),
    _Checkpoint(SPIKE_RUN, 200, 0.712, 1.9),
    _Checkpoint(SPIKE_RUN, 399, 0.803, 1.9),
)


def seed_models(client: MlflowClient, experiment_id: str, runs: dict[str, str]) -> dict[str, str]:
    """Three checkpoints as logged models, measured on a dataset, and the last two as versions of a registered model.

    Returns `<run name>-<step>` -> id of the logged model.
    """
    models = {f"{each.run}-{each.step}": _log(client, experiment_id, runs[each.run], each) for each in _CHECKPOINTS}
    client.create_registered_model(
        REGISTERED, {"team": "post-training"}, "Answers customers in chat. The champion is what production serves."
    )
    for name, alias in ((f"{BASE_RUN}-399", "champion"), (f"{SPIKE_RUN}-399", "challenger")):
        model = client.get_logged_model(models[name])
        version = client.create_model_version(REGISTERED, model.artifact_location, model.source_run_id).version
        client.set_registered_model_alias(REGISTERED, alias, str(version))
    client.set_model_version_tag(REGISTERED, "1", "validation_status", "passed")
    client.set_model_version_tag(REGISTERED, "2", "validation_status", WHY_NOT)
    return models


def _log(client: MlflowClient, experiment_id: str, run_id: str, checkpoint: _Checkpoint) -> str:
    from mlflow.entities import LoggedModelOutput

    params = {name: value for name, value in client.get_run(run_id).data.params.items() if name != "max_steps"}
    model = client.create_logged_model(
        experiment_id,
        f"{checkpoint.run}-{checkpoint.step}",
        run_id,
        params=params,
        model_type="chat",
    )
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, checkpoint.step)])
    values = {"helpfulness": checkpoint.helpfulness, "latency_p95_seconds": checkpoint.latency_seconds}
    for key, value in values.items():
        client.log_metric(
            run_id,
            key,
            value,
            timestamp=OCTOBER + 90 * HOUR,
            step=checkpoint.step,
            dataset_name=HOLDOUT[0],
            dataset_digest=HOLDOUT[1],
            model_id=model.model_id,
        )
    client.finalize_logged_model(model.model_id, "READY")
    return str(model.model_id)
