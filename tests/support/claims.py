"""Traces of an agent whose failures hide: tools that failed inside of traces that ended OK, retried or not, another failure
in each version, a judge and people who assess different things, and work that outlasts the span that began it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mlflow_mcp.cli.demo.tracing import Recording, Step, assess, write
from tests.support.stores import copied
from tests.support.traces import feedback

START = 1_780_000_000_000
LOST, SLOW, MISSING = "ValueError: unknown currency 'CHF '", "TimeoutError: no answer in 2 s", "KeyError: no claim C-{}"
# How many traces of each version do what; the others succeed.
OLD = {"claim not found": 3, "retried": 1}
NEW = {"payout failed": 8, "retried": 3, "payout lost": 2, "asked otherwise": 1}
EACH = 20
FETCHES = 20


def _steps(kind: str, number: int) -> tuple[str, list[Step]]:
    """The state in which a trace of this kind ends, and its spans."""
    claim = {"claim": f"C-{1000 + number}"}
    lookup = [Step("lookup", "TOOL", 100, 200, inputs=claim, outputs={"policy": number})]
    payout = [Step("payout", "TOOL", 500, 600, inputs=claim, outputs={"sum": 100.5 + number})]
    if kind == "claim not found":
        lookup, payout = [Step("lookup", "TOOL", 100, 200, inputs=claim, error=MISSING.format(1000 + number))], []
    elif kind == "retried":
        lookup = [*(Step("lookup", "TOOL", at, at + 50, inputs={**claim, "attempt": at // 100}, error=SLOW) for at in (100, 200)),
                  Step("lookup", "TOOL", 300, 400, inputs={**claim, "attempt": 3})]  # fmt: skip
    elif kind == "asked otherwise":
        lookup = [Step("lookup", "TOOL", 100, 200, inputs={"claim": ""}, error=SLOW),
                  Step("lookup", "TOOL", 300, 400, inputs=claim)]  # fmt: skip
    elif kind in ("payout failed", "payout lost"):
        payout = [Step("payout", "TOOL", 500, 600, inputs=claim, error=LOST)]
    fails = kind in ("claim not found", "payout failed")
    root = Step(
        "agent",
        "AGENT",
        0,
        1_000,
        None,
        error=payout[0].error if fails and payout else lookup[0].error if fails else None,
    )
    return "ERROR" if fails else "OK", [root, *lookup, *payout]


def recordings(version: str, kinds: dict[str, int]) -> Iterator[tuple[str, Recording]]:
    whole = [kind for kind, count in kinds.items() for _ in range(count)]
    whole += ["fine"] * (EACH - len(whole))
    for number, kind in enumerate(whole):
        state, steps = _steps(kind, number)
        yield (
            kind,
            Recording(f"{version} {number}", "agent", START + number * 60_000, steps, state, tags={"version": version}),
        )


def slow() -> Recording:
    """`audit` ends at once, its pages are fetched after its end, one after the other; four checks run side by side."""
    steps = [
        Step("slow", "AGENT", 0, 10_000, None),
        Step("audit", "CHAIN", 1_000, 1_010),
        *(Step("fetch", "TOOL", 1_010 + 300 * n, 1_310 + 300 * n, parent=1) for n in range(FETCHES)),
        *(Step("check", "TOOL", 7_010, 9_010) for _ in range(4)),
    ]
    return Recording("slow", "slow", START, steps, tags={"version": "other"})


def make_claims(empty: str, folder: Path) -> str:
    """The URI of the store, whose only experiment is `claims`."""
    from mlflow import MlflowClient
    from mlflow.entities import AssessmentSource, Expectation

    uri = copied(empty, folder / "claims.db")
    experiment = MlflowClient(uri).create_experiment("claims", (folder / "artifacts").as_uri())
    for version, kinds in (("v1", OLD), ("v2", NEW)):
        for number, (kind, recording) in enumerate(recordings(version, kinds)):
            made = []
            if recording.state == "OK":
                made.append(feedback("correctness", "yes", "It agrees with the policy."))
                made.append(feedback("grounded", 0.5 + number / 100, None))
            if version == "v2" and number % 2:
                is_bad = kind in ("payout failed", "payout lost")
                made.append(feedback("helpful", not is_bad, "No sum was given." if is_bad else None, person="ana"))
            if kind == "payout lost":
                source = AssessmentSource(source_type="HUMAN", source_id="ana")
                made.append(Expectation(name="expected_sum", value=399, source=source))
            trace = write(uri, experiment, recording)
            if made:
                assess(uri, trace, *made)
    write(uri, experiment, slow())
    return uri
