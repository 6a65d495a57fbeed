"""A Python environment for each version of MLflow's server and one with this checkout, made with uv and kept."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# PostgreSQL with each SQLAlchemy, what old versions import without naming it, and the basic-auth app.
_WITH = ("psycopg2-binary", "psycopg[binary]", "setuptools<81", "flask-wtf")
# MLflow 2.22 allows SQLAlchemy 2.1 and does not start with it; up to 3.5 traces never end with a newer OpenTelemetry.
_OLD = (*_WITH, "sqlalchemy<2.1", "opentelemetry-sdk<1.30", "opentelemetry-api<1.30")
# What stands in the table, oldest first, and what uv installs for it.
VERSIONS = {
    "2.9.2": ("mlflow==2.9.2", *_OLD),
    "2.16.2": ("mlflow==2.16.2", *_OLD),
    "2.22": ("mlflow==2.22.*", *_OLD),
    "3.1.4": ("mlflow==3.1.4", *_OLD),
    "3.5": ("mlflow==3.5.*", *_OLD),
    "newest": ("mlflow", *_WITH),
}
NEWEST = "newest"
OURS = ("-e", f"{ROOT}[plots,postgres]")


@dataclass(frozen=True)
class Environment:
    name: str
    folder: Path

    @property
    def python(self) -> str:
        return str(self.folder / "bin" / "python")

    def version_of(self, package: str) -> str:
        return self.run("-c", f"import importlib.metadata; print(importlib.metadata.version({package!r}))").strip()

    def run(self, *arguments: str, stdin: str | None = None, variables: dict[str, str] | None = None) -> str:
        """What this environment's Python printed. Raises RuntimeError with the end of its messages where it fails."""
        done = subprocess.run(
            (self.python, *arguments),
            input=stdin,
            text=True,
            capture_output=True,
            env={**clean_environment(), **(variables or {})},
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"python {' '.join(arguments)} exited with {done.returncode}:\n{done.stderr[-2000:]}")
        return done.stdout


def clean_environment() -> dict[str, str]:
    """Without what would lead Python or MLflow elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "PYTHON"))}
    return kept | {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}


def make_environment(name: str, packages: tuple[str, ...], below: Path, python: str) -> Environment:
    """The environment of this name; made when it is not there yet. Nothing but its own folder is installed into."""
    environment = Environment(name, below / name)
    finished = environment.folder / "finished"
    if not finished.exists():
        uv = shutil.which("uv")
        if uv is None:
            raise SystemExit("This needs uv: it makes an environment for each version of MLflow.")
        shutil.rmtree(environment.folder, ignore_errors=True)
        subprocess.run((uv, "venv", "-q", "--python", python, str(environment.folder)), check=True)
        install = (uv, "pip", "install", "-q", "--python", environment.python)
        subprocess.run((*install, *packages), check=True, env=clean_environment())
        finished.touch()
    return environment
