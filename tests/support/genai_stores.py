"""A store with prompts, evaluation datasets and scorers, written by MLflow's own fluent API.

experiment `assistant`   prompts `answer` (text; 4 versions, @production=2, @staging=4), `triage` (a chat with settings); a
                         registered model `router`, which is none; datasets `golden-questions` (3 records of traces, one by
                         hand) and `empty`; the judge `grounded` (2 versions), MLflow's Guidelines, and a scorer of code
experiment `elsewhere`   prompt `summary`, a second dataset `golden-questions`, the judge `terse`
"""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from tests.support import raw_store
from tests.support.model_stores import speaking_to
from tests.support.secrets import SECRETS
from tests.support.stores import FIRST, MINUTE, copied, date, date_experiments, date_models

SECRET = SECRETS["Hugging Face"]
QUESTIONS = {"How do I get a refund?": "Within 30 days.", "Do you ship to Norway?": "Yes.", "Where is my parcel?": ""}
TEMPLATES = [
    "Answer the question.\n\nQuestion: {{question}}",
    "You are a support agent of {{ company }}.\nAnswer in two sentences.\nSay so when you do not know.\n\nQuestion: {{question}}",
    "You are a support agent of {{ company }}.\nAnswer in two sentences.\nNever guess.\n\nQuestion: {{question}}",
    f"You are a support agent of {{{{ company }}}}.\nUse the key {SECRET}.\nAnswer in one sentence.\nNever guess.\n\n"
    "Documents: {{docs}}\nQuestion: {{question}}",
]
MESSAGES = ["First draft.", "Say who is asked", "Never guess", "With documents"]


@dataclass(frozen=True)
class GenaiStore:
    uri: str
    datasets: Mapping[str, str]
    """`golden-questions`, `empty`, `elsewhere` -> id."""
    ids: Mapping[str, str]
    """Ids of records and traces -> what snapshots write instead."""

    @property
    def labels(self) -> dict[str, str]:
        return {id_: f"<dataset:{name}>" for name, id_ in self.datasets.items()} | dict(self.ids)


def make(folder: Path, empty: str) -> GenaiStore:
    """The store in `folder`, made by whichever worker comes first."""
    facts = folder / "genai.json"
    with FileLock(f"{folder}.lock"):
        if not facts.exists():
            folder.mkdir()
            uri = copied(empty, folder / "mlflow.db")
            with speaking_to(uri):
                datasets = _write(folder / "artifacts")
            _date(uri)
            facts.write_text(json.dumps(dataclasses.asdict(GenaiStore(uri, datasets, _ids(uri)))))
    return GenaiStore(**json.loads(facts.read_text()))


def _write(artifacts: Path) -> dict[str, str]:
    import mlflow
    from mlflow.genai.datasets import create_dataset

    client = mlflow.MlflowClient()
    for name in ("elsewhere", "assistant"):
        experiment = client.create_experiment(name, (artifacts / name).as_uri())
        mlflow.set_experiment(experiment_id=experiment)
        if name == "elsewhere":
            _prompt("summary", "Summarize {{text}}.")
            other = create_dataset(name="golden-questions", experiment_id=experiment).dataset_id
            _judge("terse", "Is {{ outputs }} terse?").register()
    _prompts(client)
    client.create_registered_model("router")
    _scorers(experiment)
    found = create_dataset(name="golden-questions", experiment_id=experiment, tags={"team": "support", "stage": "gold"})
    found.merge_records(_traces())
    found.merge_records(
        [
            {
                "inputs": {"question": "Which languages do you speak?", "locale": "no"},
                "expectations": {"expected_response": "Norwegian and English.", "facts": ["Norwegian", "English"]},
                "source": {"source_type": "HUMAN", "source_data": {"user_name": "ana"}},
                "tags": {"hard": "yes"},
            }
        ]
    )
    none = create_dataset(name="empty", experiment_id=experiment)
    return {"golden-questions": found.dataset_id, "empty": none.dataset_id, "elsewhere": other}


