"""MLflow's own server with its own basic-auth app: ana and ben, each of whom may read a part of the demo's data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.support import raw_store
from tests.support.servers import forked_mlflow_server
from tests.support.stores import artifacts_of, copied_to_be_served

ADMIN = ("admin", "the admin's own password")
PASSWORDS = {"ana": "ana's long password", "ben": "ben's long password: ü"}
# What each may read, by the ids and names of the demo's store; nobody else may.
EXPERIMENTS = {"ana": ["0", "2"], "ben": ["3", "4"]}
MODELS = {"ben": ["support-assistant"]}


@dataclass(frozen=True)
class Hidden:
    """What tells the data that one may not read: ids and names that occur nowhere else."""

    experiments: list[str]
    runs: list[str]
    traces: list[str]
    models: list[str]

    @property
    def marks(self) -> set[str]:
        # "evals" and "sweeps" are words that anybody's params hold.
        experiments = {name for name in self.experiments if "/" in name or "-" in name}
        return {*experiments, *self.runs, *self.traces, *self.models}


@contextmanager
def basic_auth_server(session_folder: Path, folder: Path, template: str) -> Iterator[str]:
    """A copy of the template's data behind a server that asks who one is."""
    folder.mkdir(parents=True, exist_ok=True)
    artifacts = artifacts_of(template)
    copied_to_be_served(template, artifacts, folder)
    config = folder / "auth.ini"
    config.write_text(
        "[mlflow]\ndefault_permission = NO_PERMISSIONS\n"
        f"database_uri = sqlite:///{folder / 'auth.db'}\nadmin_username = {ADMIN[0]}\nadmin_password = {ADMIN[1]}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\nauth_cache_ttl_seconds = 60\n"
    )
    environment = {"MLFLOW_AUTH_CONFIG_PATH": str(config), "MLFLOW_FLASK_SERVER_SECRET_KEY": "of these tests"}
    with forked_mlflow_server(
        session_folder, folder, artifacts=artifacts, environment=environment, basic_auth=True
    ) as uri:
        with httpx2.Client(base_url=f"{uri}/api", auth=ADMIN, timeout=60) as admin:
            for user, password in PASSWORDS.items():
                post(admin, "2.0/mlflow/users/create", username=user, password=password)
                for kind, ids in (("experiment", EXPERIMENTS[user]), ("registered_model", MODELS.get(user, []))):
                    for id_ in ids:
                        grant = {"username": user, "resource_type": kind, "resource_id": id_, "permission": "READ"}
                        post(admin, "3.0/mlflow/users/permissions/grant", **grant)
        yield uri


def post(admin: httpx2.Client, path: str, **body: str) -> None:
    answer = admin.post(f"/{path}", json=body)
    assert answer.status_code == 200, answer.text


def hidden_from(user: str, template: str) -> Hidden:
    mine = EXPERIMENTS[user]
    with raw_store.opened(template) as db:

        def others(query: str) -> list[str]:
            return [row[0] for row in db.execute(query).fetchall() if str(row[1]) not in mine]

        models = [name for name, _ in db.execute("SELECT name, 1 FROM registered_models").fetchall()]
        return Hidden(
            experiments=others("SELECT name, experiment_id FROM experiments WHERE experiment_id != 0"),
            runs=others("SELECT run_uuid, experiment_id FROM runs"),
            traces=others("SELECT request_id, experiment_id FROM trace_info"),
            models=[
                *others("SELECT model_id, experiment_id FROM logged_models"),
                *(name for name in models if name not in MODELS.get(user, [])),
            ],
        )
