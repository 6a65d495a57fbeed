"""The tools, prompts and resources that the conformance suite asks for, on our HTTP app: what lies between the suite and them is
ours and the SDK's. Each is written from the description in the suite's own scenario."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import anyio
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.server.mcpserver.tools import Tool
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    ClientCapabilities,
    Completion,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    EmbeddedResource,
    ImageContent,
    InputRequiredResult,
    ListRootsRequest,
    SamplingCapability,
    SamplingMessage,
    TextContent,
    TextResourceContents,
)
from pydantic import Field

from mlflow_mcp.server.records import host_log
from mlflow_mcp.server.records.metrics import timed
from mlflow_mcp.server.transports.web import Parts

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="


WHAT = "What the conformance suite asks for."
# What its scenario json-schema-2020-12 wants to see again.
SCHEMA: dict[str, Any] = json.loads(Path(__file__).with_name("conformance_schema.json").read_text(encoding="utf-8"))


def fixture_server(parts: Parts) -> MCPServer[Any]:
    """The suite's things behind the middlewares that stand before ours over HTTP."""
    around = [timed(parts.metrics, parts.connections.settings), parts.limits.hold]
    server: MCPServer[Any] = MCPServer(
        "fixtures", version="1", middleware=around, subscriptions=False, tools=[_shaped()]
    )
    for add in (_contents, _told, _asked, _asked_in_rounds, _resources_and_prompts):
        add(server)
    host_log.advertise(server)

    @server.completion()
    async def complete(ref: Any, argument: Any, context: Any) -> Completion:
        return Completion(values=[])

    return server


def _shaped() -> Tool:
    def shaped() -> str:
        return "shaped"

    tool = Tool.from_function(shaped, name="json_schema_2020_12_tool", description=WHAT)
    tool.parameters = SCHEMA
    return tool


def resource(uri: str, text: str, kind: str = "text/plain") -> EmbeddedResource:
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type=kind, text=text))


def _contents(server: MCPServer[Any]) -> None:
    image = ImageContent(type="image", data=PNG, mime_type="image/png")
    text = TextContent(type="text", text="This is a simple text response for testing.")
    answers: dict[str, list[Any]] = {
        "test_simple_text": [text],
        "test_image_content": [image],
        "test_audio_content": [AudioContent(type="audio", data=WAV, mime_type="audio/wav")],
        "test_embedded_resource": [resource("test://embedded-resource", "This is an embedded resource content.")],
        "test_multiple_content_types": [
            text,
            image,
            resource("test://mixed-content-resource", "{}", "application/json"),
        ],
    }
    for name, content in answers.items():

        def run(content: Any = content) -> Any:
            return content

        server.add_tool(run, name=name, description=WHAT, structured_output=False)

    @server.tool(description=WHAT)
    def test_error_handling() -> str:
        raise ValueError("This tool intentionally returns an error for testing")

    @server.tool(description=WHAT)
    def test_custom_headers(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]) -> str:
        return region


def _told(server: MCPServer[Any]) -> None:
    @server.tool(description=WHAT)
    async def test_tool_with_logging(ctx: Context[Any, Any]) -> str:
        for step in ("Tool execution started", "Tool processing data", "Tool execution completed"):
            await ctx.info(step)
            await anyio.sleep(0.05)
        return "logged"

    @server.tool(description=WHAT)
    async def test_tool_with_progress(ctx: Context[Any, Any]) -> str:
        for done in (0, 50, 100):
            await ctx.report_progress(done, 100)
            await anyio.sleep(0.05)
        return "done"


def _asked(server: MCPServer[Any]) -> None:
    """Of 2025: the server asks while the call waits."""

    @server.tool(description=WHAT)
    async def test_sampling(prompt: str, ctx: Context[Any, Any]) -> str:
        asked = SamplingMessage(role="user", content=TextContent(type="text", text=prompt))
        result = await ctx.session.create_message([asked], max_tokens=100, related_request_id=ctx.request_id)
        return f"LLM response: {result.content}"

    async def asked(ctx: Context[Any, Any], message: str, properties: dict[str, Any]) -> str:
        schema = {"type": "object", "properties": properties}
        result = await ctx.session.elicit_form(message, schema, ctx.request_id)
        return f"Elicitation completed: action={result.action}, content={json.dumps(result.content)}"

    @server.tool(description=WHAT)
    async def test_elicitation(message: str, ctx: Context[Any, Any]) -> str:
        return await asked(ctx, message, {"username": {"type": "string"}, "email": {"type": "string"}})

    @server.tool(description=WHAT)
    async def test_elicitation_sep1034_defaults(ctx: Context[Any, Any]) -> str:
        fields = {
            "name": {"type": "string", "default": "John Doe"},
            "age": {"type": "integer", "default": 30},
            "score": {"type": "number", "default": 95.5},
            "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
            "verified": {"type": "boolean", "default": True},
        }
        return await asked(ctx, "Who are you?", fields)

    @server.tool(description=WHAT)
    async def test_elicitation_sep1330_enums(ctx: Context[Any, Any]) -> str:
        values = ["option1", "option2", "option3"]
        titled = [{"const": each, "title": each.title()} for each in values]
        fields = {
            "untitledSingle": {"type": "string", "enum": values},
            "titledSingle": {"type": "string", "oneOf": titled},
            "legacyEnum": {"type": "string", "enum": values, "enumNames": ["One", "Two", "Three"]},
            "untitledMulti": {"type": "array", "items": {"type": "string", "enum": values}},
            "titledMulti": {"type": "array", "items": {"anyOf": titled}},
        }
        return await asked(ctx, "Which?", fields)


