"""Real MLflow servers in their usual set-ups, each of any version, filled by that version's own client."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from environments import Environment, clean_environment

from tests.support.servers import HOST, free_port, wait_until_healthy, watched_process

HERE = Path(__file__).parent
ADMIN = {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": "compat-administrator"}
READER = {"MLFLOW_TRACKING_USERNAME": "reader", "MLFLOW_TRACKING_PASSWORD": "password5678"}
AUTH_CONFIG = """\
[mlflow]
default_permission = READ
database_uri = sqlite:///{folder}/auth.db
admin_username = admin
admin_password = compat-administrator
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""
ADD_READER = (
    "import sys; from mlflow.server.auth.client import AuthServiceClient; "
    "AuthServiceClient(sys.argv[1]).create_user('reader', 'password5678')"
)


@dataclass(frozen=True)
class Setup:
    """A way to run the server: a title of the table, and what it needs. `then` is asked once the server has stopped."""

    name: str
    title: str
    prefix: str = ""
    is_guarded: bool = False
    is_postgresql: bool = False
    has_proxied_artifacts: bool = True
    then: str = ""


SETUPS = (
    Setup("proxied", "sqlite, `--serve-artifacts`"),
    Setup(
        "folder",
        "sqlite, `--no-serve-artifacts`",
        has_proxied_artifacts=False,
        then="sqlite file of that server, opened directly",
    ),
    Setup("prefix", "sqlite, `--static-prefix`", prefix="/ml"),
    Setup("basic-auth", "sqlite, `--app-name basic-auth`, as a user who may read", is_guarded=True),
    Setup(
        "postgresql",
        "PostgreSQL, `--no-serve-artifacts`",
        is_postgresql=True,
        has_proxied_artifacts=False,
        then="PostgreSQL database of that server, opened directly",
    ),
)


@dataclass(frozen=True)
class Filled:
    """A running server with the data of fill.py: its address, its ids, its store, and who may ask."""

    uri: str
    ids: dict[str, str]
    database: str
    folder: Path
    credentials: dict[str, str] = field(default_factory=dict)


@contextmanager
def filled_server(environment: Environment, setup: Setup, folder: Path, postgres: Postgres | None) -> Iterator[Filled]:
    """The server, running for as long as the block, with its data in `folder`."""
    folder.mkdir(parents=True)
    database = f"sqlite:///{folder / 'mlflow.db'}"
    if setup.is_postgresql:
        if postgres is None:
            raise RuntimeError("The programs of PostgreSQL (initdb, postgres, createdb) are not on the PATH.")
        database = postgres.new_database(f"mlflow_{environment.name}")
    port = free_port()
    with watched_process(
        _command(environment, setup, folder, database, port), folder / "server.log", _variables(environment, folder)
    ) as process:
        prefix = _prefix_of_the_api(environment, setup)
        wait_until_healthy(lambda: process.poll() is None, port, folder / "server.log", f"{prefix}/health", seconds=180)
        uri = f"http://{HOST}:{port}{prefix}"
        identity = ADMIN if setup.is_guarded else {}
        if setup.is_guarded:
            environment.run("-c", ADD_READER, uri, variables={**identity, "MLFLOW_TRACKING_URI": uri})
        printed = environment.run(str(HERE / "fill.py"), uri, variables={**identity, "MLFLOW_TRACKING_URI": uri})
        yield Filled(uri, json.loads(printed.splitlines()[-1]), database, folder, READER if setup.is_guarded else {})


def _prefix_of_the_api(environment: Environment, setup: Setup) -> str:
    """Where this version has its API: older ones move only pages and files with `--static-prefix`."""
    if not setup.prefix:
        return ""
    code = "from mlflow.server.handlers import _get_rest_path; print(_get_rest_path(''))"
    printed = environment.run("-c", code, variables={"_MLFLOW_STATIC_PREFIX": setup.prefix})
    return setup.prefix if printed.splitlines()[-1].startswith(setup.prefix) else ""


def _command(environment: Environment, setup: Setup, folder: Path, database: str, port: int) -> list[str]:
    artifacts = str(folder / "artifacts")
    return [
        *(str(environment.folder / "bin" / "mlflow"), "server", "--host", HOST, "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", database),
        *(
            ("--serve-artifacts", "--artifacts-destination", artifacts)
            if setup.has_proxied_artifacts
            else ("--no-serve-artifacts", "--default-artifact-root", artifacts)
        ),
        *(("--static-prefix", setup.prefix) if setup.prefix else ()),
        *(("--app-name", "basic-auth") if setup.is_guarded else ()),
    ]


def _variables(environment: Environment, folder: Path) -> dict[str, str]:
    (folder / "auth.ini").write_text(AUTH_CONFIG.format(folder=folder))
    return clean_environment() | {
        "PATH": f"{environment.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",  # old versions look for gunicorn there
        "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "not a secret",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }


@dataclass(frozen=True)
class Postgres:
    """A running PostgreSQL of this script alone."""

    port: int

    def new_database(self, name: str) -> str:
        """The URI of a new database."""
        name = name.replace(".", "_")
        subprocess.run(
            ("createdb", "-h", HOST, "-p", str(self.port), "-U", "compat", name), check=True, env=dict(os.environ)
        )
        return f"postgresql://compat@{HOST}:{self.port}/{name}"


@contextmanager
def postgres_cluster(folder: Path) -> Iterator[Postgres | None]:
    """A throw-away PostgreSQL on a free port; None where its programs are not on the PATH."""
    programs = shutil.which("initdb"), shutil.which("postgres")
    if None in programs:
        yield None
        return
    folder.mkdir(parents=True)
    as_user: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        folder.parent.chmod(0o755)
        shutil.chown(folder, "nobody")
        as_user = ["setpriv", "--reuid=nobody", "--clear-groups"]
    data, port = str(folder / "data"), free_port()
    initdb = [*as_user, str(programs[0]), "-D", data, "-U", "compat", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(initdb, check=True, capture_output=True, cwd="/")
    run = [*as_user, str(programs[1]), "-D", data, "-h", HOST, "-p", str(port), "-k", str(folder), "-c", "fsync=off"]
    with watched_process(run, folder.with_suffix(".log"), clean_environment()):
        ready = ("pg_isready", "-q", "-h", HOST, "-p", str(port), "-t", "30")
        for _ in range(300):  # it refuses at once as long as nobody listens
            if subprocess.run(ready, check=False).returncode == 0:
                break
            time.sleep(0.1)
        yield Postgres(port)
