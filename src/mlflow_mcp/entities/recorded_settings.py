"""With what a task was evaluated, as far as its files and params record it: prompt, judge, sampling, versions. Pure.

A setting is called as below `config.params`, without the part `extra`: `temperature`, `judge.model_id`. Those of the endpoint's
adapter stay below `adapter_config`. Nulls are left out: an export leaves them out or writes them as it likes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from mlflow_mcp.entities.command_options import OPTION, options_in, plain_value
from mlflow_mcp.entities.samples import leaves_of
from mlflow_mcp.entities.served import served
from mlflow_mcp.text import as_number

Kind = Literal["model", "questions", "judge", "prompt", "sampling", "precision", "harness", "task"]

_PARAMS = re.compile(r"(?:^|\.)config\.params\.(.+)")
_ADAPTER = re.compile(r"(?:^|\.)(adapter_config\..+)")
_VERSION = re.compile(r"(?:^|\.)metadata\.versioning\.(.+)")
_OWN_TASK = ".tasks.<n>."
_INDEX = re.compile(r"\.\d+$")
_NULLS = ("", "None", "null")

_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("judge", re.compile(r"(^|\.)judge(\.(?!(api_key|url|parallelism|max_concurrent\w*|max_retries|request_timeout)$)|_|$)")),
    ("prompt", re.compile(r"(^|[._])(\w*prompt\w*|system_message|\w*few_?shots?|n_?shots?|num_shots|chat_template|custom_config)$")),
    ("questions", re.compile(r"(^|\.)(dataset|dataset_name|dataset_path|dataset_split|split|subset|downsampling_ratio)$")),
    (
        "sampling",
        re.compile(
            r"(^|\.)(temperature|top_p|top_k|min_p|max_new_tokens|max_tokens|max_completion_tokens|\w+_penalty|stop|"
            r"\w*reasoning\w*|\w*thinking\w*|\w*chat_template_kwargs|tool_call_parser|enable_auto_tool_choice|params_to_add|params_to_remove|args|max_model_len|max_seq_len|context_length|"
            r"rope_\w+|hf_overrides|(override_)?generation_config)(\.|$)"
        ),
    ),
    ("model", re.compile(r"^server\.revision$")),
    ("precision", re.compile(r"(^|\.)(dtype|quantization|precision|kv_cache_dtype)$")),
    ("harness", re.compile(r"^(nemo_evaluator\w*|harness|sdk_version)$")),
)  # fmt: skip
_JUDGE_MODEL = re.compile(r"(^|\.)judge\w*(\.|_)(model|model_id|deployment)$")
_ALIKE = 1e-6
# Settings of no kind that say how requests are sent, where things are and what is kept, or that the samples tell.
_NOT_OF_TASK = re.compile(
    r"^(adapter_config|args|server)\.|(^|[._])judge|(^|\.)(limit_samples|n_samples|num_samples|num_repeats|task|type|stream)$|"
    r"(^|[._])(parallelism|concurren\w*|workers?|threads?|batch_size|timeouts?|retry|retries|rate_limit|urls?|api|keys?|tokens?|"
    r"path|paths|dirs?|cache|caching|log|logs|logging|verbose|debug|port|host|device|seed)(_|\.|$)"
)


def kind_of(setting: str) -> Kind | None:
    """Of which kind a setting is that makes evaluations unlike; None for one that does not, such as a time-out."""
    return next((kind for kind, named in _KINDS if named.search(setting)), None)


def kind_or_task(setting: str) -> Kind | None:
    """The same, and `task` for what a harness calls its own: whether background is given, the language, the model that plays
    a user."""
    return kind_of(setting) or (None if _NOT_OF_TASK.search(setting) else "task")


def settings_of_file(content: Any) -> dict[str, str]:
    """Of a parsed results.yml or run_config.yml."""
    found: dict[str, list[str]] = {}
    for path, value in leaves_of(content):
        name = setting_name(".".join(path[1:]))
        if name and value is not None:
            found.setdefault(name, []).append(plain_value(value))
    return _with_options({name: ", ".join(values) for name, values in found.items() if values != [""]})


def settings_of_params(config: Mapping[str, str], harness: str | None = None) -> dict[str, str]:
    """Of the flattened config that concerns one task, as `LauncherRun.own_config`: what is set for the task before what is set
    for all; and how the model was served, where the command says it."""
    own_last = sorted(config.items(), key=lambda item: _OWN_TASK in item[0])
    found: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    for name, value in own_last:
        setting = setting_name(name)
        if setting is None or value in _NULLS:
            continue
        if _INDEX.search(setting):
            lists.setdefault(_INDEX.sub("", setting), []).append(value)
        else:
            found[setting] = plain_value(value)
    found |= {name: ", ".join(values) for name, values in lists.items()}
    found = {**_with_options(found), **served(config)}
    return {**found, "harness": harness} if harness else found


def setting_name(path: str) -> str | None:
    """What a setting is called that stands at this path of a file or has this param's name; None for what is none."""
    named = _PARAMS.search(path) or _ADAPTER.search(path) or _VERSION.search(path)
    if named is None or path.startswith("config.export."):
        return None
    return named[1].removeprefix("extra.").replace(".extra.", ".")


def _with_options(settings: Mapping[str, str]) -> dict[str, str]:
    """The settings, with the options that a harness' `args` pass on as settings of their own: under its own name what
    nothing else sets."""
    args = settings.get("args", "")
    options = options_in(args)
    if not options:
        return dict(settings)
    named = {name if kind_of(name) and name not in settings else f"args.{name}": options[name] for name in options}
    others = {name: value for name, value in settings.items() if name != "args"}
    rest = " ".join(OPTION.sub("", args).split())
    return {**others, **({"args": rest} if rest else {}), **named}


def same_setting(one: str, other: str) -> bool:
    """Whether two values are one setting, however they are written: harnesses write 0.9999999 for a `top_p` of 1."""
    one, other = plain_value(one), plain_value(other)
    a, b = as_number(one), as_number(other)
    if one == other or a is None or b is None or (a.is_integer() and b.is_integer()):
        return one == other
    return math.isclose(a, b, rel_tol=_ALIKE)


def unlike_names(settings: Iterable[Mapping[str, str]]) -> list[str]:
    """The names of the settings that can make evaluations unlike, in the order of their kinds. What is set of a judge counts
    only where one is named: harnesses list defaults for judges that they do not ask."""
    of_all = [name for each in settings for name in each]
    has_judge = any(_JUDGE_MODEL.search(name) for name in of_all)
    order: list[Kind] = [*(kind for kind, _ in _KINDS), "task"]
    kinds = {name: kind for name in of_all if (kind := kind_or_task(name)) and (kind != "judge" or has_judge)}
    return sorted(kinds, key=lambda name: (order.index(kinds[name]), name))
