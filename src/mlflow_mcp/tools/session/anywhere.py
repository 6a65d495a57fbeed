"""What an id stands for on every configured server, and which of them could not be asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mlflow_mcp.answers.located import located_text
from mlflow_mcp.client import Client
from mlflow_mcp.client.spanning import SpanningClient
from mlflow_mcp.client.spanning.everywhere import Outcome, ask_everywhere
from mlflow_mcp.errors import NotFound, Problem, Unreachable
from mlflow_mcp.text import plural

if TYPE_CHECKING:
    from mlflow_mcp.tools.session.id_match import IdMatch
    from mlflow_mcp.tools.session.resolve_id import IdMatches


def found_anywhere(client: SpanningClient, id: str, look: Callable[[Client, str], IdMatches]) -> IdMatches:
    """The findings of all servers. Raises NotFound when each of them said that it has no such thing, Unreachable when one of
    them could not be asked and the others have none."""
    outcomes = ask_everywhere(client, lambda each: look(each, id))
    having = [each for each in outcomes if each.found is not None]
    unasked = [each for each in outcomes if each.unknown]
    if not having:
        raise _nowhere(id, outcomes, unasked)
    where = _where(having, outcomes)
    answer = next(each.found for each in having if each.found is not None)
    answer.found = [_on_server(match, each) for each in having if each.found for match in each.found.found]
    notes = [located_text(note, each.prefix) for each in having if each.found for note in each.found.notes or ()]
    answer.notes = None
    answer.note(*_not_searched(unasked), where, *notes)
    return answer


def _on_server(match: IdMatch, outcome: Outcome[IdMatches]) -> IdMatch:
    if not outcome.prefix:
        return match
    next_call = located_text(match.next, outcome.prefix) if match.next else None
    return match.model_copy(update={"id": f"{outcome.prefix}{match.id}", "next": next_call})


def _where(having: Sequence[Outcome[IdMatches]], outcomes: Sequence[Outcome[IdMatches]]) -> str:
    """On which servers it was found, and which said that they have none."""
    on = ", ".join(_counted(each) for each in having)
    none = ", ".join(each.name for each in outcomes if each.says_none)
    return f"Found on {on}." + (f" Not on {none}." if none else "")


def _counted(outcome: Outcome[IdMatches]) -> str:
    count = len(outcome.found.found) if outcome.found else 0
    begin = f", ids begin with '{outcome.prefix}'" if outcome.prefix else ""
    return f"{outcome.name} ({plural(count, 'thing')}{begin})"


def _not_searched(unasked: Sequence[Outcome[IdMatches]]) -> list[str]:
    return [f"Not searched: {each.name}. {each.unknown}" for each in unasked]


def _nowhere(id: str, outcomes: Sequence[Outcome[IdMatches]], unasked: Sequence[Outcome[IdMatches]]) -> Problem:
    none = [each for each in outcomes if each.says_none and each.problem]
    if not none:
        return Unreachable(" ".join(_not_searched(unasked)), "get_server_info tells the state of each server.")
    first = none[0].problem
    assert first is not None
    names = ", ".join(each.name for each in none)
    if unasked:
        return Unreachable(
            f"Whether '{id}' exists is not known. On {names}: none. {' '.join(_not_searched(unasked))}",
            "Try again when these servers answer.",
        )
    return NotFound(
        f"'{id}' is on none of the servers {names}: no invocation, job, run, experiment, model, trace, session, prompt or "
        "dataset is called so, nor a deleted run or experiment.",
        first.next_step,
    )
