"""A store with logged models, a registry and traces, written by MLflow's own fluent API, flavour and client.

experiment `intent`   bert-base (three checkpoints; the last with files of the pyfunc flavour), bert-large, diverged
registry  `intent`    1 @champion (checkpoint 200), 2 @challenger (bert-large, with a tag that says why not), 3 (a folder)
          `empty`     no version
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import logging
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from tests.support.secrets import SECRETS
from tests.support.stores import copied, date_models, date_runs

WHY_NOT = "failed: p95 latency 480 ms, limit 200 ms"
SECRET = SECRETS["Hugging Face"]


@dataclass(frozen=True)
class ModelStore:
    """The URI, and the ids by name."""

    uri: str
    runs: dict[str, str]
    models: dict[str, str]
    """`ckpt-100`, `ckpt-200`, `ckpt-300`, `large`, `broken`."""

    @property
    def labels(self) -> dict[str, str]:
        """What snapshots write instead of ids."""
        models = {id_: f"<model:{name}>" for name, id_ in self.models.items()}
        short = {id_[:8]: f"<run:{name}>" for name, id_ in self.runs.items()}
        return models | {id_: f"<run:{name}>" for name, id_ in self.runs.items()} | short


def make(folder: Path, empty: str) -> ModelStore:
    """The store in `folder`, made by whichever worker comes first."""
    uri, ids = f"sqlite:///{folder / 'mlflow.db'}", folder / "ids.json"
    with FileLock(f"{folder}.lock"):
        if not ids.exists():
            folder.mkdir()
            copied(empty, folder / "mlflow.db")
            with speaking_to(uri):
                store = _write(uri, folder / "artifacts")
            date_runs(uri)
            date_models(uri)
            ids.write_text(json.dumps(dataclasses.asdict(store)))
    return ModelStore(**json.loads(ids.read_text()))


@contextlib.contextmanager
def speaking_to(uri: str) -> Iterator[None]:
    """MLflow's fluent API on this store; its advice to people is not for tests."""
    import mlflow

    quiet = logging.getLogger("mlflow")
    level = quiet.level
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        quiet.setLevel(logging.CRITICAL)
        mlflow.set_tracking_uri(uri)
        try:
            yield
        finally:
            mlflow.flush_trace_async_logging()
            mlflow.clear_active_model()
            mlflow.set_tracking_uri(None)
            quiet.setLevel(level)


def _write(uri: str, artifacts: Path) -> ModelStore:
    import mlflow
    from mlflow import MlflowClient

    client = MlflowClient()
    experiment = client.create_experiment("intent", artifacts.as_uri())
    mlflow.set_experiment(experiment_id=experiment)
    client.create_experiment("elsewhere", f"{artifacts.as_uri()}/elsewhere")
    runs: dict[str, str] = {}
    models: dict[str, str] = {}
    _base(client, runs, models)
    _large(client, runs, models)
    _diverged(runs, models)
    _registry(client, artifacts, runs, models)
    return ModelStore(uri, runs, models)


def _dataset(name: str, digest: str) -> Any:
    from mlflow.data.http_dataset_source import HTTPDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    return MetaDataset(HTTPDatasetSource(f"https://example.com/{name}.csv"), name=name, digest=digest)  # type: ignore[abstract]


def _made_by(letter: str) -> dict[str, str]:
    return {"mlflow.source.git.commit": letter * 40, "mlflow.source.name": "train.py"}


def _log_files(name: str, step: int, torch: str, params: dict[str, str] | None = None) -> str:
    """A model of the pyfunc flavour with a signature and requirements."""
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.pyfunc.model import PythonModel
    from mlflow.types import ColSpec, Schema

    class Echo(PythonModel):
        def predict(self, context, model_input, params=None):
            return model_input

    signature = ModelSignature(
        inputs=Schema([ColSpec("string", "text"), ColSpec("string", "language", required=False)]),
        outputs=Schema([ColSpec("string", "intent"), ColSpec("double", "score")]),
    )
    logged = mlflow.pyfunc.log_model(
        name=name,
        python_model=Echo(),
        signature=signature,
        pip_requirements=[f"torch=={torch}", "transformers==4.57.1", "regex"],
        params=params,
        step=step,
    )
    return str(logged.model_id)


