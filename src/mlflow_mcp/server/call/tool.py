"""One call's edge: arguments in, deadline around, errors to sentences, answer within its budget."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable
from typing import Any, cast

import anyio.to_thread
from mcp.server.mcpserver.context import Context
from mcp.server.mcpserver.tools import Tool
from mcp_types import CallToolResult, InputRequiredResult, TextContent, ToolAnnotations
from pydantic import PrivateAttr, ValidationError

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.client.call import Call
from mlflow_mcp.client.transport.connection import Connection
from mlflow_mcp.client.transport.translate import problem_of
from mlflow_mcp.errors import NotFound, Problem, Unreachable
from mlflow_mcp.server.auth.callers import caller_of
from mlflow_mcp.server.call.chosen import Chosen, choose
from mlflow_mcp.server.call.confirmation import AskFirst, confirmer
from mlflow_mcp.server.call.remarks import half_done, may_be_hidden
from mlflow_mcp.server.call.rendering import rendered, sentence_of
from mlflow_mcp.server.call.schema import (
    description_of,
    input_schema,
    may_answer_with_image,
    output_schema,
    with_server,
)
from mlflow_mcp.server.call.telling import Telling
from mlflow_mcp.server.call.watchdog import run_within_deadline
from mlflow_mcp.server.connections import Connections
from mlflow_mcp.server.records.audit import auditor, check_audit_file
from mlflow_mcp.settings import Settings
from mlflow_mcp.text import clipped, nearest, short

logger = logging.getLogger(__name__)


# The argument that every tool function takes first and no caller sees.
INJECTED = "client"
# Calls that may run at the same time; more wait. Abandoned ones do not count.
CALLS_AT_ONCE = 16


class BoundTool(Tool):
    """A tool function bound to its settings; `run` never raises for what a caller or a server does."""

    _settings: Settings = PrivateAttr()
    _limiter: anyio.CapacityLimiter | None = PrivateAttr(default=None)
    _wider: Callable[..., Answer] | None = PrivateAttr(default=None)
    _changes_mlflow: bool = PrivateAttr(default=False)
    _hidden: tuple[str, ...] = PrivateAttr(default=())

    @classmethod
    def of(
        cls,
        function: Callable[..., Answer],
        title: str,
        annotations: ToolAnnotations | None = None,
        wider: Callable[..., Answer] | None = None,
        *,
        changes_mlflow: bool = False,
        hidden: tuple[str, ...] = (),
    ) -> BoundTool:
        """What a host is shown of the tool. It can be called when it is `bound`. `wider` is the tool for the same question
        that takes more arguments; `hidden` are arguments of the function that nobody may give."""
        tool = cast(
            BoundTool,
            cls.from_function(
                function,
                title=title,
                description=description_of(function),
                context_kwarg=INJECTED,
                annotations=annotations,
                structured_output=not may_answer_with_image(function),
            ),
        )
        tool._wider = wider
        tool._changes_mlflow = changes_mlflow
        tool._hidden = hidden
        tool.parameters = input_schema(tool.parameters)
        for name in hidden:
            del tool.parameters["properties"][name]
        if schema := tool.fn_metadata.output_schema:
            tool.fn_metadata.output_schema = output_schema(schema)
        return tool

    def bound(self, settings: Settings) -> BoundTool:
        """This tool for the calls of one server."""
        tool = self.model_copy()
        tool._settings = settings
        if len(settings.servers) > 1 and (schema := self.fn_metadata.output_schema):
            tool.fn_metadata = self.fn_metadata.model_copy(update={"output_schema": with_server(schema)})
        return tool

    async def run(
        self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False
    ) -> CallToolResult | InputRequiredResult:
        try:
            return self.rendered(await self.answered(arguments, context))
        except AskFirst as question:
            return question.result
        except Exception as error:
            problem = self.problem_of(error, _connection_of(context))
            sentence = TextContent(type="text", text=self.sentence_of(problem))
            return CallToolResult(content=[sentence], is_error=True)

    async def answered(self, arguments: dict[str, Any], context: Context[Any, Any]) -> Answer:
        """What the function answers, within the call's deadline. Raises whatever it raises."""
        self._refuse_unknown(arguments)
        # Models and hosts write null for an argument that they leave out.
        present = {name: value for name, value in arguments.items() if value is not None}
        chosen = choose(_connection_of(context).servers, self.name, self._validated(present))
        try:
            return chosen.located(await self._called(chosen, context))
        except Problem as problem:
            of_server = chosen.told(problem)
            if of_server is problem:
                raise
            raise of_server from problem

    # -- in --------------------------------------------------------------------------------------------------------

    def _refuse_unknown(self, arguments: dict[str, Any]) -> None:
        known = [name for name in self.fn_metadata.arg_model.model_fields if name not in self._hidden]
        unknown = [name for name in arguments if name not in known]
        if unknown:
            close = nearest(unknown[0], known, 1)
            wider = self._wider if self._wider and unknown[0] in inspect.signature(self._wider).parameters else None
            raise Problem(
                f"{self.name} has no argument '{clipped(unknown[0])}'" + (f"; {wider.__name__} has." if wider else "."),
                (f"Did you mean '{close[0]}'? " if close and not wider else "")
                + (f"It takes: {', '.join(known)}." if known else "It takes no arguments."),
            )

    def _validated(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments as the function takes them. Only what is raised here is the caller's mistake: a ValidationError
        of the function itself means that an answer model did not take MLflow's data."""
        try:
            return self.fn_metadata.validate_arguments(arguments)
        except ValidationError as error:
            raise _invalid_argument(error) from None

    # -- around ----------------------------------------------------------------------------------------------------

    async def _called(self, chosen: Chosen, context: Context[Any, Any]) -> Answer:
        call = Call(timeout=self._settings.timeout)
        telling = Telling(context, call, mask_secrets=self._settings.mask_secrets)
        connections: Connections = context.request_context.lifespan_context
        connections.watch(call, context.request_context, chosen.connection)
        if self._changes_mlflow:
            check_audit_file(self._settings)
            call.host = _host_of(context)
            confirm = confirmer(context, call, self._settings)
            call.confirm = lambda question: confirm(chosen.question(question))
            call.caller = caller_of(context.request_context.request).name
            call.audit = auditor(
                self._settings,
                self.name,
                chosen.connection.uri,
                call.host,
                name=chosen.connection.name,
                caller=call.caller,
            )
        client = chosen.client(call)
        work = functools.partial(self.fn, client, **chosen.arguments)
        try:
            answer = await run_within_deadline(self.name, work, client, self._room(), telling)
        except Problem as problem:
            if call.written or call.writing:
                raise half_done(call, problem) from problem
            if isinstance(problem, Unreachable):
                raise
            missing = client.call.missing or may_be_hidden(client, problem)
            if not missing:
                raise
            raise Problem(f"{problem.failed} {' '.join(missing)}", problem.next_step) from problem
        answer.note(*(client.call.missing or may_be_hidden(client, answer)))
        return answer

    def _room(self) -> anyio.CapacityLimiter:
        """Where a call gets its thread. Over HTTP it has waited for its turn among its caller's calls, and waits for nobody
        else's."""
        if self._settings.over_http:
            return anyio.CapacityLimiter(1)
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(CALLS_AT_ONCE)
        return self._limiter

    # -- out -------------------------------------------------------------------------------------------------------

    def problem_of(self, error: Exception, connection: Connection) -> Problem:
        """A failure as what it means for a caller; one that has no other name is logged."""
        problem = problem_of(error, connection.uri or "MLflow")
        if problem is not error and not isinstance(problem, (NotFound, Unreachable)):
            logger.info("%s: %s", self.name, type(error).__name__, exc_info=error)
        return problem

    def sentence_of(self, problem: Problem) -> str:
        """What failed and one next step, without secrets, within the budget."""
        return sentence_of(problem, self._settings)

    def rendered(self, answer: Answer) -> CallToolResult:
        """The answer as a host is sent it: without secrets, cut to the budget."""
        return rendered(answer, self._settings)


def _connection_of(context: Context[Any, Any]) -> Connection:
    request = context.request_context
    connections: Connections = request.lifespan_context
    return connections.of(request)


def _host_of(context: Context[Any, Any]) -> str:
    """The host's own name, such as `claude-code`."""
    params = context.session.client_params
    return clipped(params.client_info.name) if params and params.client_info else ""


def _invalid_argument(error: ValidationError) -> Problem:
    """The first invalid argument in words."""
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else "an argument"
    if first["type"] == "missing":
        return Problem(f"'{name}' is missing.", "Call again with it.")
    value = first.get("input")
    shown = "null" if value is None else short(repr(value), 80)
    reason = first["msg"].removeprefix("Value error, ")
    return Problem(f"'{name}' cannot be {shown}: {reason}.", "Call again with another value.")
