"""Which Host and Origin are answered: a page of another site must not reach this server through its reader's browser."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mlflow_mcp.http_settings import LOOPBACK, HttpSettings
from mlflow_mcp.server.transports.limits import refusal
from mlflow_mcp.settings import SettingsError
from mlflow_mcp.text import clipped

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{0,5}|\*))?")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
# A port that need not be written. A Host header has no scheme.
_USUAL = {"": {80, 443}, "http": {80}, "https": {443}}
# Addresses that stand for all of a machine's.
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  # not bound here
NO_PORT, ANY_PORT = 0, -1
_WRITTEN = {
    "MLFLOW_MCP_HOST": "an address or the name of a host",
    "MLFLOW_MCP_PUBLIC_URL": "https://mcp.example.com/mcp",
    "MLFLOW_MCP_ALLOWED_HOSTS": "mcp.example.com, mcp:8000 or 10.0.0.7:*",
    "MLFLOW_MCP_ALLOWED_ORIGINS": "https://chat.example.com",
}


@dataclass(frozen=True)
class Place:
    """A host as it is compared: its name in small letters without a dot at its end, an IPv6 address in its short form."""

    name: str
    port: int = NO_PORT
    scheme: str = ""

    def admits(self, asked: Place) -> bool:
        """Whether a request that says `asked` means this place."""
        if (asked.name, asked.scheme) != (self.name, self.scheme):
            return False
        usual = _USUAL.get(self.scheme, set())
        same = {self.port} if self.port not in usual else {NO_PORT, self.port}
        return self.port == ANY_PORT or asked.port in (same if self.port else {NO_PORT, *usual})

    def __str__(self) -> str:
        return self.name if self.port in (NO_PORT, ANY_PORT) else f"{self.name}:{self.port}"


def host_in(text: str, scheme: str = "") -> Place | None:
    """A host with a port, where it has one: `*` stands for all. None for what is no host."""
    found = _HOST.fullmatch(text)
    name = _name_in(found[1]) if found else None
    port = (found[2] or "") if found else ""
    if name is None or (port.isdecimal() and not 0 < int(port) <= 65_535):
        return None
    return Place(name, ANY_PORT if port == "*" else int(port or NO_PORT), scheme)


def origin_in(text: str) -> Place | None:
    """A scheme and a host. None for `null` and for what is no origin."""
    scheme, separator, host = text.partition("://")
    return host_in(host, scheme.lower()) if separator and _SCHEME.fullmatch(scheme.lower()) else None


def _name_in(text: str) -> str | None:
    if text.startswith("["):
        try:
            return f"[{ipaddress.IPv6Address(text[1:-1])}]"
        except ValueError:
            return None
    name = text.lower().removesuffix(".")
    return name if all(name.split(".")) else None


class KnownHosts:
    """The hosts and origins of one server. Raises SettingsError for a setting that names none."""

    def __init__(self, settings: HttpSettings) -> None:
        public = urlsplit((settings.public_url or "").lower())
        bound = [] if settings.host in EVERYWHERE else [settings.host.partition("%")[0]]
        own = [f"[{name}]:*" if ":" in name else f"{name}:*" for name in dict.fromkeys([*LOOPBACK, *bound])]
        local = _places(own, host_in, "MLFLOW_MCP_HOST")
        at_public = [public.netloc] if public.netloc else []
        # What the operator calls this server.
        self.named = _places(at_public, host_in, "MLFLOW_MCP_PUBLIC_URL")
        self.named += _places(settings.allowed_hosts, host_in, "MLFLOW_MCP_ALLOWED_HOSTS")
        self._hosts = [*local, *self.named]
        self._origins = [replace(each, scheme=scheme) for each in local for scheme in ("http", "https")]
        self._origins += [replace(each, scheme=public.scheme) for each in self.named[: len(at_public)]]
        given = [each.rstrip("/") for each in settings.allowed_origins]
        self._origins += _places(given, origin_in, "MLFLOW_MCP_ALLOWED_ORIGINS")

    def refusal_of(self, request: Request) -> Response | None:
        """The answer to a request that came under another name, or from a page of another site."""
        hosts, origins = request.headers.getlist("host"), request.headers.getlist("origin")
        host, origin = _only(hosts, host_in), _only(origins, origin_in)
        if host is None:
            return refusal(400, "A request needs one Host header: the name of a host, and a port where it has one.")
        if not any(known.admits(host) for known in self._hosts):
            return refusal(
                421,
                f"This server does not answer to the Host {clipped(str(host))}. "
                "Its operator names its hosts in MLFLOW_MCP_PUBLIC_URL and MLFLOW_MCP_ALLOWED_HOSTS.",
            )
        if not origins or (origin and any(known.admits(origin) for known in self._origins)):
            return None
        return refusal(
            403,
            "This server does not answer pages of this Origin. Its operator names others in MLFLOW_MCP_ALLOWED_ORIGINS.",
        )

    def before(self, app: ASGIApp) -> ASGIApp:
        """The app, for requests that are meant for this server."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            await (self.refusal_of(Request(scope)) or app)(scope, receive, send)

        return serve


def _only(values: list[str], read: Callable[[str], Place | None]) -> Place | None:
    """What the one header of a kind says."""
    found = read(values[0]) if len(values) == 1 else None
    return None if found is None or found.port == ANY_PORT else found


def _places(texts: Iterable[str], read: Callable[[str], Place | None], setting: str) -> list[Place]:
    return [_place(text, read, setting) for text in texts]


def _place(text: str, read: Callable[[str], Place | None], setting: str) -> Place:
    try:
        found = read(_ascii(text))
    except UnicodeError:
        found = None
    if found is None:
        raise SettingsError(f"{setting}: '{clipped(text)}' is not written as {_WRITTEN[setting]}.")
    return found


def _ascii(text: str) -> str:
    """A host's name as browsers send it: `bücher.example` as `xn--bcher-kva.example`."""
    scheme, separator, host = text.rpartition("://")
    return f"{scheme}{separator}{host.encode('idna').decode()}"
