"""Answers that an evaluation lost and counted as answers: only the insides of its logs tell of them, which verifying does not read."""

from __future__ import annotations

from collections.abc import Sequence

from mlflow_mcp.tools.evaluations.verify_files import LOGS
from mlflow_mcp.tools.evaluations.verify_task import Task

NOT_LOOKED_FOR = ", lost answers not looked for"
# As evaluators and HTTP clients write when they give up on a request.
_PATTERN = "(?i)empty response|max(imum)? retries|retries exceeded|giving up"


def lost_answers(tasks: Sequence[Task], id: str) -> str:
    """That logs are there of which only the ends were read, and the call that counts what they tell of lost answers."""
    if not any(LOGS in task.findings and task.findings[LOGS].state == "ok" for task in tasks):
        return ""
    return (
        "Logs were read at their ends only, and a lost answer can count as a response: "
        f"search_artifacts(run_ids='{id}', pattern='{_PATTERN}') counts lines that tell of one."
    )
