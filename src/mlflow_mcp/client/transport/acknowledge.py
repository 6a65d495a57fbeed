"""HTTP connections that acknowledge at once what arrives.

`mlflow server` sends the head and the body of an answer one after the other, and its system may hold the body back until the
head is acknowledged (Nagle's algorithm). Linux acknowledges late, to save packets: each answer came 40 ms later than it could.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

_AT_ONCE: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux has it; others acknowledge small answers sooner


def acknowledge_at_once(adapter: BaseAdapter) -> None:
    """Have the connections that this adapter opens from now on acknowledge at once. Proxies are left as they are."""
    manager = getattr(adapter, "poolmanager", None)
    if _AT_ONCE is None or manager is None:
        return
    manager.pool_classes_by_scheme = {
        scheme: _with_quick_connections(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
    }


def _with_quick_connections(pool: Any) -> Any:
    class Connection(pool.ConnectionCls):  # type: ignore[misc]  # the class depends on the scheme and on urllib3's version
        def getresponse(self, *args: Any, **options: Any) -> Any:
            # For each answer anew: Linux falls back when a request is sent.
            with suppress(OSError, AttributeError):
                self.sock.setsockopt(socket.IPPROTO_TCP, _AT_ONCE, 1)
            return super().getresponse(*args, **options)

    return type(pool.__name__, (pool,), {"ConnectionCls": Connection})
