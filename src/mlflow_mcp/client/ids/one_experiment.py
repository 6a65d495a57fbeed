"""The one experiment that something is written into: there, or to be made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.client.ids.parse import experiment_in_url
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.text import clipped

if TYPE_CHECKING:
    from mlflow_mcp.client import Client


def experiment_to_write(client: Client, text: str, *, may_be_new: bool) -> str | None:
    """The experiment's id; None where it does not exist and may be made.

    Raises NotFound for one that is not there or is deleted, and Problem for a text that means two, or can be no new name.
    """
    text = text.strip()
    _refuse_two(client, text)
    try:
        found = experiment_ids(client, text)
    except NotFound as problem:
        if client.experiments.deleted(experiment_in_url(text) or text):
            raise
        if not may_be_new:
            raise NotFound(
                problem.failed, f"{problem.next_step} create_experiment=true makes one of this name."
            ) from problem
        _check_new_name(client, text)
        return None
    if not found:
        raise Problem("No experiment is named.", "Give its id or exact name.")
    return found[0]


def _refuse_two(client: Client, text: str) -> None:
    """A name can be another experiment's id."""
    names = client.experiments.checked_names() if text.isdigit() else {}
    named = [id_ for id_, name in names.items() if name == text]
    if text in names and named and named[0] != text:
        raise Problem(
            f"'{text}' is the id of experiment '{clipped(names[text])}' and the name of experiment {named[0]}.",
            f"Give '{named[0]}', or '{clipped(names[text])}'.",
        )


def _check_new_name(client: Client, name: str) -> None:
    if name.isdigit() or experiment_in_url(name) or not name.isprintable():
        raise Problem(f"'{clipped(name)}' can be no new experiment's name.", "Give a name in words.")
    from mlflow.utils.validation import _validate_experiment_name

    client.ask(lambda: _validate_experiment_name(name))  # type: ignore[no-untyped-call]
