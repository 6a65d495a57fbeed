"""Ask our server about one MLflow: reads {"uri", "folder", "calls"} from stdin, writes the answers to stdout, both as JSON.

A process of its own, in the environment that has this checkout: MLflow keeps settings for a whole process, and credentials
come from its environment. A page is followed by the next ones.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import anyio
from mcp import Client

from mlflow_mcp.server.app import build_server
from mlflow_mcp.settings import Settings, default_toolsets

MOST_PAGES = 5


async def ask(client: Client, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    text = "\n".join(block.text for block in result.content if block.type == "text")
    kinds = [block.type for block in result.content]
    return {"is_error": bool(result.is_error), "text": text, "data": result.structured_content, "kinds": kinds}


async def ask_all(asked: dict[str, Any]) -> list[dict[str, Any]]:
    answers = []
    # Behind basic-auth each request costs a slow hash: on a busy machine the newest server sent nothing for 8 s.
    settings = Settings(
        tracking_uri=asked["uri"],
        download_dir=asked["folder"],
        probe_timeout=60,
        toolsets=(*default_toolsets(), "genai"),
    )
    async with Client(build_server(settings)) as client:
        for tool, arguments in asked["calls"]:
            answer = await ask(client, tool, arguments)
            pages, cursor = [answer["data"]], (answer["data"] or {}).get("next_cursor")
            while cursor and len(pages) < MOST_PAGES:
                data = (await ask(client, tool, {**arguments, "cursor": cursor}))["data"] or {}
                pages.append(data)
                cursor = data.get("next_cursor")
            answers.append({**answer, "data": None, "pages": pages})
    return answers


if __name__ == "__main__":
    print(json.dumps(anyio.run(ask_all, json.load(sys.stdin))))
