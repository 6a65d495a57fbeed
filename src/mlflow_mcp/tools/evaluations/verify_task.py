"""An expected task of a delivery with the copies that were found of it, and what was found out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlflow_mcp.entities.launcher import LauncherRun
from mlflow_mcp.tools.evaluations.verify_files import Read, TaskFiles

RUN, SCORES, SAMPLES = "run", "scores", "samples"
# Remarks, which make nothing wrong, by what they are about.
DIFFERING, UNFINISHED, DAMAGED, FAILED, LIMITED = (
    "Copies differ",
    "Further copies that did not finish",
    "Wrong in one copy, right in another",
    "Failed responses",
    "Limited, no full evaluation",
)


@dataclass(frozen=True)
class Copy:
    """A copy of a task's job with its metrics (of an old run of a whole invocation those of the task) and files."""

    run: LauncherRun
    metrics: Mapping[str, float]
    files: TaskFiles

    @property
    def name(self) -> str:
        return f"copy {self.run.run_id[:8]}"


@dataclass
class Task:
    """An expected task, and what was found of it; `copies` begins with the one whose scores count, and is empty when no run
    was found."""

    label: str
    number: str | None
    copies: list[Copy]
    findings: dict[str, Read] = field(default_factory=dict)
    remarks: list[tuple[str, str]] = field(default_factory=list)  # what each is about, and what it says

    @property
    def is_whole(self) -> bool:
        return all(read.state in ("ok", "not exported") for read in self.findings.values())

    def remark(self, about: str, text: str) -> None:
        self.remarks.append((about, f"{self.label} {text}"))
