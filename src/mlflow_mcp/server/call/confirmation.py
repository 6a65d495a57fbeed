"""Asking the user before something is changed, in both protocol eras.

Before 2026-07-28 the server sends the host a request of its own and the call waits. Since then the call ends with the
question, and the host repeats it with the answer: the tool runs again from its start, and has written nothing before.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any

import anyio
import anyio.from_thread
from mcp.server.mcpserver.context import Context
from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp_types.version import is_version_at_least

from mlflow_mcp.answers.masking import mask_text
from mlflow_mcp.client.call import Call
from mlflow_mcp.errors import Problem
from mlflow_mcp.settings import Settings

# Seconds that a person may take.
LONGEST_WAIT = 600.0
_KEY = "confirm"
_FIRST_WITH_INPUT_REQUIRED = "2026-07-28"
# To accept is the answer; there is nothing to fill in.
_FORM: dict[str, Any] = {"type": "object", "properties": {}}


class AskFirst(Exception):
    """The call has to end with this question."""

    def __init__(self, question: str) -> None:
        super().__init__(question)
        self.question = question

    @property
    def result(self) -> InputRequiredResult:
        params = ElicitRequestFormParams(message=self.question, requested_schema=_FORM)
        return InputRequiredResult(
            input_requests={_KEY: ElicitRequest(params=params)}, request_state=_digest(self.question)
        )


def confirmer(context: Context[Any, Any], call: Call, settings: Settings) -> Callable[[str], None]:
    """What asks the user of this call. It returns when they agreed, and raises otherwise."""

    def confirm(question: str) -> None:
        shown = mask_text(question) if settings.mask_secrets else question
        if not _can_ask(context):
            if settings.write_without_asking:
                return
            raise Problem(
                "This needs the user's confirmation, and this host cannot ask for it. Nothing was changed.",
                "Ask the user to do it by hand, or the operator to set MLFLOW_MCP_WRITE_WITHOUT_ASKING=true.",
            )
        version = context.protocol_version
        if version is not None and is_version_at_least(version, _FIRST_WITH_INPUT_REQUIRED):
            action = _answered(context, shown)
        else:
            action = anyio.from_thread.run(_asked, context, call, shown)
        if action != "accept":
            reaction = (
                "declined" if action == "decline" else "did not answer" if action == "none" else "closed the question"
            )
            raise Problem(
                f"The user was asked and {reaction}. Nothing was changed.", "Do not try again unless they ask for it."
            )

    return confirm


def _can_ask(context: Context[Any, Any]) -> bool:
    """Whether the host declared that it shows forms; `{}`, which was all before there were modes, says so."""
    capabilities = context.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)


def _answered(context: Context[Any, Any], question: str) -> str:
    """The answer that came with this call. Raises AskFirst where none came, or one to another question."""
    answer = (context.input_responses or {}).get(_KEY)
    # The SDK seals the state and binds it to the tool and its arguments: a host cannot have made it up.
    if not isinstance(answer, ElicitResult) or context.request_state != _digest(question):
        raise AskFirst(question)
    return answer.action


async def _asked(context: Context[Any, Any], call: Call, question: str) -> str:
    """Ask now, and wait without the call's time running."""
    started, outcome = time.monotonic(), "none"
    call.asks_user = True
    call.move_deadline(LONGEST_WAIT)
    try:
        with anyio.move_on_after(LONGEST_WAIT):
            result = await context.session.elicit_form(question, _FORM, context.request_id)
            outcome = result.action
    finally:
        waited = time.monotonic() - started
        call.move_deadline(waited - LONGEST_WAIT)
        call.started += waited
        call.heard.now()
        call.asks_user = False
    return outcome


def _digest(question: str) -> str:
    return hashlib.sha256(question.encode()).hexdigest()
