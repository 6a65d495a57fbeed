"""Writes `samples.tar.gz`: per-sample files of lm-evaluation-harness itself, for two models that answer by rule.

    uv venv harness && VIRTUAL_ENV=harness uv pip install lm_eval==0.4.13
    harness/bin/python tests/recorded/lm_eval/record.py

Real: the harness, its command-line path (`simple_evaluate`, `EvaluationTracker`), its tasks' machinery, filters and
files. Made up: the questions, and the two "models", which answer by rules with fixed seeds. Both models are right on
every question whose number says so below; `TRUTH` in the tests repeats these rules.
"""

# mypy: ignore-errors
from __future__ import annotations

import json
import re
import tarfile
import tempfile
from pathlib import Path

import lm_eval
from lm_eval.api.model import LM
from lm_eval.loggers import EvaluationTracker
from lm_eval.tasks import TaskManager

HERE = Path(__file__).parent
QUESTIONS = 60
TASKS = {
    # Two filters: the harness writes one row for each question and filter, all in one file.
    "sums.yaml": """
task: sums
dataset_path: json
dataset_kwargs: {data_files: {test: DATA/sums.jsonl}}
test_split: test
output_type: generate_until
doc_to_text: "Question: {{question}}\\nAnswer:"
doc_to_target: "{{answer}}"
generation_kwargs: {until: ["Question:"], do_sample: false}
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true}
filter_list:
  - name: strict-match
    filter: [{function: regex, regex_pattern: "#### (\\\\d+)"}, {function: take_first}]
  - name: flexible-extract
    filter: [{function: regex, group_select: -1, regex_pattern: "(\\\\d+)"}, {function: take_first}]
""",
    # Two metrics of one row: acc and acc_norm.
    "choices.yaml": """
task: choices
dataset_path: json
dataset_kwargs: {data_files: {test: DATA/choices.jsonl}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{question}}\\nAnswer:"
doc_to_choice: "{{choices}}"
doc_to_target: "{{answer}}"
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
  - {metric: acc_norm, aggregation: mean, higher_is_better: true}
""",
}


class ByRule(LM):
    """`is_right` and `keeps_format` say by the number in a question what the model does."""

    def __init__(self, is_right, keeps_format) -> None:
        super().__init__()
        self.is_right, self.keeps_format = is_right, keeps_format

    def generate_until(self, requests):
        found = []
        for request in requests:
            number, other = (int(part) for part in re.findall(r"(\d+) and (\d+)", request.args[0])[-1])
            total = number + other + (0 if self.is_right(number) else 1)
            found.append(
                f"{number} and {other} make {total}." + (f" #### {total}" if self.keeps_format(number) else "")
            )
        return found

    def loglikelihood(self, requests):
        found = []
        for request in requests:
            context, continuation = request.args
            number = int(re.search(r"number (\d+)", context)[1])
            wanted = "even" if (number % 2 == 0) == self.is_right(number) else "odd"
            found.append((0.0 if continuation.strip() == wanted else -5.0, False))
        return found

    def loglikelihood_rolling(self, requests):
        raise NotImplementedError


MODELS = {
    "acme/base": ByRule(lambda n: n % 4 != 0, lambda n: True),
    # Wrong on four that the base gets right, right on one that it gets wrong; and no format on every tenth.
    "acme/tuned": ByRule(lambda n: (n % 4 != 0 and n not in (5, 17, 29, 41)) or n == 8, lambda n: n % 10 != 3),
}


def write_data(folder: Path) -> None:
    levels = ("easy", "hard")
    sums = [
        {"question": f"What do {n} and {n + 1} make?", "answer": str(2 * n + 1), "level": levels[n > 40]}
        for n in range(QUESTIONS)
    ]
    choices = [
        {
            "question": f"Is the number {n} even or odd?",
            "choices": ["even", "odd"],
            "answer": n % 2,
            "topic": levels[n % 2],
        }
        for n in range(QUESTIONS)
    ]
    for name, rows in (("sums", sums), ("choices", choices)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, text in TASKS.items():
        (folder / name).write_text(text.replace("DATA", str(folder)))


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "tasks").mkdir()
        write_data(folder / "tasks")
        for name, model in MODELS.items():
            tracker = EvaluationTracker(output_path=str(folder / "out"))
            tracker.general_config_tracker.model_name_sanitized = name.replace("/", "__")
            tracker.date_id = "2026-03-01T08-02-00.123456"  # what saving the totals sets
            results = lm_eval.simple_evaluate(
                model=model,
                tasks=["sums", "choices"],
                task_manager=TaskManager(include_path=str(folder / "tasks")),
                log_samples=True,
                bootstrap_iters=0,
            )
            for task, samples in results.pop("samples").items():
                tracker.save_results_samples(task, samples)
        with tarfile.open(HERE / "samples.tar.gz", "w:gz") as archive:
            for file in sorted((folder / "out").rglob("samples_*.jsonl")):
                archive.add(file, arcname=str(file.relative_to(folder / "out")))


if __name__ == "__main__":
    main()
