"""The settings of the server: one frozen object, one field per environment variable, read once at start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Annotated, Any, Literal, get_args

from pydantic import ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator

from mlflow_mcp.address import cleaned
from mlflow_mcp.http_settings import HttpSettings
from mlflow_mcp.servers import (
    OF_ONE,
    VARIABLE,
    NamedServer,
    default_first,
    parsed_servers,
    unknown_credentials,
    with_credentials,
)
from mlflow_mcp.text import nearest

OURS = "MLFLOW_MCP_"
Toolset = Literal["tracking", "artifacts", "live", "models", "traces", "genai", "plots"]
# What may be changed in MLflow; each is offered only where the operator names it.
WriteToolset = Literal["annotate", "log", "registry", "delete"]
DEFAULT_TOOLSETS: tuple[Toolset, ...] = ("tracking", "artifacts", "live", "models", "traces")
LEAN_TOOLSETS: tuple[Toolset, ...] = ("tracking", "artifacts")


def default_toolsets() -> tuple[Toolset, ...]:
    """Pictures only where they can be drawn: their tool's definition is paid for in every session."""
    return (*DEFAULT_TOOLSETS, "plots") if find_spec("matplotlib") else DEFAULT_TOOLSETS


class SettingsError(Exception):
    """A variable has a value that cannot be used. The message names it and says what may stand there."""


