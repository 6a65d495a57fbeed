"""The exports, one after the other, each by the launcher's own command line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import evaluations
import folders
from environments import Environment
from evaluations import Invocation
from tracking_server import refusing_proxy
from tracking_store import all_runs

LAUNCHER = "nemo-evaluator-launcher"
SHARED, OWN, NEWER = "nemo-evaluator-launcher", "jdoe/nova-30b", "nemo-evaluator"
TAGS = {"model": "nova-30b-sft", "team": "post-training", "campaign": "2026-03 release", "checkpoint": "step-4000"}


@dataclass
class Recorder:
    """Makes the job folders, exports them, and notes which run each export wrote."""

    environments: dict[str, Environment]
    server: str
    data: Path
    notes: list[dict[str, Any]] = field(default_factory=list)  # one for each run that an export made or wrote again

    def record(self) -> None:
        self.oldest()
        self.older()
        self.full_invocations()
        self.resumed()
        self.limited()
        self.broken()
        if "newer" in self.environments:
            self.newer()

    def oldest(self) -> None:
        """0.1.8: ids of 8 digits; a run for the invocation, and one more for a job that was exported by itself."""
        invocation, environment = evaluations.OLDEST, self.environments["oldest"]
        folders.prepare(invocation, environment, self.data, self.block(SHARED), auto_export=False)
        self.old_export("oldest", [invocation.id], ["old whole invocation", "id of 8 digits"])
        self.old_export("oldest", [invocation.job_id(0)], ["old job", "id of 8 digits"])

    def older(self) -> None:
        """0.1.93: a run for a whole invocation; a new run for each export of a job; a broken upload that is FINISHED."""
        environment = self.environments["older"]
        whole = evaluations.OLD_WHOLE
        block = self.block(SHARED, log_logs=True, only_required=False, log_config_params=True)
        folders.prepare(whole, environment, self.data, block, auto_export=False)
        self.old_export("older", [whole.id], ["old whole invocation", "logs", "flattened params", "all artifacts"])

        jobs = evaluations.OLD_JOBS
        folders.prepare(jobs, environment, self.data, self.block(SHARED), auto_export=True)
        self.old_export("older", [jobs.job_id(0)], ["old job", "superseded duplicate"], jobs, 0)
        corrected = with_results(jobs, 0, evaluations.OLD_JOBS_CORRECTED)
        folders.prepare(corrected, environment, self.data, self.block(SHARED), auto_export=True, only=0)
        self.old_export("older", [jobs.job_id(0)], ["old job", "corrected duplicate"], jobs, 0)
        self.old_export("older", [jobs.job_id(1)], ["old job"], jobs, 1)
        with refusing_proxy(self.server, uploads=1) as proxy:
            override = f"export.mlflow.tracking_uri={proxy}"
            self.old_export("older", [jobs.job_id(2)], ["old job", "upload broke"], jobs, 2, overrides=[override])

    def full_invocations(self) -> None:
        """Two models on the same tasks; the candidate twice, once with logs and params, once with tags and all files."""
        candidate, baseline = evaluations.CANDIDATE, evaluations.BASELINE
        with_logs = self.block(SHARED, copy_logs=True, log_config_params=True)
        without_logs = self.block(SHARED, log_config_params=True)
        own = self.block(OWN, only_required=False, tags=TAGS)
        self.prepare(baseline, without_logs)
        self.export(baseline, [baseline.id], without_logs, ["baseline", "flattened params"])
        self.prepare(candidate, with_logs)
        self.export(candidate, [candidate.id], with_logs, ["candidate", "logs", "flattened params"])
        self.export(candidate, [candidate.id], own, ["candidate", "tags", "all artifacts"])
        base_tags = {**TAGS, "model": "nova-30b", "checkpoint": "base"}
        own_baseline = self.block(
            OWN, only_required=False, tags=base_tags, description="Two of five jobs, for samples."
        )
        jobs = [baseline.job_id(1), baseline.job_id(2)]
        self.export(baseline, jobs, own_baseline, ["baseline", "tags", "all artifacts"])
        self.prepare(with_results(candidate, 3, evaluations.CORRECTED_AIME), with_logs, only=3)
        self.auto_export(candidate, 3, ["re-exported in place"])

    def resumed(self) -> None:
        invocation, block = evaluations.RESUMED, self.block(SHARED, copy_logs=True)
        self.prepare(invocation, block)
        self.export(invocation, [invocation.id], block, ["logs"])

    def limited(self) -> None:
        trial, partly = evaluations.TRIAL, evaluations.PARTLY_LIMITED
        self.prepare(trial, self.block(SHARED))
        self.export(trial, [trial.id], self.block(SHARED), ["limited, in its config only"])
        block = self.block(SHARED, log_config_params=True)
        self.prepare(partly, block)
        self.export(partly, [partly.id], block, ["flattened params with limits of other tasks"])

    def broken(self) -> None:
        """Job 0 has a finished copy in the other experiment; job 1 has none."""
        invocation = evaluations.BROKEN
        block = self.block(SHARED, copy_logs=True)
        self.prepare(invocation, block)
        own = self.block(OWN, only_required=False, tags=TAGS)
        self.export(invocation, [invocation.job_id(0)], own, ["tags", "all artifacts"])
        with refusing_proxy(self.server, uploads=2) as proxy:
            self.export(invocation, [invocation.job_id(0)], {**block, "tracking_uri": proxy}, ["upload broke"])
        with refusing_proxy(self.server, uploads=2) as proxy:
            self.export(invocation, [invocation.job_id(1)], {**block, "tracking_uri": proxy}, ["upload broke"])

    def newer(self) -> None:
        environment, folder = self.environments["newer"], self.data / "nel-runs" / "nightly"
        script = Path(__file__).with_name("bundles.py")
        environment.run(
            environment.program("python"), str(script), cwd=self.data, input=json.dumps({"folder": str(folder)})
        )
        options = (f"tracking_uri={self.server}", f"experiment_name={NEWER}", "log_config_params=true")
        arguments = (str(folder), "--dest", "mlflow", *(part for option in options for part in ("-o", option)))
        self.run_export("newer", "nel", arguments, self.data, ["one trace per sample"])

    # One export

    def block(self, experiment: str, **options: Any) -> dict[str, Any]:
        return {"tracking_uri": self.server, "experiment_name": experiment, **options}

    def prepare(self, invocation: Invocation, block: dict[str, Any], only: int | None = None) -> None:
        auto_export = invocation.executor == "slurm"
        folders.prepare(invocation, self.environments["current"], self.data, block, auto_export=auto_export, only=only)

    def auto_export(self, invocation: Invocation, index: int, traits: list[str]) -> None:
        """As a Slurm job does it at its end: in its artifacts folder, with the config that it wrote there."""
        artifacts = invocation.job_folder(self.data / "nel-results", index) / "artifacts"
        self.current_export([invocation.job_id(index)], artifacts / "export_config.yml", artifacts, traits)

    def export(self, invocation: Invocation, ids: list[str], block: dict[str, Any], traits: list[str]) -> None:
        """As a user does it by hand, with an export config of their own."""
        config = self.data / "configs" / f"export-{invocation.key}.yaml"
        config.write_text(json.dumps({"export": {"mlflow": block}}))
        self.current_export(ids, config, self.data, traits)

    def current_export(self, ids: list[str], config: Path, cwd: Path, traits: list[str]) -> None:
        options = ("--dest", "mlflow", "--config", str(config), "--job-dirs", str(self.data / "nel-results"))
        self.run_export("current", LAUNCHER, (*ids, *options), cwd, traits)

    def old_export(
        self,
        package: str,
        ids: list[str],
        traits: list[str],
        invocation: Invocation | None = None,
        index: int = 0,
        *,
        overrides: Iterable[str] = (),
    ) -> None:
        """With an invocation, from the job's artifacts folder, as a Slurm job does; else from the execution database."""
        cwd = self.data
        if invocation:
            cwd = invocation.job_folder(self.data / "nel-results", index) / "artifacts"
        options = [part for override in overrides for part in ("-o", override)]
        self.run_export(package, LAUNCHER, (*ids, "--dest", "mlflow", *options), cwd, traits)

    def run_export(self, package: str, program: str, arguments: Iterable[str], cwd: Path, traits: list[str]) -> None:
        """Runs the exporter, and notes the runs that it made or wrote again. Fails when there are none."""
        environment, before = self.environments[package], all_runs(self.server)
        output = environment.run(environment.program(program), "export", *arguments, cwd=cwd)
        written = [run for run_id, run in all_runs(self.server).items() if before.get(run_id) != run]
        if not written:
            raise RuntimeError(f"An export by {package} ({', '.join(traits)}) wrote no run:\n{output[-4000:]}")
        for run in written:
            self.notes.append({"run_id": run.run_id, "exported_by": package, "traits": traits})
            print(f"{run.name:60} {run.status:9} {', '.join(traits)}", flush=True)


def with_results(invocation: Invocation, index: int, results: dict[str, Any]) -> Invocation:
    tasks = list(invocation.tasks)
    tasks[index] = replace(tasks[index], results=results)
    return replace(invocation, tasks=tasks)