def form(message: str, field: str, kind: str = "string") -> ElicitRequest:
    schema = {"type": "object", "properties": {field: {"type": kind}}, "required": [field]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def sample(text: str) -> CreateMessageRequest:
    message = SamplingMessage(role="user", content=TextContent(type="text", text=text))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[message], max_tokens=100))


def _asked_in_rounds(server: MCPServer[Any]) -> None:
    """Of 2026: the call ends with the questions, and is sent again with the answers."""
    name, roots = form("What is your name?", "name"), ListRootsRequest()
    of_tools: dict[str, tuple[dict[str, Any], str | None]] = {
        "elicitation": ({"user_name": name}, None),
        "sampling": ({"capital_question": sample("What is the capital of France?")}, None),
        "list_roots": ({"client_roots": roots}, None),
        "request_state": ({"confirm": form("Please confirm", "ok", "boolean")}, "state"),
        "tampered_state": ({"confirm": form("Please confirm", "ok", "boolean")}, "state"),
        "multiple_inputs": ({"user_name": name, "greeting": sample("Greet"), "client_roots": roots}, "state"),
    }
    for tool, (questions, state) in of_tools.items():

        async def ask(ctx: Context[Any, Any], questions: Any = questions, state: Any = state) -> Any:
            answers = ctx.input_responses or {}
            if not questions.keys() <= answers.keys() or ctx.request_state != state:
                return InputRequiredResult(input_requests=questions, request_state=state)
            return f"state-ok: {' '.join(each.model_dump_json() for each in answers.values())}"

        _add(server, f"test_input_required_result_{tool}", ask)

    async def in_steps(ctx: Context[Any, Any]) -> Any:
        answers = ctx.input_responses or {}
        if "step2" in answers and ctx.request_state == "2":
            return "done"
        if "step1" in answers and ctx.request_state == "1":
            color = form("Step 2: What is your favorite color?", "color")
            return InputRequiredResult(input_requests={"step2": color}, request_state="2")
        return InputRequiredResult(input_requests={"step1": name}, request_state="1")

    async def as_able(ctx: Context[Any, Any]) -> Any:
        can = ctx.client_capabilities or ClientCapabilities()
        questions = {"user_name": name} if can.elicitation else {}
        return InputRequiredResult(input_requests=questions | ({"greeting": sample("Greet")} if can.sampling else {}))

    async def needs_sampling(ctx: Context[Any, Any]) -> Any:
        if not (ctx.client_capabilities and ctx.client_capabilities.sampling):
            required = ClientCapabilities(sampling=SamplingCapability()).model_dump(by_alias=True, exclude_none=True)
            raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "It needs sampling.", {"requiredCapabilities": required})
        return "done"

    _add(server, "test_input_required_result_multi_round", in_steps)
    _add(server, "test_input_required_result_capabilities", as_able)
    _add(server, "test_missing_capability", needs_sampling)

    @server.prompt(description=WHAT)
    async def test_input_required_result_prompt(ctx: Context[Any, Any]) -> Any:
        if "user_context" not in (ctx.input_responses or {}):
            return InputRequiredResult(input_requests={"user_context": form("What context?", "context")})
        return "It is known."


def _add(server: MCPServer[Any], name: str, function: Any) -> None:
    async def run(ctx: Context[Any, Any]) -> Any:
        return await function(ctx)

    server.add_tool(run, name=name, description=WHAT, structured_output=False)


def _resources_and_prompts(server: MCPServer[Any]) -> None:
    @server.resource("test://static-text")
    def static_text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    def static_binary() -> bytes:
        return b"\x89PNG"

    @server.resource("test://template/{id}/data", mime_type="application/json")
    def template(id: str) -> str:
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})

    @server.prompt(description=WHAT)
    def test_simple_prompt() -> str:
        return "This is a simple prompt for testing."

    @server.prompt(description=WHAT)
    def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt(name="test_prompt_with_embedded_resource", description=WHAT)
    def with_resource(resourceUri: str) -> list[UserMessage]:  # the suite's name
        return [UserMessage(resource(resourceUri, "Embedded resource content for testing."))]

    @server.prompt(description=WHAT)
    def test_prompt_with_image() -> list[UserMessage]:
        return [UserMessage(ImageContent(type="image", data=PNG, mime_type="image/png"))]
