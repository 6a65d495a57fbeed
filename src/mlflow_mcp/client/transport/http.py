"""Requests to an http(s) tracking server for which MLflow's client has no method, or a slow one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlflow_mcp.client.transport.codes import not_mlflow, of_status
from mlflow_mcp.client.transport.guard import part_ends
from mlflow_mcp.errors import TimedOut
from mlflow_mcp.text import safe_uri

if TYPE_CHECKING:
    from requests import Response

    from mlflow_mcp.client import Client

Params = Mapping[str, Any] | Sequence[tuple[str, Any]]


class Http:
    """`client.http`. Requests carry the credentials, TLS settings and headers that MLflow's own would."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def get(
        self,
        path: str,
        params: Params | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
        timeout: float | None = None,
    ) -> Response:
        """Any answer, whatever its status. `timeout` is in seconds and goes without retries; the default is what is left of
        the call. Raises Unreachable when there is no answer."""
        return self._send("GET", path, timeout, params=params, extra_headers=dict(headers or {}), stream=stream)

    def _send(self, method: str, path: str, timeout: float | None = None, **options: Any) -> Response:
        return self._client.ask(lambda: self.send(method, path, timeout, **options))

    def send(self, method: str, path: str, timeout: float | None = None, **options: Any) -> Response:
        """Any answer to a request that is asked already: a write, which `client.writing` sends."""
        connection, call = self._client.connection, self._client.call
        _ = connection.mlflow  # its settings must be in place before the first request
        from mlflow.utils.rest_utils import http_request

        response: Response = http_request(  # type: ignore[no-untyped-call]  # MLflow has no types there
            connection.host_credentials(),
            path,
            method,
            timeout=timeout or call.remaining,
            max_retries=0 if timeout or part_ends.get() else None,
            raise_on_status=False,
            **options,
        )
        return response

    def get_json(self, path: str, params: Params | None = None) -> Any:
        """The JSON of a GET. Raises Problem for any other status than 200 and for an answer that is not JSON."""
        return self.json_of(self.get(path, params))

    def post_json(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON that a POST answers, for one that only reads, such as a search. Raises Problem as `get_json` does."""
        return self.json_of(self._send("POST", path, json=dict(body)))

    def asked_json(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON object that a POST answers which MLflow's client has a slow method for. Within `client.ask`: raises what that
        method raises."""
        from mlflow.utils.rest_utils import verify_rest_response

        response = self.send("POST", path, json=dict(body))
        if response.status_code != 200:
            verify_rest_response(response, path)
        answer = json.loads(response.content)
        if not isinstance(answer, dict):
            raise not_mlflow(safe_uri(self._client.uri), 200)
        return answer

    def json_of(self, response: Response) -> Any:
        """The JSON of an answer. Raises Problem for any other status than 200 and for other content."""
        if response.status_code != 200:
            raise of_status(response.status_code, safe_uri(self._client.uri), response.text)
        try:
            return response.json()
        except (ValueError, RecursionError):
            raise not_mlflow(safe_uri(self._client.uri), 200) from None

    def server_version(self) -> str | None:
        """The server's own version; None for a server too old or too guarded to tell."""
        response = self.get("/version")
        text = response.text.strip()
        return text if response.status_code == 200 and len(text) < 40 and text[:1].isdigit() else None

    def is_older_than(self, major: int, minor: int) -> bool | None:
        """Whether the server's version comes before this one; None for a server that does not tell its own."""
        numbers = (self.server_version() or "").split(".")
        if len(numbers) < 2 or not numbers[0].isdigit() or not numbers[1].isdigit():
            return None
        return (int(numbers[0]), int(numbers[1])) < (major, minor)

    def is_alive(self, within: float) -> bool:
        """Whether anything comes back from MLflow's API within so many seconds: an answer, a refusal, a failed TLS handshake.

        Only silence is no sign of life. The request that waits beside this one reports whatever else is wrong. `/health`
        says nothing here: it is answered without the database that the API waits for.
        """
        try:
            self.get("/api/2.0/mlflow/experiments/search", {"max_results": 1}, timeout=within)
        except TimedOut:
            return False
        except Exception:
            return True
        return True
