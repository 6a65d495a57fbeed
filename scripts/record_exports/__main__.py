"""Record a small store of real launcher exports: tests/recorded/launcher_exports.tar.gz and catalogue.json.

    python scripts/record_exports

Needs Python 3.10 or later, uv, and a package index that uv can reach; tests/recorded/README.md says what is recorded
and how long it takes. Every generation of the exporter gets an environment of its own in the working folder.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import catalogue
import recording
from environments import PACKAGES, Environment, make_environment
from exports import Recorder
from tracking_server import mlflow_server

RECORDED = Path(__file__).resolve().parents[2] / "tests" / "recorded"


def main() -> None:
    options = arguments()
    work: Path = options.work or Path(tempfile.mkdtemp(prefix="record-exports-"))
    work = work.resolve()
    environments = make_environments(work, options)
    for leftover in ("store", "data", "home"):
        shutil.rmtree(work / leftover, ignore_errors=True)
        (work / leftover).mkdir(parents=True)
    with mlflow_server(environments["current"], work / "store") as server:
        recorder = Recorder(environments, server, work / "data")
        recorder.record()
        contents = catalogue.describe(recorder, work / "store")
    neutral = recording.Neutral.of(work, server)
    recording.pack(work / "store", RECORDED / "launcher_exports.tar.gz", neutral)
    recording.write_json(RECORDED / "catalogue.json", contents, neutral)
    if options.work is None:
        shutil.rmtree(work)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="record_exports", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=Path, help="a working folder to keep; its environments are used again")
    parser.add_argument("--python", default="3.12", help="the interpreter of the environments, as uv takes it")
    parser.add_argument(
        "--newer",
        type=Path,
        help="an environment of yours that has nemo-evaluator 0.4.0, which no package index has; without it that part is left out",
    )
    return parser.parse_args()


def make_environments(work: Path, options: argparse.Namespace) -> dict[str, Environment]:
    made = {name: make_environment(name, which, work, options.python) for name, which in PACKAGES.items()}
    if options.newer:
        made["newer"] = Environment("newer", options.newer.resolve(), work / "home")
    return made


if __name__ == "__main__":
    main()
