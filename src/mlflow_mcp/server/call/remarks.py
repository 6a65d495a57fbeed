"""What is said beside an answer or a failure: that credentials may hide things, and what was changed before a write failed."""

from __future__ import annotations

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.call import Call
from mlflow_mcp.client.ids.experiments import UNLISTED
from mlflow_mcp.errors import NotFound, Problem

# How answers without a table say that there is nothing.
_COUNTS = ("traces",)


def may_be_hidden(client: Client, found: Answer | Problem) -> list[str]:
    """What to say of nothing found in all that these credentials may read."""
    if not client.call.searched_everything:
        return []
    if isinstance(found, Problem):
        is_nothing = isinstance(found, NotFound) and UNLISTED not in str(found)
    else:
        tables = [value for _, value in found if isinstance(value, Table)]
        counted = [value for name, value in found if name in _COUNTS and isinstance(value, int)]
        is_nothing = not any(counted) and not any(table.rows for table in tables) and bool(tables or counted)
    return [UNLISTED] if is_nothing and client.connection.has_credentials else []


def half_done(call: Call, problem: Problem) -> Problem:
    """What failed, and what was changed all the same."""
    done = f"Written before that: {'; '.join(call.written)}." if call.written else ""
    unknown = f"Whether this was written is not known: {call.writing}." if call.writing else ""
    sentences = [part for part in (unknown, done) if part and part not in problem.failed]
    # Where the tool itself looks for what may have been written, nobody else has to.
    next_step = "" if call.writing and call.completes else problem.next_step
    return type(problem)(" ".join([problem.failed, *sentences]), f"{next_step} {call.completes}".strip())
