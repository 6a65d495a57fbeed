"""Versions of prompts as the agent sees them. MLflow keeps a prompt as a registered model, its text and settings in tags. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlflow_mcp.entities.run import own_tags

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

IS_PROMPT = "mlflow.prompt.is_prompt"
EXPERIMENTS = "_mlflow_experiment_ids"
_TEXT = "mlflow.prompt.text"
_TYPE, _CHAT = "_mlflow_prompt_type", "chat"
_FORMAT = "_mlflow_prompt_response_format"
_SETTINGS = "_mlflow_prompt_model_config"
# As MLflow finds them.
_VARIABLE = re.compile(r"\{\{\s*([a-zA-Z_]\w*(?:\.[a-zA-Z_]\w*)*)\s*\}\}", re.ASCII)


@dataclass(frozen=True)
class PromptView:
    """One version. `messages` are those of a chat; what is broken of it is left as text in `template`."""

    name: str
    version: int
    template: str
    messages: Sequence[Mapping[str, Any]] | None
    settings: Any
    response_format: Any
    tags: Mapping[str, str]
    commit_message: str | None
    user: str | None
    created: int | None

    @classmethod
    def of(cls, version: ModelVersion) -> PromptView:
        tags = version.tags or {}
        template = tags.get(_TEXT, "")
        return cls(
            name=version.name,
            version=int(version.version),
            template=template,
            messages=_messages(template) if tags.get(_TYPE) == _CHAT else None,
            settings=_parsed(tags.get(_SETTINGS)),
            response_format=_parsed(tags.get(_FORMAT)),
            tags=prompt_tags(tags),
            commit_message=version.description or None,
            user=version.user_id or tags.get("mlflow.user"),
            created=version.creation_timestamp,
        )

    @property
    def uri(self) -> str:
        return f"prompts:/{self.name}/{self.version}"

    @property
    def variables(self) -> list[str]:
        """In the order in which the template names them first."""
        return list(dict.fromkeys(found[1] for found in _VARIABLE.finditer(self.text)))

    @property
    def text(self) -> str:
        """The template as a person reads it: of a chat each message below its role."""
        if self.messages is None:
            return self.template
        return "\n".join(f"[{each['role']}]\n{_content(each['content'])}" for each in self.messages)


def prompt_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that people set on a prompt or a version of one."""
    return {name: value for name, value in own_tags(tags).items() if not name.startswith("_mlflow_")}


def _messages(template: str) -> list[Mapping[str, Any]] | None:
    found = _parsed(template)
    is_chat = isinstance(found, list) and all(
        isinstance(each, dict) and {"role", "content"} <= {*each} for each in found
    )
    return found if is_chat else None


def _content(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def _parsed(text: str | None) -> Any:
    """The JSON; the text itself where it is none."""
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return text
