"""Sentences for a server that cannot be reached, or does not send a whole answer."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Sequence

from mlflow_mcp.errors import TimedOut, Unreachable


def unknown_host(_: BaseException, where: str) -> Unreachable:
    return unreachable(where, "its host name is unknown")


def nothing_answers(error: BaseException, where: str) -> Unreachable | None:
    # The reason comes later in the chain, and an unknown host name says more.
    if any(isinstance(link, socket.gaierror) for link in chain(error)):
        return unknown_host(error, where)
    return unreachable(where, "nothing answers there")


def unreachable(where: str, reason: str) -> Unreachable:
    return Unreachable(
        f"The MLflow server at {where} cannot be reached: {reason}.",
        "Check MLFLOW_TRACKING_URI in the host's env block, and that the server runs and this machine may reach it.",
    )


def broken_off(_: BaseException, where: str) -> Unreachable:
    return Unreachable(
        f"{where} broke off the connection before the answer was complete.",
        "Try once more; if it persists, check MLFLOW_TRACKING_URI (http or https, port, path) or ask the server's operator.",
    )


def not_unpacked(_: BaseException, where: str) -> Unreachable:
    return Unreachable(
        f"{where} sent an answer that cannot be unpacked: its bytes are not of the compression that it names.",
        "Try once more; if it persists, ask the operator of the server or of the proxy before it.",
    )


def redirects_in_circles(_: BaseException, where: str) -> Unreachable:
    return Unreachable(
        f"{where} redirects in circles.",
        "Check MLFLOW_TRACKING_URI (http or https, path prefix); a log-in page or a proxy in between redirects like this.",
    )


def stalled(where: str, seconds: float | None = None) -> TimedOut:
    waited = f" (nothing came within {seconds:g} s)" if seconds else ""
    return TimedOut(
        f"The MLflow server at {where} accepts connections but does not answer{waited}.",
        "It may be overloaded or stuck: try again in a minute, check MLFLOW_TRACKING_URI, or, where it is only slow, "
        "raise MLFLOW_MCP_PROBE_TIMEOUT.",
    )


def chain(error: BaseException) -> list[BaseException]:
    """The error, its causes and the errors that urllib3 and requests carry as arguments, outermost first."""
    found: list[BaseException] = []
    open_ends: list[object] = [error]
    while open_ends and len(found) < 20:
        link = open_ends.pop(0)
        # `reason` is an error in urllib3, and a text in the standard library.
        if not isinstance(link, BaseException) or any(link is seen for seen in found):
            continue
        found.append(link)
        open_ends += [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]
    return found


def has_no_answer(links: Sequence[BaseException]) -> bool:
    """Whether the connection ended before a line of HTTP came. A server that waits for TLS does so to a plain request: it
    hangs up, resets, or sends an alert of TLS."""
    begun = any(type(link).__name__ in ("ChunkedEncodingError", "IncompleteRead") for link in links)
    return not begun and any(isinstance(link, (ConnectionResetError, http.client.BadStatusLine)) for link in links)
