"""What is recorded: made-up evaluations, described so that any of the launchers' packages can be given them.

Nothing here is MLflow's or the exporters' business: only job folders' content is described.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import scores

CANDIDATE_MODEL = "acme/nova-30b-sft"
BASELINE_MODEL = "acme/nova-30b"


@dataclass
class Task:
    """One entry of `evaluation.tasks` and what its harness left behind."""

    name: str  # as the user wrote it in the launcher's config
    harness: str
    type: str  # `config.type` in run_config.yml
    results: dict[str, Any]
    questions: int  # the true number of distinct questions that were answered
    repeats: int = 1
    params: dict[str, Any] = field(default_factory=dict)  # the task's own `config.params` in the launcher's config
    retries: int = 0
    avg_completion_tokens: float = 512.0
    truncated: int = 0  # responses with finish_reason `length`
    client_logs: int = 1  # a resumed job has one for each of its Slurm jobs
    samples: list[dict[str, Any]] = field(default_factory=list)  # one row for each question, as lm-eval logs them
    arrived: bool = True  # False: the job was killed and has no artifacts

    @property
    def responses(self) -> int:
        return self.questions * self.repeats + self.retries


@dataclass
class Invocation:
    key: str
    id: str
    started: datetime
    model: str
    tasks: list[Task]
    executor: str = "slurm"
    params: dict[str, Any] = field(default_factory=dict)  # `config.params` for all tasks
    folder_has_index: bool = True  # 0.2.x names a job's folder `<task>.<n>`, 0.1.x `<task>`
    exporters_under_execution: bool = False  # 0.1.8 reads their settings from execution.auto_export.configs

    def folder(self, results_dir: Path) -> Path:
        return results_dir / f"{self.started:%Y%m%d_%H%M%S}-{self.id}"

    def job_folder(self, results_dir: Path, index: int) -> Path:
        name = self.tasks[index].name
        return self.folder(results_dir) / (f"{name}.{index}" if self.folder_has_index else name)

    def job_id(self, index: int) -> str:
        return f"{self.id}.{index}"


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=timezone.utc)


def mmlu_pro(score: float, no_answer: float, tokens: float, truncated: int) -> Task:
    return Task(
        "ns_mmlu_pro",
        "nemo_skills",
        "ns_mmlu_pro",
        scores.nemo_skills("mmlu-pro", "pass@1", 12032, symbolic_correct=score, no_answer=no_answer, avg_tokens=tokens),
        questions=12032,
        params={"extra": {"num_repeats": 1}},
        retries=41,
        avg_completion_tokens=tokens,
        truncated=truncated,
    )


def gpqa(correct_share: float, repeats: int, *, questions: int = 198, **changes: Any) -> Task:
    return Task(
        "simple_evals.gpqa_diamond",
        "simple_evals",
        "gpqa_diamond",
        scores.simple_evals("gpqa_diamond", correct_share, questions, repeats),
        questions=questions,
        repeats=repeats,
        params={"extra": {"n_samples": repeats}, **changes.pop("params", {})},
        avg_completion_tokens=3120.4,
        **changes,
    )


def aime(correct_share: float) -> Task:
    return Task(
        "AIME_2025",
        "simple_evals",
        "AIME_2025",
        scores.simple_evals("AIME_2025", correct_share, 30, 10),
        questions=30,
        repeats=10,
        params={"extra": {"n_samples": 10}},
        avg_completion_tokens=14210.7,
        truncated=17,
    )


def ifeval(seed: int, correct: int, *, questions: int = 541, counted: bool = False, **changes: Any) -> Task:
    samples = scores.ifeval_samples(seed, correct, questions)
    return Task(
        "lm-evaluation-harness.ifeval",
        "lm-evaluation-harness",
        "ifeval",
        scores.ifeval(samples, counted=counted),
        questions=questions,
        samples=samples,
        avg_completion_tokens=388.2,
        **changes,
    )


def omniscience(index: float, accuracy: float) -> Task:
    return Task(
        "ns_omniscience",
        "nemo_skills",
        "ns_omniscience",
        scores.nemo_skills(
            "omniscience",
            "pass@1[avg-of-4]",
            600,
            **{"omni_index": index, "omni_accuracy": accuracy, "judge/no_verdict": 1.4, "avg_tokens": 903.0},
        ),
        questions=600,
        repeats=4,
        params={"extra": {"num_repeats": 4}},
        retries=3,
        avg_completion_tokens=903.0,
    )


CANDIDATE = Invocation(
    "candidate",
    "3f9c2a7b81d04e65",
    at(3, 10, 15),
    CANDIDATE_MODEL,
    [
        mmlu_pro(71.8418, 0.4654, 1873.0, 212),
        gpqa(0.4861, 8, retries=12, truncated=9),
        ifeval(1, 439),
        aime(0.7133),
        omniscience(-12.4167, 31.25),
    ],
    params={"temperature": 0.6, "top_p": 0.95, "max_new_tokens": 32768, "parallelism": 64},
)
CORRECTED_AIME = scores.simple_evals("AIME_2025", 0.7433, 30, 10)

BASELINE = Invocation(
    "baseline",
    "b07d51e94c2f8a36",
    at(1, 8, 2),
    BASELINE_MODEL,
    [
        mmlu_pro(72.3072, 0.3906, 1702.0, 147),
        gpqa(0.4722, 8, retries=4, truncated=6),
        ifeval(2, 449),
        aime(0.69),
        omniscience(-8.0833, 33.2083),
    ],
    params={"temperature": 0.6, "top_p": 0.95, "max_new_tokens": 32768, "parallelism": 64},
)

RESUMED = Invocation(
    "resumed",
    "c4e8d2016fa97b53",
    at(4, 21, 40),
    CANDIDATE_MODEL,
    [
        gpqa(0.4899, 1, client_logs=3, retries=25),
        ifeval(3, 441, counted=True),
        Task(
            "simple_evals.private_math",
            "simple_evals",
            "simple_evals.private_math",  # a task that the launcher does not list keeps its harness in its type
            scores.simple_evals("private_math", 0.625, 400, 1),
            questions=400,
        ),
        Task("AIME_2025", "simple_evals", "AIME_2025", {}, questions=0, arrived=False),
    ],
    params={"temperature": 0.6, "top_p": 0.95, "max_new_tokens": 32768},
)

TRIAL = Invocation(
    "trial",
    "9a1b6c3d5e7f2048",
    at(2, 16, 30),
    CANDIDATE_MODEL,
    [ifeval(4, 7, questions=10), gpqa(0.45, 2, questions=10)],
    executor="local",
    params={"limit_samples": 10, "temperature": 0.6},
)

PARTLY_LIMITED = Invocation(
    "partly_limited",
    "d5f0a9b8c7e61234",
    at(2, 18, 5),
    CANDIDATE_MODEL,
    [
        ifeval(5, 20, questions=25, params={"limit_samples": 25}),
        gpqa(0.4798, 1),
        Task(
            "lm-evaluation-harness.mmlu_pro",
            "lm-evaluation-harness",
            "mmlu_pro",
            scores.lm_eval_mmlu_pro(6, 120),
            questions=120,
            params={"limit_samples": 0.01},  # a fraction of the dataset
        ),
    ],
    executor="local",
    params={"temperature": 0.6},
)

BROKEN = Invocation(
    "broken",
    "e61f3b2a4c5d7089",
    at(5, 9, 0),
    CANDIDATE_MODEL,
    [gpqa(0.4924, 1), ifeval(7, 437)],
    params={"temperature": 0.6},
)

OLD_WHOLE = Invocation(
    "old_whole",
    "5d8e0c7a9b21f346",
    at(1, 3, 0).replace(month=1),
    BASELINE_MODEL,
    [
        Task(
            "lm-evaluation-harness.mmlu_pro",
            "lm-evaluation-harness",
            "mmlu_pro",
            scores.lm_eval_mmlu_pro(8, 12032),
            questions=12032,
        ),
        gpqa(0.4646, 1),
        ifeval(9, 446),
    ],
    executor="local",
    folder_has_index=False,
)

OLD_JOBS = Invocation(
    "old_jobs",
    "a2b4c6d8e0f13579",
    at(6, 12, 0).replace(month=1),
    BASELINE_MODEL,
    [gpqa(0.4545, 1), ifeval(10, 440), aime(0.6567)],
    folder_has_index=False,
)
OLD_JOBS_CORRECTED = scores.simple_evals("gpqa_diamond", 0.4697, 198, 1)

OLDEST = Invocation(
    "oldest",
    "7c2e91fa",
    at(20, 7, 0).replace(year=2025, month=9),
    BASELINE_MODEL,
    [ifeval(11, 430), gpqa(0.4343, 1)],
    executor="local",
    folder_has_index=False,
    exporters_under_execution=True,
)
