"""One thing that an id stands for."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field


class IdMatch(BaseModel):
    """One thing an id stands for. `next` is the call that reads it."""

    kind: Annotated[
        str,
        Field(
            description="invocation, job, run, experiment, logged or registered model, model version, trace, session (of traces), "
            "prompt, prompt version, evaluation dataset."
        ),
    ]
    id: str
    name: str | None = None
    experiment: str | None = None
    runs: int | None = None
    time: str | None = None
    status: Annotated[str | None, Field(description="Of a run that did not finish.")] = None
    scores: Annotated[
        dict[str, Any] | None, Field(description="The first ones; of an invocation one of each task.")
    ] = None
    matched: Annotated[
        str | None, Field(description="By which field, when not by the id itself; or that it is deleted.")
    ] = None
    next: str | None = None
