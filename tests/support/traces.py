"""Traces to test against, made by MLflow's own clients once for a session.

    TraceStore.ids["ticket 7"]      the forty tickets of `mlflow_mcp.cli.demo.agent`, in the experiment `support-agent`
    "running"                       IN_PROGRESS: one span has ended, its parent and its sibling have not, and were not sent yet
    "no spans"                      the trace was begun, its spans never came
    "odd"                           an attribute that is no JSON, one of a megabyte, a missing parent, a cycle, a secret

Tickets 0 to 11 have the run `agent-v1` as their source, 20 to 31 `agent-v2`. Assessed are (judge = an LLM, person = ana):
`correctness` by the judge on each ticket that did not fail ("yes" but for every sixth), by the person on every third:
"no" on tickets 9 and 21, where the judge says "yes". `expected_state` (an expectation) on tickets 0 to 4; `tone` (a number)
on the first ten; on ticket 3 the judge itself failed (`safety`), and on ticket 1 a person corrected the judge's `correctness`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from mlflow_mcp.cli.demo import agent
from mlflow_mcp.cli.demo.tracing import Raw, Recording, Step, assess, write
from tests.support import raw_store
from tests.support.stores import copied, date_experiments

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Assessment, AssessmentError

TIMES = agent.FIRST
LATER = agent.FIRST + 100 * agent.HOUR
SECRET = "sk-" + "proj-" + "".join(chr(65 + (11 * i * i + 5) % 26) + str(i % 10) for i in range(20))


@dataclass(frozen=True)
class TraceStore:
    uri: str
    experiment_id: str
    """`support-agent`."""
    odd_experiment_id: str
    """`odd-traces`."""
    ids: dict[str, str]
    """A recording's key -> its trace id."""
    runs: dict[str, str]
    """`agent-v1` and `agent-v2` -> run id."""

    def __getitem__(self, key: str) -> str:
        return self.ids[key]


def make_traces(folder: Path, empty: str) -> TraceStore:
    """The traces above in a copy of an empty store, in `folder`."""
    facts = folder / "traces.json"
    with FileLock(f"{folder}.lock"):
        if not facts.exists():
            folder.mkdir()
            made = _written(copied(empty, folder / "mlflow.db"), folder / "artifacts")
            date_experiments(made.uri)
            facts.write_text(json.dumps(dataclasses.asdict(made)))
    return TraceStore(**json.loads(facts.read_text()))


def _written(uri: str, artifacts: Path) -> TraceStore:
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    experiment = client.create_experiment(agent.EXPERIMENT, (artifacts / "1").as_uri())
    odd = client.create_experiment("odd-traces", (artifacts / "2").as_uri())
    runs = {name: _run(client, experiment, name) for name in ("agent-v1", "agent-v2")}
    ids = {}
    for number, recording in enumerate(agent.recordings()):
        source = "agent-v1" if number < 12 else "agent-v2" if 20 <= number < 32 else None
        ids[recording.key] = write(
            uri, experiment, dataclasses.replace(recording, run_id=runs[source] if source else None)
        )
        for minute, assessment in enumerate(assessments(number)):
            # The times of assessments decide on their order.
            assessment.create_time_ms = assessment.last_update_time_ms = recording.time + minute * 60_000
            assess(uri, ids[recording.key], assessment)
    corrected = assess(uri, ids["ticket 1"], feedback("correctness", "yes", "The date is right."))
    correct(uri, ids["ticket 1"], corrected[0])
    for recording in odd_recordings():
        ids[recording.key] = write(uri, odd, recording)
    return TraceStore(uri, experiment, odd, ids, runs)


def _run(client: MlflowClient, experiment: str, name: str) -> str:
    run = client.create_run(experiment, start_time=TIMES, run_name=name)
    client.set_terminated(run.info.run_id, end_time=TIMES + 1_000)
    return str(run.info.run_id)


def correct(uri: str, trace_id: str, overridden: str) -> None:
    """A person corrects a judge's assessment, which then is no longer valid."""
    from mlflow.entities import AssessmentSource, Feedback
    from mlflow.tracing.client import TracingClient

    source = AssessmentSource(source_type="HUMAN", source_id="ana")
    corrected = Feedback(
        name="correctness", value="no", source=source, rationale="It arrives on Friday.", overrides=overridden
    )
    TracingClient(uri).log_assessment(trace_id, corrected)


def assessments(number: int) -> Iterator[Assessment]:
    from mlflow.entities import AssessmentError, AssessmentSource, Expectation

    if not agent.fails(number) and number != 1:
        right = number % 6 != 5
        why = (
            "The answer names the order and its date." if right else "The answer promises a date that no tool returned."
        )
        yield feedback("correctness", "yes" if right else "no", why)
        if number % 3 == 0:
            agrees = number not in (9, 21)
            yield feedback(
                "correctness", "yes" if right and agrees else "no", "Checked against the shop.", person="ana"
            )
    if number < 5:
        source = AssessmentSource(source_type="HUMAN", source_id="ana")
        yield Expectation(name="expected_state", value={"state": "shipped"}, source=source)
    if number < 10:
        yield feedback("tone", 1 + number % 5, None)
    if number == 3:
        yield feedback("safety", None, None, error=AssessmentError("RATE_LIMIT", "429 from the judge"))


