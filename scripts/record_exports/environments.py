"""One Python environment for each generation of the exporter, made with uv."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

MLFLOW = "mlflow==3.17.2"
PACKAGES = {
    "current": ("nemo-evaluator-launcher==0.2.6", "nemo-evaluator==0.2.8", MLFLOW),
    "older": ("nemo-evaluator-launcher==0.1.93", "nemo-evaluator==0.2.8", MLFLOW),
    "oldest": ("nemo-evaluator-launcher==0.1.8", "nemo-evaluator==0.2.8", MLFLOW),
}


@dataclass(frozen=True)
class Environment:
    name: str
    folder: Path
    home: Path  # the launchers keep their execution database here

    def program(self, name: str) -> str:
        return str(self.folder / "bin" / name)

    def run(self, *command: str, cwd: Path, variables: dict[str, str] | None = None, input: str | None = None) -> str:
        """What the command printed. Fails with its whole output where the command fails."""
        done = subprocess.run(
            command,
            cwd=cwd,
            input=input,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**self._variables(), **(variables or {})},
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} exited with {done.returncode}:\n{done.stdout[-4000:]}")
        return done.stdout

    def _variables(self) -> dict[str, str]:
        return {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "LOGNAME": "jdoe",  # MLflow writes it to mlflow.user
            "USER": "jdoe",
            "NEMO_EVALUATOR_TELEMETRY_LEVEL": "0",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "1",
        }


def make_environment(name: str, packages: tuple[str, ...], work: Path, python: str) -> Environment:
    folder, home = work / "envs" / name, work / "home"
    home.mkdir(parents=True, exist_ok=True)
    if not folder.exists():
        uv = shutil.which("uv")
        if uv is None:
            raise SystemExit("uv was not found. Install it first: https://docs.astral.sh/uv/")
        subprocess.run([uv, "venv", "-q", str(folder), "--python", python], check=True)
        subprocess.run([uv, "pip", "install", "-q", "--python", str(folder / "bin" / "python"), *packages], check=True)
    return Environment(name, folder, home)
