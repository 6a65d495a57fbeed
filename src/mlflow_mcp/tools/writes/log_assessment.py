"""A verdict on a trace, where evaluations look for it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.targets import target_of
from mlflow_mcp.client.traces.assessments import Judged, by_others, log, own, update, value_of
from mlflow_mcp.client.writing import Write, author, refuse_secret
from mlflow_mcp.entities.spans import SpanTree
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.text import clipped, hint, listed
from mlflow_mcp.tools.arguments import as_text
from mlflow_mcp.tools.writes.outcome import Change, DryRun, Outcome, call_of, carry_out

_LONGEST_NAME = 250


def log_assessment(  # noqa: PLR0913  # what MLflow keeps of a verdict
    client: Client,
    trace_id: Annotated[str, BeforeValidator(as_text), Field(min_length=1, description="Id, its beginning, or URL.")],
    name: Annotated[str, Field(min_length=1, max_length=_LONGEST_NAME, description="E.g. 'correctness'.")],
    value: Annotated[
        bool | int | float | str,
        WithJsonSchema({"type": ["boolean", "number", "string"]}),
        Field(description="true, 4, 'no'."),
    ],
    kind: Annotated[Literal["feedback", "expectation"], Field(description="What it is.")] = "feedback",
    rationale: Annotated[str | None, Field(description="Why it is so.")] = None,
    span: Annotated[str | None, Field(description="Span's name or id.")] = None,
    dry_run: DryRun = False,
) -> Outcome:
    """Write a verdict (feedback) or right answer (expectation) to a trace, as a model's, not a person's; it replaces only your own of that
    name. get_trace shows all."""
    on = target_of(client, trace_id)
    if on.kind != "trace":
        raise Problem(f"'{trace_id}' is a {on.kind}, not a trace.", "annotate writes notes and tags to it.")
    for text, called in ((value if isinstance(value, str) else "", name), (rationale or "", "")):
        refuse_secret(client, text, called, "The assessment")
    judged = Judged(on.id, name, kind, value, rationale, _span_id(client, on.id, span), author(client))
    before = own(client, judged)
    if before is not None and value_of(before) == value and (before.rationale or None) == rationale:
        return carry_out(client, str(on), [], None, dry_run=dry_run)

    def is_done() -> bool:
        now = own(client, judged)
        return now is not None and value_of(now) == value and (now.rationale or None) == rationale

    step = Write(
        f"{kind} '{name}' on {on}",
        (lambda: log(client, judged))
        if before is None
        else (lambda: update(client, judged, str(before.assessment_id))),
        is_done,
    )
    old = None if before is None else value_of(before)
    of_span = f" of span {clipped(span)}" if span else ""
    undo = None
    if before is not None:
        undo = call_of(
            "log_assessment",
            {
                "trace_id": on.id,
                "name": name,
                "value": old,
                "kind": kind,
                "rationale": before.rationale,
                "span": judged.span_id,
            },
        )
    answer = carry_out(client, str(on), [Change(f"{kind} {name}{of_span}", old, value, step)], undo, dry_run=dry_run)
    if others := by_others(client, judged):
        answer.note(f"{listed(others)} said something under this name, too; that stays beside it.")
    if before is None and not dry_run:
        answer.note("It is undone by hand: MLflow's UI deletes it.")
    return answer


def _span_id(client: Client, trace_id: str, span: str | None) -> str | None:
    """The id of the one span. Raises NotFound, and Problem where several have the name."""
    if span is None:
        return None
    spans = client.traces.spans(client.traces.info(trace_id))
    if spans.missing and not spans.spans:
        raise Problem(f"The span '{span}' cannot be looked up. {spans.missing}", "Leave span out to judge the trace.")
    nodes = SpanTree.of(spans.spans).nodes
    found = [node for node in nodes if span in (node.id, node.name)]
    if not found:
        near = hint(span, {node.name for node in nodes})
        raise NotFound(f"No span of this trace has the id or name '{span}'.", f"{near} get_trace shows them.".strip())
    if len(found) > 1:
        raise Problem(
            f"{len(found)} spans of this trace are called '{span}': {listed([str(node.id) for node in found], 5)}.",
            "Call again with one of these ids.",
        )
    return str(found[0].id)