def _base(client: Any, runs: dict[str, str], models: dict[str, str]) -> None:
    """Three checkpoints on one dataset; the second is the best, and of the third an early value was better."""
    import mlflow
    from mlflow.entities import LoggedModelOutput

    val = _dataset("val", "v1")
    with mlflow.start_run(run_name="bert-base", tags=_made_by("a")) as run:
        runs["bert-base"] = run.info.run_id
        mlflow.log_params({"lr": "2e-5", "epochs": "3"})
        mlflow.log_input(_dataset("train", "t1"), context="training")
        for step, f1, loss in ((100, 0.81, 0.5), (200, 0.86, 0.41)):
            model = client.create_logged_model(
                run.info.experiment_id, f"ckpt-{step}", run.info.run_id, {"owner": "ana"}, {"lr": "2e-5"}, "classifier"
            )
            client.finalize_logged_model(model.model_id, "READY")
            client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, step)])
            models[f"ckpt-{step}"] = model.model_id
            mlflow.log_metric("f1", f1, step=step, model_id=model.model_id, dataset=val)
            mlflow.log_metric("loss", loss, step=step, model_id=model.model_id, dataset=val)
        models["ckpt-300"] = _log_files("ckpt-300", 300, "2.8.0")
        for step, f1 in ((290, 0.9), (300, 0.84)):
            mlflow.log_metric("f1", f1, step=step, model_id=models["ckpt-300"], dataset=val)
        mlflow.log_metric("loss", 0.44, step=300, model_id=models["ckpt-300"], dataset=val)


def _large(client: Any, runs: dict[str, str], models: dict[str, str]) -> None:
    """Measured on two digests of `val`, by another run on `holdout`, and traced three times."""
    import mlflow

    with mlflow.start_run(run_name="bert-large", tags=_made_by("b")) as run:
        runs["bert-large"] = run.info.run_id
        mlflow.log_params({"lr": "1e-5", "epochs": "3"})
        mlflow.log_input(_dataset("train", "t2"), context="training")
        models["large"] = model = _log_files("large", 300, "2.9.0")
        for digest, f1 in (("v1", 0.88), ("v2", 0.79)):
            mlflow.log_metric("f1", f1, step=300, model_id=model, dataset=_dataset("val", digest))
        mlflow.log_metric("loss", 0.36, step=300, model_id=model, dataset=_dataset("val", "v1"))
        mlflow.log_metric("latency_ms", 480.0, step=300, model_id=model)
    client.set_logged_model_tags(model, {"owner": "ben", "hub_token": SECRET})
    with mlflow.start_run(run_name="holdout-check") as check:
        runs["holdout-check"] = check.info.run_id
        mlflow.log_metric("f1", 0.83, model_id=model, dataset=_dataset("holdout", "h1"))
    mlflow.set_active_model(model_id=model)
    for text in ("refund", "hello", "cancel"):
        mlflow.trace(lambda text: text.upper(), name="classify")(text)


def _diverged(runs: dict[str, str], models: dict[str, str]) -> None:
    """An external model whose measures are no numbers."""
    import mlflow

    mlflow.clear_active_model()
    with mlflow.start_run(run_name="diverged") as run:
        runs["diverged"] = run.info.run_id
        external = mlflow.initialize_logged_model(name="broken", model_type="classifier", params={"lr": "1e-1"})
        models["broken"] = external.model_id
        mlflow.log_metric("f1", math.nan, model_id=external.model_id, dataset=_dataset("val", "v1"))
        mlflow.log_metric("loss", math.inf, model_id=external.model_id, dataset=_dataset("val", "v1"))
        mlflow.finalize_logged_model(external.model_id, "FAILED")


def _registry(client: Any, artifacts: Path, runs: dict[str, str], models: dict[str, str]) -> None:
    import mlflow

    with mlflow.start_run(run_name="folder") as run:
        runs["folder"] = run.info.run_id
        mlflow.log_metric("f1", 0.7)
    client.create_registered_model("intent", {"team": "support"}, "Which of 40 intents a message has.")
    for name, of_run in (("ckpt-200", "bert-base"), ("large", "bert-large")):
        source = client.get_logged_model(models[name]).artifact_location
        client.create_model_version("intent", source, runs[of_run])
    client.create_model_version("intent", f"{client.get_run(runs['folder']).info.artifact_uri}/model", runs["folder"])
    client.set_registered_model_alias("intent", "champion", "1")
    client.set_registered_model_alias("intent", "challenger", "2")
    client.set_model_version_tag("intent", "2", "validation_status", WHY_NOT)
    client.update_model_version("intent", "2", "Larger encoder.")
    client.create_registered_model("empty")