def _prompt(name: str, template: Any, **more: Any) -> None:
    import mlflow

    mlflow.genai.register_prompt(name=name, template=template, **more)
    for thread in threading.enumerate():  # MLflow links a prompt to its experiment on a thread of its own
        if thread.name.startswith("link_prompt_to_experiment"):
            thread.join(60)


def _prompts(client: Any) -> None:
    import mlflow

    for template, message in zip(TEMPLATES, MESSAGES):
        settings = {"temperature": 0.2 if template is TEMPLATES[-1] else 0.7, "model_name": "nova-30b"}
        _prompt("answer", template, commit_message=message, model_config=settings, tags={"author": "ana"})
    mlflow.genai.set_prompt_alias("answer", "production", 2)
    mlflow.genai.set_prompt_alias("answer", "staging", 4)
    client.set_prompt_tag("answer", "team", "support")
    chat = [
        {"role": "system", "content": "Sort the message into one of {{ queues }}."},
        {"role": "user", "content": "{{message}}"},
    ]
    answer = {"type": "object", "properties": {"queue": {"type": "string"}}}
    _prompt("triage", chat, response_format=answer, model_config={"model_name": "nova-8b", "max_tokens": 64})


def _traces() -> list[Any]:
    import mlflow

    ids = {}
    for question, expected in QUESTIONS.items():
        mlflow.trace(lambda question: f"About {question}", name="answer")(question=question)
        ids[str(mlflow.get_last_active_trace_id())] = expected
    mlflow.flush_trace_async_logging()
    for trace_id, expected in ids.items():
        if expected:
            mlflow.log_expectation(trace_id=trace_id, name="expected_response", value=expected)
    return [mlflow.get_trace(trace_id) for trace_id in ids]


def _judge(name: str, instructions: str) -> Any:
    from mlflow.genai.judges import make_judge

    return make_judge(name=name, instructions=instructions, model="openai:/nova-30b", feedback_value_type=str)


def _scorers(experiment: str) -> None:
    from mlflow.genai.scorers import Guidelines, scorer
    from mlflow.tracking._tracking_service.utils import _get_store

    @scorer
    def is_short(outputs):
        return len(outputs) < 200

    _judge("grounded", "Does {{ outputs }} follow from {{ inputs }}?").register()
    _judge("grounded", "Does {{ outputs }} follow from {{ inputs }} alone? Say 'no' when in doubt.").register()
    Guidelines(name="polite", guidelines=["Greets.", "Thanks."], model="openai:/nova-8b").register()
    # As a server that allows it would: the fluent API asks a variable of the environment.
    _get_store().register_scorer(experiment, "is_short", json.dumps(is_short.model_dump()))


def _date(uri: str) -> None:
    date_experiments(uri)
    date_models(uri)
    date(
        uri,
        {
            "evaluation_datasets": ("created_time", "last_update_time"),
            "evaluation_dataset_records": ("created_time", "last_update_time"),
        },
    )
    with raw_store.opened(uri) as db:
        db.execute("UPDATE evaluation_datasets SET created_by = 'ana'")  # MLflow writes who is logged in here
        rows = [
            row for (row,) in db.execute("SELECT rowid FROM scorer_versions ORDER BY creation_time, rowid").fetchall()
        ]
        for at, row in enumerate(rows):
            db.execute("UPDATE scorer_versions SET creation_time = ? WHERE rowid = ?", (FIRST + at * MINUTE, row))


def _ids(uri: str) -> dict[str, str]:
    with raw_store.opened(uri) as db:
        found = db.execute(
            "SELECT dataset_record_id, source_id FROM evaluation_dataset_records ORDER BY created_time"
        ).fetchall()
        digests = db.execute("SELECT digest, name || ' ' || rowid FROM evaluation_datasets").fetchall()
    records = {record: f"<record:{at}>" for at, (record, _) in enumerate(found)}
    traces = {trace: f"<trace:{at}>" for at, (_, trace) in enumerate(found) if trace and trace.startswith("tr-")}
    return records | traces | {digest: f"<digest:{name}>" for digest, name in digests}