class Settings(HttpSettings):
    """What the operator decided, read once at the start.

    Every field's ``alias`` is its environment variable and its ``description`` the line that the README shows.
    MLflow's own variables for credentials and TLS are not here: MLflow's client reads them itself.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="forbid")

    tracking_uri: Annotated[
        str | None,
        Field(
            alias="MLFLOW_TRACKING_URI",
            description="Where MLflow is: `https://…`, `sqlite:///…`, a folder, or `databricks`. "
            "Unset: `mlflow.db` or `mlruns` in the folder the server starts in.",
        ),
    ] = None
    servers: Annotated[
        tuple[NamedServer, ...],
        Field(
            alias=VARIABLE,
            description="Several MLflow servers by name: `prod=https://…,dev=sqlite:///…`. The first is the default one, unless `MLFLOW_TRACKING_URI` names another. "
            "Credentials of one: `MLFLOW_MCP_SERVER_DEV_TOKEN`, or `…_USERNAME` and `…_PASSWORD`; MLflow's own variables are the default server's alone.",
        ),
    ] = ()
    max_tokens: Annotated[
        int,
        Field(
            alias="MLFLOW_MCP_MAX_TOKENS",
            ge=500,
            le=25_000,
            description="The largest answer, in tokens (characters / 4). A picture counts apart: 2 MB at most.",
        ),
    ] = 8_000
    timeout: Annotated[
        float,
        Field(
            alias="MLFLOW_MCP_TIMEOUT",
            gt=0,
            le=3_600,
            description="Seconds a call may take. Many hosts give up after 60.",
        ),
    ] = 50.0
    probe_timeout: Annotated[
        float,
        Field(
            alias="MLFLOW_MCP_PROBE_TIMEOUT",
            gt=0,
            le=60,
            description="Seconds after which a silent server is asked for a sign of life, and seconds it has to give one.",
        ),
    ] = 4.0
    toolsets: Annotated[
        tuple[Toolset, ...],
        Field(
            alias="MLFLOW_MCP_TOOLSETS",
            description="Which groups of tools to offer, separated by commas; also `default`, `lean` (tracking and artifacts), `all`. `plots` is one of the default where its extra is installed; "
            "`genai` (prompts, evaluation datasets, scorers) is not.",
        ),
    ] = Field(default_factory=default_toolsets)
    tools: Annotated[
        tuple[str, ...],
        Field(
            alias="MLFLOW_MCP_TOOLS",
            description="Single tools to offer, separated by commas: beside those of `MLFLOW_MCP_TOOLSETS` where that is set, else alone.",
        ),
    ] = ()
    read_only: Annotated[
        bool,
        Field(
            alias="MLFLOW_MCP_READ_ONLY",
            description="Offer only tools that change nothing: neither MLflow nor files on this machine. Wins over all others.",
        ),
    ] = False
    allow_write: Annotated[
        tuple[WriteToolset, ...],
        Field(
            alias="MLFLOW_MCP_ALLOW_WRITE",
            description="What agents may change in MLflow, separated by commas: `annotate` (notes, tags, assessments), `log` (new runs), `registry` (versions, aliases), `delete` (and restore). Unset: nothing.",
        ),
    ] = ()
    write_without_asking: Annotated[
        bool,
        Field(
            alias="MLFLOW_MCP_WRITE_WITHOUT_ASKING",
            description="Let hosts that cannot ask the user change the registry, and delete, all the same. Those that can still ask.",
        ),
    ] = False
    audit_file: Annotated[
        str | None,
        Field(
            alias="MLFLOW_MCP_AUDIT_FILE",
            description="A file to which a line is appended for every change in MLflow, besides stderr.",
        ),
    ] = None
    download_dir: Annotated[
        str,
        Field(
            alias="MLFLOW_MCP_DOWNLOAD_DIR",
            min_length=1,
            description="The only folder that files are written into (exports, downloads), and that `log_run` takes files from; made when first needed.",
        ),
    ] = "mlflow-mcp-files"
    artifact_roots: Annotated[
        tuple[str, ...],
        Field(
            alias="MLFLOW_MCP_ARTIFACT_ROOTS",
            description="Buckets and folders that artifacts are read from besides the store's own, separated by commas: "
            "`s3://bucket/team,/shared/runs`. Runs that name another place are refused.",
        ),
    ] = ()
    mask_secrets: Annotated[
        bool,
        Field(
            alias="MLFLOW_MCP_MASK_SECRETS",
            description="Hide values that look like tokens, keys and passwords.",
        ),
    ] = True
    telemetry: Annotated[
        bool,
        Field(
            alias="MLFLOW_MCP_TELEMETRY",
            description="Let MLflow's client report its usage to its makers.",
        ),
    ] = False
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"],
        Field(alias="MLFLOW_MCP_LOG_LEVEL", description="What the server writes to stderr."),
    ] = "WARNING"

    @model_validator(mode="before")
    @classmethod
    def _named_tools_alone(cls, data: Any) -> Any:
        """Who names single tools and no toolset wants these alone."""
        if not isinstance(data, dict) or not {"tools", "MLFLOW_MCP_TOOLS"} & data.keys():
            return data
        return data if {"toolsets", "MLFLOW_MCP_TOOLSETS"} & data.keys() else {**data, "toolsets": ()}

    @field_validator("toolsets", mode="before")
    @classmethod
    def _expand(cls, value: Any) -> Any:
        """The toolsets that `default`, `lean` and `all` stand for, each once."""
        # Called after `_split`: of such validators the last one is the first.
        if not isinstance(value, tuple):
            return value
        groups = {"default": default_toolsets(), "lean": LEAN_TOOLSETS, "all": get_args(Toolset)}
        if writing := [part for part in value if part in get_args(WriteToolset)]:
            raise ValueError(f"{writing[0]!r} changes MLflow; name it in MLFLOW_MCP_ALLOW_WRITE instead")
        if unknown := [part for part in value if part not in groups and part not in groups["all"]]:
            raise ValueError(f"{unknown[0]!r} is no toolset; there are {', '.join([*groups['all'], *groups])}")
        return tuple(dict.fromkeys(name for part in value for name in groups.get(part, (part,))))

    @field_validator("toolsets", "tools", "allow_write", "artifact_roots", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("servers", mode="before")
    @classmethod
    def _parse_servers(cls, value: Any) -> Any:
        return parsed_servers(value) if isinstance(value, str) else value

    @field_validator("servers")
    @classmethod
    def _has_one_default(cls, value: tuple[NamedServer, ...], info: ValidationInfo) -> tuple[NamedServer, ...]:
        return default_first(value, info.data.get("tracking_uri"))

    @field_validator("tracking_uri", mode="before")
    @classmethod
    def _blank_is_unset(cls, value: Any) -> Any:
        # Hosts write "" for a variable that the user left out of the form.
        return cleaned(value) or None if isinstance(value, str) else value

    @property
    def default_uri(self) -> str | None:
        """Where the default server is, as it was set."""
        return self.tracking_uri or (self.servers[0].uri if self.servers else None)

    @property
    def max_chars(self) -> int:
        """The budget of one answer in characters: four to a token."""
        return self.max_tokens * 4

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Raises SettingsError, in one sentence, for the first variable that cannot be used."""
        known = {field.alias for field in cls.model_fields.values()}
        given = {name: value for name, value in environ.items() if name in known and value.strip()}
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            is_secret = any(
                field.alias == name and SecretStr in get_args(field.annotation) for field in cls.model_fields.values()
            )
            # addresses of servers may hold passwords
            shown = name if is_secret or name == VARIABLE else f"{name}={given[name]!r}"
            raise SettingsError(
                f"{shown} cannot be used: {first['msg'].removeprefix('Value error, ')}. Correct it or leave {name} out."
            ) from None
        try:
            return settings.model_copy(update={"servers": with_credentials(settings.servers, environ)})
        except ValueError as error:
            raise SettingsError(f"{error}.") from None


def unknown_variables(environ: Mapping[str, str], servers: Sequence[NamedServer] = ()) -> list[str]:
    """A sentence for each variable that looks like a setting of this server and is none: it would be ignored in silence."""
    known = {str(field.alias).removeprefix(OURS): str(field.alias) for field in Settings.model_fields.values()}
    sentences = unknown_credentials(servers, environ)
    for name in sorted(environ):
        if name.startswith(OURS) and not name.startswith(OF_ONE) and name not in known.values():
            # Without the beginning that all have, which makes all of them alike.
            close = nearest(name.removeprefix(OURS), known, 1)
            advice = f" Nearest: {known[close[0]]}." if close else ""
            sentences.append(f"{name} is not a setting of mlflow-mcp and is ignored.{advice}")
    return sentences
