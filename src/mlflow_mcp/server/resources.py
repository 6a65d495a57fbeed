"""Resources: the answers of tools, whole files and help texts by URI, for people who attach them to a conversation.

They are answered by a middleware: the SDK gives a resource without variables no context, and every file of a template the
same MIME type.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from importlib.resources import files
from typing import Any

import mcp_types as types
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver.context import Context
from mcp.shared.exceptions import MCPError
from mcp.shared.uri_template import UriTemplate

from mlflow_mcp.errors import NotFound
from mlflow_mcp.server.call.tool import BoundTool
from mlflow_mcp.server.connections import Connections
from mlflow_mcp.server.records import host_log
from mlflow_mcp.settings import Settings
from mlflow_mcp.tools.artifacts.read_file import TextFile
from mlflow_mcp.tools.catalog import Resource, offered_resources
from mlflow_mcp.tools.session.recent import Recent, recent

logger = logging.getLogger(__name__)

HELP = {
    "filters": ("Filters", "MLflow's filter language for runs, experiments and models, with examples."),
    "traces": ("Traces", "Filters for traces, and how traces are made."),
    "launcher": (
        "Evaluation exports",
        "What nemo-evaluator-launcher exports: invocations, jobs, copies, samples, files.",
    ),
}
# A host lists resources while its user types: what takes longer is listed without the recent things.
_SECONDS_FOR_LIST = 10.0
_Context = ServerRequestContext[Connections, Any]


class Resources:
    """Answers the three requests about resources, and passes all others on."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._handlers: dict[str, Callable[[_Context], Awaitable[HandlerResult]]] = {
            "resources/list": self._list,
            "resources/templates/list": self._templates,
            "resources/read": self._read,
        }

    @cached_property
    def _bound(self) -> list[tuple[UriTemplate, Resource, BoundTool]]:
        """Made when the first resource is asked for: the start of the server does not wait for it."""
        return [
            (UriTemplate.parse(resource.uri), resource, _bound(resource.function, self._settings))
            for resource in offered_resources(self._settings)
        ]

    @cached_property
    def _recent(self) -> BoundTool:
        return _bound(
            recent, self._settings.model_copy(update={"timeout": min(self._settings.timeout, _SECONDS_FOR_LIST)})
        )

    async def __call__(self, ctx: _Context, call_next: CallNext) -> HandlerResult:
        handler = self._handlers.get(ctx.method)
        return await (handler(ctx) if handler else call_next(ctx))

    # -- lists -----------------------------------------------------------------------------------------------------

    async def _list(self, ctx: _Context) -> types.ListResourcesResult:
        fixed = [_listed(each, each.uri) for template, each, _ in self._bound if not template.variable_names]
        helps = [
            types.Resource(
                uri=f"mlflow://help/{name}",
                name=f"help/{name}",
                title=title,
                description=text,
                mime_type="text/markdown",
            )
            for name, (title, text) in HELP.items()
        ]
        return types.ListResourcesResult(resources=[*fixed, *helps, *await self._recent_ones(ctx)])

    async def _recent_ones(self, ctx: _Context) -> list[types.Resource]:
        if not any(resource.name == "runs/{run_id}" for _, resource, _ in self._bound):
            return []
        try:
            found = await self._recent.answered({}, Context(request_context=ctx))
        except Exception as error:  # a list without them is better than none
            problem = self._recent.problem_of(error, ctx.lifespan_context.of(ctx))
            logger.info("recent runs are not listed: %s", problem)
            await host_log.log(ctx, "info", f"Recent runs are not listed: {self._recent.sentence_of(problem)}")
            return []
        assert isinstance(found, Recent)
        for unknown in found.unknown or ():
            await host_log.log(ctx, "info", f"Recent runs are not listed of the server {unknown}")
        ids = {"experiments": found.experiments, "runs": found.runs}
        return [
            types.Resource(uri=f"mlflow://{kind}/{id_}", name=name, mime_type="application/json")
            for kind, names in ids.items()
            for id_, name in names.items()
        ]

    async def _templates(self, ctx: _Context) -> types.ListResourceTemplatesResult:
        templates = [
            types.ResourceTemplate(
                uri_template=each.uri,
                name=each.name,
                title=each.title,
                description=each.description,
                mime_type=each.mime_type,
            )
            for template, each, _ in self._bound
            if template.variable_names
        ]
        return types.ListResourceTemplatesResult(resource_templates=templates)

    # -- read ------------------------------------------------------------------------------------------------------

    async def _read(self, ctx: _Context) -> types.ReadResourceResult:
        uri = (ctx.params or {}).get("uri")
        if not isinstance(uri, str):
            raise MCPError(types.INVALID_PARAMS, "resources/read needs a `uri`.")
        if (name := uri.removeprefix("mlflow://help/")) in HELP:
            text = (files("mlflow_mcp.server") / "help" / f"{name}.md").read_text("utf-8")
            return _contents(types.TextResourceContents(uri=uri, text=text, mime_type="text/markdown"))
        for template, resource, bound in self._bound:
            if (values := template.match(uri)) is not None:
                return await self._answered(ctx, uri, bound, _arguments(resource, values))
        raise MCPError(
            types.INVALID_PARAMS,
            f"There is no resource '{uri[:200]}'. There are {', '.join(each.uri for _, each, _ in self._bound)}.",
            {"uri": uri},
        )

    async def _answered(
        self, ctx: _Context, uri: str, bound: BoundTool, arguments: dict[str, Any]
    ) -> types.ReadResourceResult:
        try:
            answer = await bound.answered(arguments, Context(request_context=ctx))
        except Exception as error:
            problem = bound.problem_of(error, ctx.lifespan_context.of(ctx))
            code = types.INVALID_PARAMS if isinstance(problem, NotFound) else types.INTERNAL_ERROR
            raise MCPError(code, bound.sentence_of(problem), {"uri": uri}) from None
        result = bound.rendered(answer)
        image = next((block for block in result.content if isinstance(block, types.ImageContent)), None)
        if image is not None:
            return _contents(types.BlobResourceContents(uri=uri, blob=image.data, mime_type=image.mime_type))
        if isinstance(answer, TextFile):
            text = (result.structured_content or {})["text"]
            return _contents(types.TextResourceContents(uri=uri, text=text, mime_type=answer.mime_type))
        (words,) = (block for block in result.content if isinstance(block, types.TextContent))
        return _contents(types.TextResourceContents(uri=uri, text=words.text, mime_type="application/json"))


def _bound(function: Callable[..., Any], settings: Settings) -> BoundTool:
    return BoundTool.of(function, function.__name__).bound(settings)


def _listed(resource: Resource, uri: str) -> types.Resource:
    return types.Resource(
        uri=uri,
        name=resource.name,
        title=resource.title,
        description=resource.description,
        mime_type=resource.mime_type,
    )


def _arguments(resource: Resource, values: Mapping[str, str | Sequence[str]]) -> dict[str, Any]:
    texts = {name: value if isinstance(value, str) else "/".join(value) for name, value in values.items()}
    # An alias stands where a version's number would: `models:/name@champion` for `…/name/@champion`.
    return {name: written.format(**texts).replace("/@", "@") for name, written in resource.arguments.items()}


def _contents(part: types.TextResourceContents | types.BlobResourceContents) -> types.ReadResourceResult:
    return types.ReadResourceResult(contents=[part])
