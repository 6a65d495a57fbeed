"""`results` trees as the harnesses' parsers build them, and the samples behind some of them.

The trees' shape is nemo-evaluator's (`groups`/`tasks` -> `metrics` -> `scores` -> `value` and `stats`); the numbers
are made up. The names follow the harnesses: nemo_skills counts in percent, the others in shares of 1.
"""

from __future__ import annotations

import math
import random
from typing import Any

SUBJECTS = (
    *("biology", "business", "chemistry", "computer_science", "economics", "engineering", "health", "history"),
    *("law", "math", "other", "philosophy", "physics", "psychology"),
)


def score(value: float, **stats: float) -> dict[str, Any]:
    return {"value": value, "stats": stats}


def share(correct: int, of: int) -> dict[str, Any]:
    """A share with the standard error of a mean of zeros and ones."""
    mean = correct / of
    return score(mean, stderr=math.sqrt(mean * (1 - mean) / max(of - 1, 1)))


def nemo_skills(group: str, metric: str, entries: int, **values: float) -> dict[str, Any]:
    """No standard errors; the number of questions is a score of its own."""
    scores = {name: score(value) for name, value in {"num_entries": entries, "gen_seconds": 5127, **values}.items()}
    return {"groups": {group: {"metrics": {metric: {"scores": scores}}}}}


def simple_evals(task: str, correct_share: float, questions: int, repeats: int) -> dict[str, Any]:
    """The score, and with repeats its twin: the same value under a second name."""
    stddev = math.sqrt(correct_share * (1 - correct_share))
    entry = score(correct_share, stddev=stddev, stderr=stddev / math.sqrt(questions * repeats))
    scores = {"micro": entry}
    if repeats > 1:
        scores[f"micro_avg_of_{repeats}"] = entry
    return {"tasks": {task: {"metrics": {"score": {"scores": scores}}}}}


def ifeval_samples(seed: int, correct: int, questions: int) -> list[dict[str, Any]]:
    """As many rows as questions, exactly `correct` of them right at the level of the prompt.

    The same question is hard for every model (half of the order is shared), so two models differ on few questions.
    """
    shared, own = random.Random(0), random.Random(seed)
    difficulty = [shared.random() for _ in range(questions)]
    order = sorted(range(questions), key=lambda question: 0.8 * difficulty[question] + 0.2 * own.random())
    right = set(order[:correct])
    return [
        {
            "doc_id": question,
            "doc": {"key": 1000 + question, "prompt": f"Write {3 + question % 5} sentences about topic {question}."},
            "target": "0",
            "resps": [[f"Topic {question} is " + ("worth a closer look. " * (1 + question % 4))]],
            "prompt_level_strict_acc": question in right,
            "inst_level_strict_acc": [question in right, True],
        }
        for question in range(questions)
    ]


def ifeval(samples: list[dict[str, Any]], *, counted: bool) -> dict[str, Any]:
    """`groups` repeats `tasks`. With `counted`, the stats say how many samples were used."""
    correct = sum(sample["prompt_level_strict_acc"] for sample in samples)
    entries = {
        "prompt_level_strict_acc": share(correct, len(samples)),
        "inst_level_strict_acc": score((correct + len(samples)) / (2 * len(samples))),
        "prompt_level_loose_acc": share(min(correct + len(samples) // 40, len(samples)), len(samples)),
    }
    if counted:
        for entry in entries.values():
            entry["stats"]["count"] = len(samples)
    metrics = {name: {"scores": {name: entry}} for name, entry in entries.items()}
    return {"groups": {"ifeval": {"metrics": metrics}}, "tasks": {"ifeval": {"metrics": metrics}}}


def lm_eval_mmlu_pro(seed: int, questions: int) -> dict[str, Any]:
    """One group over fourteen subjects; the group is repeated among the tasks."""
    rng = random.Random(seed)
    sizes = [questions // len(SUBJECTS)] * len(SUBJECTS)
    sizes[-1] += questions - sum(sizes)
    correct = [sum(rng.random() < 0.62 for _ in range(size)) for size in sizes]

    def metrics(right: int, of: int) -> dict[str, Any]:
        return {"metrics": {"exact_match": {"scores": {"custom-extract": share(right, of)}}}}

    whole = metrics(sum(correct), questions)
    subjects = {f"mmlu_pro_{subject}": metrics(right, size) for subject, right, size in zip(SUBJECTS, correct, sizes)}
    return {"groups": {"mmlu_pro": whole}, "tasks": {"mmlu_pro": whole, **subjects}}
