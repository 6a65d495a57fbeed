"""Talk to mlflow-mcp from a program: start it over stdio, list its tools, call three of them.

    export MLFLOW_TRACKING_URI=sqlite:////path/to/mlflow-mcp-demo/mlflow.db
    python examples/client_session.py

The ids are those of the demo's store: `mlflow-mcp demo` makes one on disk, examples/seed_store.py fills a server.
"""

import os
import sys

import anyio
from mcp import Client, StdioServerParameters

SERVER = StdioServerParameters(command=sys.executable, args=["-m", "mlflow_mcp"], env=dict(os.environ))


class ToolFailed(Exception):
    """The tool answered with an error. Its text says what to do next."""


async def call(client: Client, tool: str, **arguments: object) -> dict:
    result = await client.call_tool(tool, arguments)
    if result.is_error:
        raise ToolFailed(result.content[0].text)
    return result.structured_content


async def ask(client: Client) -> None:
    tools = (await client.list_tools()).tools
    print("Tools:", ", ".join(tool.name for tool in tools))

    invocation = await call(client, "get_invocation", invocation_id="71f3f3199ea5e1f0")
    for row in invocation["tasks"]["rows"]:
        task = dict(zip(invocation["tasks"]["columns"], row))
        print(task["task"], task["metrics"])

    found = await call(client, "query_runs", query="tags.model LIKE '%qwen%'", metrics=["mmlu-pro_*"])
    print(len(found["runs"]["rows"]), "runs evaluated qwen")

    config = await call(client, "get_artifact_content", run_id="71f3f3199ea5e1f0.0", artifact_path="config.yml")
    print(config["text"].splitlines()[0], "...")


async def main() -> str | None:
    async with Client(SERVER) as client:
        try:
            await ask(client)
        except ToolFailed as error:
            return str(error)
    return None


if __name__ == "__main__":
    sys.exit(anyio.run(main))
