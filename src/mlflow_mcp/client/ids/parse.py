"""What an id says by itself, before anything is asked of the server. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

from mlflow_mcp.entities.model import MODEL_ID
from mlflow_mcp.errors import NotFound

SHORTEST_PREFIX = 6
_RUN_ID = re.compile(r"[0-9a-f]{32}")
_INVOCATION_ID_DIGITS = 16
_HEX = re.compile(r"[0-9a-f]+")
_JOB_ID = re.compile(r"([0-9a-f]{6,16})\.(\d+)")
_URL_RUN = re.compile(r"/runs/([^/?#&]+)|run_id=([^&#]+)")
_URL_EXPERIMENT = re.compile(r"/experiments/([^/?#&]+)")
_URL_MODEL = re.compile(r"/models/([^/?#&]+)(?:/versions/(\d+))?")
_MODEL_PREFIX = re.compile(r"m-[0-9a-f]{6,31}")
# The name of a server before a model: a call over several servers has it there.
_SERVER_OF_MODEL = re.compile(r"^[A-Za-z][\w-]+:(?=models:/|m-[0-9a-f]{32}$)")
_STAGES = ("production", "staging", "archived", "none")


class JobId(NamedTuple):
    """`<invocation_id>.<number>`; the invocation id may be a prefix of one."""

    invocation_id: str
    number: str


class ModelRef(NamedTuple):
    """What a text says of a model: a logged model's id, or a registered name with a version (`3`, `@alias`, `latest`)."""

    model_id: str | None = None
    name: str | None = None
    version: str | None = None

    def __str__(self) -> str:
        if self.model_id or not self.version:
            return self.model_id or str(self.name)
        return f"models:/{self.name}{'' if self.version.startswith('@') else '/'}{self.version}"


def model_ref(text: str) -> ModelRef:
    """What a text that is meant as a model names: `m-…`, `name`, `name/3`, `name@alias`, each with or without `models:/`,
    or the URL of a model in MLflow's UI."""
    plain = text.strip()
    if "://" in plain and (found := _URL_MODEL.search(plain)):
        plain = unquote(found[1]) + (f"/{found[2]}" if found[2] else "")
    plain = plain.removeprefix("models:").strip("/")
    if MODEL_ID.fullmatch(plain):
        return ModelRef(model_id=plain)
    if "@" in plain:
        name, _, alias = plain.rpartition("@")
        return ModelRef(name=name, version=f"@{alias}")
    name, _, version = plain.rpartition("/")
    if name and (version.isdigit() or version.lower() in ("latest", *_STAGES)):
        return ModelRef(name=name, version=version.lower())
    return ModelRef(name=plain)


def is_model(text: str) -> bool:
    """Whether a text names a logged model or a model version by itself, rather than a run."""
    plain = _SERVER_OF_MODEL.sub("", text.strip())
    return plain.startswith("models:/") or bool(MODEL_ID.fullmatch(plain)) or model_in_url(plain) is not None


def model_in_url(text: str) -> ModelRef | None:
    """The model of a URL copied from MLflow's UI."""
    is_models = (
        "://" in text and not text.startswith("runs:/") and _URL_MODEL.search(text) and not _URL_RUN.search(text)
    )
    return model_ref(text) if is_models else None


def is_model_prefix(text: str) -> bool:
    """Whether the text may begin a logged model's id, `m-` and 6 digits or more."""
    return bool(_MODEL_PREFIX.fullmatch(text))


def plain_id(text: str) -> str:
    """The id as MLflow has it: hexadecimal ones in small letters, whatever they were copied from."""
    text = text.strip()
    return text.lower() if re.fullmatch(r"[0-9A-Fa-f]{6,32}(\.\d+)?", text) else text


def run_id_or_name(text: str) -> str:
    """The run id in a URL; else the text as a plain id or name."""
    return run_in_url(text.strip()) or plain_id(text)


def is_run_id(text: str) -> bool:
    return bool(_RUN_ID.fullmatch(text))


def is_id_prefix(text: str) -> bool:
    """Whether the text may begin a run id or an invocation id."""
    return len(text) >= SHORTEST_PREFIX and bool(_HEX.fullmatch(text))


def is_whole_invocation_id(text: str) -> bool:
    """Whether the text cannot be just the beginning of an invocation id. Old ids of 8 digits can."""
    return len(text) == _INVOCATION_ID_DIGITS or not is_id_prefix(text)


def job_id(text: str) -> JobId | None:
    found = _JOB_ID.fullmatch(text)
    return JobId(found[1], found[2]) if found else None


def run_in_url(text: str) -> str | None:
    """The run id in a URL copied from MLflow's UI, or in `runs:/<id>/…`."""
    if text.startswith("runs:/"):
        return text[6:].strip("/").partition("/")[0] or None
    found = _URL_RUN.search(text) if "://" in text or text.startswith("/") else None
    return unquote(found[1] or found[2]) if found else None


def experiment_in_url(text: str) -> str | None:
    found = _URL_EXPERIMENT.search(text) if "://" in text or text.startswith("/") else None
    return unquote(found[1]) if found else None


def refuse_too_short(text: str) -> None:
    """Raise NotFound for hexadecimal digits that are too few to be searched for."""
    if len(text) < SHORTEST_PREFIX and _HEX.fullmatch(text):
        raise NotFound(f"'{text}' is too short for an id.", f"Give at least {SHORTEST_PREFIX} characters.")
