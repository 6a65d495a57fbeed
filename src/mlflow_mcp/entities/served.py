"""How a model was served, as far as the launcher's config says it: number formats, lengths, templates. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mlflow_mcp.entities.command_options import CUT_AT, flags_in, options_in, plain_value

# Of an option that the server was started without: its default, which nothing records.
NOT_SET = "not set"
_NULLS = ("", "None", "null")
# What a server is started with that changes what the model answers.
_OF_SERVER = (
    *("dtype", "quantization", "kv_cache_dtype", "max_model_len", "max_seq_len", "context_length", "rope_scaling"),
    *("rope_theta", "hf_overrides", "generation_config", "override_generation_config"),
    *("reasoning_parser", "enable_reasoning", "tool_call_parser", "enable_auto_tool_choice"),
    *("default_chat_template_kwargs", "mm_processor_kwargs", "limit_mm_per_prompt"),
)
# A harness may have these, too.
_ALSO_OF_HARNESSES = ("chat_template", "revision")
_EVERY = (*_OF_SERVER, "precision", *_ALSO_OF_HARNESSES)
_COMMANDS = ("base_command", "command", "extra_args")
_SERVER = re.compile(rf"^config\.deployment\.({'|'.join((*_COMMANDS, *_EVERY))})$")
_TYPE = "config.deployment.type"
_EVALUATION = "config.evaluation."
# What the endpoint's adapter puts before each request; interceptors, where they are configured one by one, may do it, too.
_PROMPTS = ("adapter_config.use_system_prompt", "adapter_config.custom_system_prompt")
_INTERCEPTORS = "adapter_config.interceptors."


def served(config: Mapping[str, str], *, is_whole: bool = False) -> dict[str, str]:
    """The settings of the server in a flattened config; `is_whole` for one that was not cut, as a file's is not."""
    found: dict[str, str] = {}
    for name, value in config.items():
        place = _SERVER.match(name)
        if place is None or value in _NULLS:
            continue
        given = {place[1]: plain_value(value)}
        if place[1] in _COMMANDS:
            given = {**options_in(value, is_whole=is_whole), **flags_in(value, is_whole=is_whole)}
        found |= {_called(option): given[option] for option in given if option in _EVERY}
    return found


def served_whole(config: Mapping[str, str], *, is_whole: bool = False) -> dict[str, str]:
    """The same with `not set` for each option that the server was started without; nothing where its start is not recorded, or not
    to its end."""
    if not is_started(config) or (is_cut(config) and not is_whole):
        return {}
    return {**{_called(option): NOT_SET for option in _EVERY}, **served(config, is_whole=is_whole)}


def prompts_unset(config: Mapping[str, str]) -> dict[str, str]:
    """`not set` for the adapter's settings of a system prompt, which a config that sets none leaves out; nothing where no config of an
    evaluation is recorded."""
    is_recorded = any(name.startswith(_EVALUATION) for name in config)
    if not is_recorded or any(_INTERCEPTORS in name for name in config):
        return {}
    return dict.fromkeys(_PROMPTS, NOT_SET)


def is_started(config: Mapping[str, str]) -> bool:
    """Whether the launcher started the server itself, by this config."""
    return config.get(_TYPE, "none").lower() not in ("none", "null", "")


def is_elsewhere(config: Mapping[str, str]) -> bool:
    """Whether the launcher used a server that something else had started."""
    return _TYPE in config and not is_started(config)


def is_cut(config: Mapping[str, str]) -> bool:
    """Whether a command in it lacks its end."""
    return any(len(config.get(f"config.deployment.{name}", "")) >= CUT_AT for name in _COMMANDS)


def is_command(name: str) -> bool:
    """Whether a param of this name holds the command that started the server, or options of it."""
    return any(name.endswith(f"config.deployment.{command}") for command in _COMMANDS)


def _called(option: str) -> str:
    return f"server.{option}" if option in _ALSO_OF_HARNESSES else option
