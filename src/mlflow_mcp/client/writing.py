"""Writing to MLflow: each request is sent once, and one whose answer was lost is looked up, never repeated."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlflow_mcp.answers.masking import mask
from mlflow_mcp.client.call import CallEnded
from mlflow_mcp.client.transport.guard import sent_once
from mlflow_mcp.client.transport.translate import last_response
from mlflow_mcp.errors import Problem

if TYPE_CHECKING:
    from mlflow_mcp.client import Client

# Who wrote last, as `ana via claude-code`.
BY_TAG = "mlflow_mcp.by"


@dataclass(frozen=True)
class Write:
    """One request that changes something. `is_done` reads whether it has happened; `made` names for the audit what is new."""

    what: str
    request: Callable[[], object]
    is_done: Callable[[], bool]
    made: Callable[[], str] = str


def user_of(client: Client) -> str:
    """The caller of a server for several people, else the user MLflow is told of, else this machine's."""
    user = client.call.caller or (client.connection.host_credentials().username if client.is_http else None)
    if not user:
        try:
            user = getpass.getuser()
        except (KeyError, OSError, ImportError):  # no entry for this user id
            user = "unknown user"
    return str(user)


def author(client: Client) -> str:
    """Who is written down as the author: the user, and the host's name."""
    user = user_of(client)
    return f"{user} via {client.call.host}" if client.call.host else user


def write(client: Client, step: Write) -> str:
    """Do it. Returns a sentence where the answer was lost and the change was found; "" as a rule.

    Raises Problem, which says whether it has happened: no, or not known.
    """
    client.call.check()
    client.call.writing = step.what
    remark = ""
    refused: list[int] = []
    try:
        with client.connection.one_writer:
            client.ask(lambda: _once(step.request, refused))
    except Problem as problem:
        remark = _looked_up(client, step, problem, bool(refused))
    except CallEnded:  # nobody waits for the answer any more
        client.call.audit(step.what, "not known")
        raise
    client.call.writing = ""
    client.call.written.append(step.what)
    made = step.made()
    client.call.audit(step.what, f"{remark or 'done'}{f' (id {made})' if made else ''}")
    return remark


def _once(request: Callable[[], object], refused: list[int]) -> None:
    token = sent_once.set(True)
    try:
        request()
    except Exception:
        facts = last_response.get()
        if facts is not None and facts.status in (401, 403):
            refused.append(facts.status)
        raise
    finally:
        sent_once.reset(token)


def _looked_up(client: Client, step: Write, problem: Problem, is_refused: bool) -> str:
    """A sentence when the change is there after all. Raises Problem where it is not, and where that cannot be told."""
    try:
        is_done = step.is_done()
    except CallEnded:
        client.call.audit(step.what, "not known")
        raise
    except Problem as second:
        client.call.audit(step.what, "not known")
        raise type(problem)(
            f"Whether this was written is not known: {step.what}. {problem.failed}",
            "Look before you write it again.",
        ) from second
    if is_done:
        return f"The answer to a request was lost ({step.what}); it was looked up, and is written."
    client.call.writing = ""
    client.call.audit(step.what, "failed")
    next_step = "Ask the administrator for the permission to edit it." if is_refused else problem.next_step
    raise type(problem)(f"This was not written: {step.what}. {problem.failed}", next_step) from problem


def refuse_secret(client: Client, value: str, name: str, what: str) -> None:
    """Raise Problem for a value that looks like a secret: whoever may read the store could read it."""
    if client.settings.mask_secrets and mask(value, name) != value:
        raise Problem(
            f"{what} looks as if it held a secret, which everybody who may read this store could read; nothing was written.",
            "Leave the secret out, or name where it is kept.",
        )
