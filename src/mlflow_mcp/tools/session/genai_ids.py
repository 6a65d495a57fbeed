"""The prompts and evaluation datasets that an id stands for."""

from __future__ import annotations

from mlflow_mcp.client import Client
from mlflow_mcp.client.genai.prompts import prompt_ref
from mlflow_mcp.client.ids.genai import datasets_called, prompt_called
from mlflow_mcp.text import iso
from mlflow_mcp.tools.session.id_match import IdMatch


def prompts_called(client: Client, text: str) -> list[IdMatch]:
    """The prompt of this name, or the version or alias of one."""
    found = prompt_called(client, text)
    if found is None:
        return []
    prompt, version = found
    if version is None:
        call = _call(client, f"get_prompt(prompt='{prompt.name}')")
        return [IdMatch(kind="prompt", id=prompt.name, time=iso(prompt.creation_timestamp), next=call)]
    ref, name = prompt_ref(text), f"{prompt.name}/{version.version}"
    return [
        IdMatch(
            kind="prompt version",
            id=f"prompts:/{name}",
            time=iso(version.creation_timestamp),
            matched=ref.version if ref.version != str(version.version) else None,
            next=_call(client, f"get_prompt(prompt='{name}')"),
        )
    ]


def evaluation_datasets_called(client: Client, text: str) -> list[IdMatch]:
    return [
        IdMatch(
            kind="evaluation dataset",
            id=each.dataset_id,
            name=each.name,
            time=iso(each.created_time),
            matched="name" if each.name == text else None,
            next=_call(client, f"get_dataset(dataset='{each.dataset_id}')"),
        )
        for each in datasets_called(client, text)
    ]


def _call(client: Client, call: str) -> str:
    """The call; or how to have it, in a session that was started without its toolset."""
    if "genai" in client.settings.toolsets:
        return call
    return f"{call}, once the toolset genai is switched on (MLFLOW_MCP_TOOLSETS)"
