"""The settings of serving over HTTP; `settings.py` reads them with all others."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

# Hosts that only this machine reaches.
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class HttpSettings(BaseModel):
    """Who may connect over HTTP, and within which bounds. They have no effect over stdio."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="forbid")

    transport: Annotated[
        Literal["stdio", "http"],
        Field(alias="MLFLOW_MCP_TRANSPORT", description="`http` serves a team; the rest of this table is for it."),
    ] = "stdio"
    host: Annotated[
        str,
        Field(
            alias="MLFLOW_MCP_HOST",
            min_length=1,
            description="The address to listen at. Others than this machine's own need `MLFLOW_MCP_AUTH`.",
        ),
    ] = "127.0.0.1"
    port: Annotated[
        int, Field(alias="MLFLOW_MCP_PORT", ge=0, le=65_535, description="The port to listen at. 0: any that is free.")
    ] = 8_000
    tls_cert: Annotated[
        str | None,
        Field(alias="MLFLOW_MCP_TLS_CERT", description="A certificate (PEM file, with its chain): serves https."),
    ] = None
    tls_key: Annotated[
        str | None, Field(alias="MLFLOW_MCP_TLS_KEY", description="The key of the certificate (PEM file).")
    ] = None
    public_url: Annotated[
        str | None,
        Field(
            alias="MLFLOW_MCP_PUBLIC_URL",
            pattern=r"^https?://[^/?#@\s]+(/[^?#\s]*)?$",
            description="What clients connect to, e.g. `https://mcp.example.com/mcp`: its host is accepted, and JWTs must be issued for it.",
        ),
    ] = None
    allowed_hosts: Annotated[
        tuple[str, ...],
        Field(
            alias="MLFLOW_MCP_ALLOWED_HOSTS",
            description="Further values of the Host header, separated by commas: `mcp.example.com`, `mcp:8000`, `10.0.0.7:*`.",
        ),
    ] = ()
    allowed_origins: Annotated[
        tuple[str, ...],
        Field(
            alias="MLFLOW_MCP_ALLOWED_ORIGINS",
            description="Further values of the Origin header, which browsers send: `https://chat.example.com`.",
        ),
    ] = ()
    auth: Annotated[
        Literal["none", "shared", "passthrough"],
        Field(
            alias="MLFLOW_MCP_AUTH",
            description="`shared`: callers show a token or a JWT, MLflow is asked with this server's credentials. "
            "`passthrough`: each caller's Authorization header goes to MLflow, which decides.",
        ),
    ] = "none"
    allow_anyone: Annotated[
        bool,
        Field(
            alias="MLFLOW_MCP_ALLOW_ANYONE",
            description="Listen at other addresses than this machine's own without `MLFLOW_MCP_AUTH`.",
        ),
    ] = False
    tokens: Annotated[
        SecretStr | None,
        Field(
            alias="MLFLOW_MCP_TOKENS",
            description="For `shared`: tokens of callers, `name=token`, separated by commas; 16 characters or more each.",
        ),
    ] = None
    tokens_file: Annotated[
        str | None,
        Field(
            alias="MLFLOW_MCP_TOKENS_FILE", description="The same in a file, a line each; read again when it changes."
        ),
    ] = None
    jwt_issuer: Annotated[
        str | None,
        Field(alias="MLFLOW_MCP_JWT_ISSUER", description="For `shared`: who issues JWTs, as they name it (`iss`)."),
    ] = None
    jwt_audience: Annotated[
        str | None,
        Field(
            alias="MLFLOW_MCP_JWT_AUDIENCE",
            description="Whom JWTs must be issued for (`aud`). Unset: `MLFLOW_MCP_PUBLIC_URL`.",
        ),
    ] = None
    jwt_keys_url: Annotated[
        str | None,
        Field(
            alias="MLFLOW_MCP_JWT_KEYS_URL",
            description="The issuer's keys (JWKS). Unset: where its `/.well-known/openid-configuration` says.",
        ),
    ] = None
    state_key: Annotated[
        SecretStr | None,
        Field(
            alias="MLFLOW_MCP_STATE_KEY",
            min_length=32,
            description="A secret of 32 characters or more, the same for all instances: a confirmation asked by one is accepted by another.",
        ),
    ] = None
    sessions: Annotated[
        int,
        Field(
            alias="MLFLOW_MCP_SESSIONS",
            ge=0,
            le=100_000,
            description="Sessions that may be open at a time with hosts that speak MCP of 2025: they let such hosts ask their user, and belong to one instance. 0: none.",
        ),
    ] = 0
    sessions_each: Annotated[
        int | None,
        Field(
            alias="MLFLOW_MCP_SESSIONS_EACH",
            ge=1,
            le=100_000,
            description="How many of these one caller may have. Unset: a quarter. Callers without a name are told apart by their address.",
        ),
    ] = None
    calls_at_once: Annotated[
        int,
        Field(
            alias="MLFLOW_MCP_CALLS_AT_ONCE",
            ge=1,
            le=100,
            description="Calls of one caller that run at the same time; more wait.",
        ),
    ] = 8
    calls_per_minute: Annotated[
        int,
        Field(
            alias="MLFLOW_MCP_CALLS_PER_MINUTE",
            ge=0,
            le=1_000_000,
            description="Requests of one caller in a minute. 0: any number.",
        ),
    ] = 600
    shutdown_seconds: Annotated[
        float,
        Field(
            alias="MLFLOW_MCP_SHUTDOWN_SECONDS",
            ge=0,
            le=3_600,
            description="Seconds that running calls have to finish after SIGTERM.",
        ),
    ] = 20.0

    traces_exporter: Annotated[
        Literal["none", "otlp", "console"],
        Field(
            alias="OTEL_TRACES_EXPORTER",
            description="`otlp` sends OpenTelemetry traces of calls and of their requests to MLflow; `OTEL_EXPORTER_OTLP_ENDPOINT` and the "
            "other variables of OpenTelemetry say where. `console`: to stderr.",
        ),
    ] = "none"

    @property
    def over_http(self) -> bool:
        return self.transport == "http"

    @field_validator("allowed_hosts", "allowed_origins", mode="before")
    @classmethod
    def _split_list(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