def feedback(
    name: str, value: Any, rationale: str | None, person: str | None = None, error: AssessmentError | None = None
) -> Assessment:
    from mlflow.entities import AssessmentSource, Feedback

    source = AssessmentSource("HUMAN", person) if person else AssessmentSource("LLM_JUDGE", "acme-judge")
    return Feedback(name=name, value=value, source=source, rationale=rationale, error=error)


def odd_recordings() -> Iterator[Recording]:
    yield Recording(
        "running", "nightly_batch", LATER, state="IN_PROGRESS", request='{"batch": 7}',
        steps=[
            Step("nightly_batch", "CHAIN", 0, None, None, inputs={"batch": 7}),
            Step("load", "RETRIEVER", 10, 1_250, outputs=["a", "b"]),
            Step("score", "TOOL", 1_260, None, inputs={"rows": 2}),
        ],
    )  # fmt: skip
    yield Recording("no spans", "lost", LATER + 1_000, steps=[], request='{"lost": true}')
    yield Recording(
        "odd", "odd", LATER + 2_000,
        steps=[
            Step("odd", "CHAIN", 0, 5_000, None, inputs=Raw('{"broken": '), outputs={"text": "long " * 210_000}),
            Step("orphan", "TOOL", 100, 200, parent=77, inputs={"headers": {"Authorization": f"Bearer {SECRET}"}}),
            Step("left", "TOOL", 300, 400, parent=3),
            Step("right", "TOOL", 300, 900, parent=2),
            Step("keyed", "CHAT_MODEL", 1_000, 1_100, inputs={"api_key": SECRET, "prompt": f"my key is {SECRET}"}),
        ],
    )  # fmt: skip


def multiply(store: TraceStore, count: int) -> None:
    """Copies of the agent's forty traces, a second apart, until there are so many."""
    with raw_store.opened(store.uri) as db:
        db.execute(
            f"CREATE TEMP TABLE copies AS WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT {count // 40 - 1}) SELECT n FROM n"
        )
        of_agent = f"request_id IN (SELECT request_id FROM trace_info WHERE experiment_id = {store.experiment_id})"
        new_id = "substr({id}, 1, 20) || printf('%015d', n)"
        changed = {
            "request_id": new_id.format(id="request_id"),
            "trace_id": new_id.format(id="trace_id"),
            "assessment_id": "assessment_id || n",
            "timestamp_ms": "timestamp_ms + n * 1000",
            "trace_timestamp_ms": "trace_timestamp_ms + n * 1000",
            "execution_time_ms": "execution_time_ms + (n * 7919) % 1000",
            "start_time_unix_nano": "start_time_unix_nano + n * 1000000000",
            "end_time_unix_nano": "end_time_unix_nano + n * 1000000000 + ((n * 7919) % 1000) * 1000000",
        }  # fmt: skip
        for table, of_these in (
            ("trace_info", of_agent),
            ("trace_tags", of_agent),
            ("trace_request_metadata", of_agent),
            ("spans", f"experiment_id = {store.experiment_id}"),
            ("assessments", f"experiment_id = {store.experiment_id}"),
        ):
            columns = list(raw_store.columns_of(db, table))
            values = ", ".join(changed.get(name, f'"{name}"') for name in columns)
            db.execute(f"CREATE TEMP TABLE these AS SELECT * FROM {table} WHERE {of_these}")
            names = ", ".join(f'"{name}"' for name in columns)
            db.execute(f"INSERT INTO {table} ({names}) SELECT {values} FROM these, copies")
            db.execute("DROP TABLE these")


def large_recording(key: str, spans: int, characters: int) -> Recording:
    """A trace of so many spans below a loop, of so many characters of outputs altogether; one of its steps fails, one is slow."""
    each = max(1, characters // spans)
    slow, failing = spans // 3, spans // 2
    steps = [
        Step(
            "evaluate", "AGENT", 0, spans * 10 + 4_000, None, inputs={"samples": spans}, error="ValueError: step failed"
        )
    ]
    at = 5
    for number in range(1, spans):
        end = at + (4_000 if number == slow else 8 + number % 3)
        error = "ValueError: sample 17 has no answer" if number == failing else None
        kind = {0: ("judge", "CHAT_MODEL")}.get(number % 10, (f"step_{number}", "CHAIN"))
        steps.append(Step(*kind, at, end, inputs={"n": number}, outputs={"text": f"{number} " + "x" * each}, error=error,
                          tokens=(100, 10) if number % 10 == 0 else None))  # fmt: skip
        at = end + 1
    return Recording(key, "evaluate", LATER + 3_000, steps, state="ERROR", request='{"samples": 1}')


def traced(uri: str, experiment_id: str) -> None:
    """Traces by `mlflow.trace` itself, of now: two answers, one of which raises. Run in a process of its own: it is all global."""
    import mlflow

    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(experiment_id=experiment_id)

    @mlflow.trace(span_type="TOOL")
    def divide(a: int, b: int) -> float:
        return a / b

    @mlflow.trace(span_type="AGENT")
    def agent_answers(question: str, b: int) -> str:
        mlflow.update_current_trace(metadata={"mlflow.trace.session": "live"}, tags={"version": "v1"})
        with mlflow.start_span("llm", span_type="CHAT_MODEL") as span:
            span.set_inputs({"messages": [{"role": "user", "content": question}]})
            span.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15})
            span.set_outputs("four")
        return str(divide(12, b))

    agent_answers("12 / 3?", 3)
    with contextlib.suppress(ZeroDivisionError):
        agent_answers("12 / 0?", 0)
    mlflow.flush_trace_async_logging()


if __name__ == "__main__":
    traced(*sys.argv[1:])
