"""Which prompt or evaluation dataset an id or name means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from mlflow_mcp.client.filters import quoted_value
from mlflow_mcp.client.genai.datasets import DATASET_ID
from mlflow_mcp.client.genai.prompts import PromptRef, prompt_ref
from mlflow_mcp.client.ids.parse import is_id_prefix, job_id
from mlflow_mcp.errors import NotFound

if TYPE_CHECKING:
    from mlflow.entities import EvaluationDataset
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

    from mlflow_mcp.client import Client

_PROMPT_IN_URL = re.compile(r"/prompts/([^/?#&]+)(?:[^#]*?[?&](?:promptVersion|version)=(\d+))?")
_DATASET_IN_URL = re.compile(r"\bd-[0-9a-f]{32}\b")
_OTHER_IDS = ("m-", "tr-")
_MOST = 20


def prompt_in_url(text: str) -> str | None:
    """The prompt in a URL copied from MLflow's UI, with its version where the URL has one."""
    found = _PROMPT_IN_URL.search(text) if "://" in text else None
    if not found:
        return None
    return f"prompts:/{unquote(found[1])}{f'/{found[2]}' if found[2] else ''}"


def dataset_in_url(text: str) -> str | None:
    found = _DATASET_IN_URL.search(text) if "://" in text else None
    return found[0] if found else None


def is_dataset_id(text: str) -> bool:
    return bool(DATASET_ID.fullmatch(text))


def prompt_called(client: Client, text: str) -> tuple[RegisteredModel, ModelVersion | None] | None:
    """The prompt of this name, and the version that the text names, if any. None when there is none."""
    ref = prompt_ref(text)
    if not _may_be_name(ref.name):
        return None
    prompts, _ = client.genai.prompts.search(f"name = {quoted_value(ref.name)}", None, 1)
    if not prompts:
        return None
    return _version(client, prompts[0], ref)


def datasets_called(client: Client, text: str) -> list[EvaluationDataset]:
    """The dataset of this id, or those of this name."""
    if is_dataset_id(text):
        try:
            return [client.genai.datasets.find(text)]
        except NotFound:
            return []
    if not _may_be_name(text):
        return []
    return client.genai.datasets.search(f"name = {quoted_value(text)}", None, _MOST)[0]


def _version(
    client: Client, prompt: RegisteredModel, ref: PromptRef
) -> tuple[RegisteredModel, ModelVersion | None] | None:
    if not ref.version:
        return prompt, None
    try:
        return prompt, client.genai.prompts.version(prompt, ref.version)
    except NotFound:
        return None


def _may_be_name(text: str) -> bool:
    """Whether it is worth a request: what looks like the id of something else is none."""
    is_id = text.startswith(_OTHER_IDS) or is_id_prefix(text) or job_id(text) is not None
    return bool(text) and not is_id and not is_dataset_id(text) and not ("'" in text and '"' in text)
