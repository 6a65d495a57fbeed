"""Mode `shared`, tokens: a list of names and tokens that the operator made, from a variable or a file."""

from __future__ import annotations

import hashlib
import hmac
import logging
from pathlib import Path

from mlflow_mcp.server.auth.callers import Caller
from mlflow_mcp.settings import Settings, SettingsError
from mlflow_mcp.text import plural

logger = logging.getLogger(__name__)

SHORTEST = 16


class Tokens:
    """The callers by their tokens, of which only digests are kept."""

    def __init__(self, settings: Settings) -> None:
        self._given = _parsed(
            (settings.tokens.get_secret_value() if settings.tokens else "").split(","), "MLFLOW_MCP_TOKENS"
        )
        self._file = Path(settings.tokens_file).expanduser() if settings.tokens_file else None
        self._stamp = (0, 0)
        self._of_file: dict[bytes, str] = {}
        self._reread()

    def __bool__(self) -> bool:
        return bool(self._given or self._file)

    def caller(self, token: str) -> Caller | None:
        """Whose token this is. It takes as long for a wrong one."""
        try:
            self._reread()
        except SettingsError as error:  # nobody of this file is let in before it is whole again
            logger.warning("%s", error)
            self._of_file, self._stamp = {}, (0, 0)
        digest, found = hashlib.sha256(token.encode()).digest(), None
        for known, name in {**self._given, **self._of_file}.items():
            if hmac.compare_digest(known, digest):
                found = name
        return None if found is None else Caller(f"token {found}", found)

    def _reread(self) -> None:
        """Read the file where it has changed. Raises SettingsError when it cannot be used."""
        if self._file is None:
            return
        try:
            about = self._file.stat()
            stamp = (about.st_mtime_ns, about.st_size)
            if stamp != self._stamp:
                self._of_file = _parsed(self._file.read_text("utf-8").splitlines(), "MLFLOW_MCP_TOKENS_FILE")
                self._stamp = stamp
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"MLFLOW_MCP_TOKENS_FILE={self._file} cannot be read ({getattr(error, 'strerror', None) or 'no UTF-8'})."
            ) from None


def _parsed(entries: list[str], setting: str) -> dict[bytes, str]:
    """Names by the digests of their tokens. Raises SettingsError, which shows no token."""
    found: dict[bytes, str] = {}
    for number, entry in enumerate((each.strip() for each in entries), 1):
        if not entry or entry.startswith("#"):
            continue
        name, equals, token = (part.strip() for part in entry.partition("="))
        if not equals or not name:
            raise SettingsError(f"{setting}: entry {number} is not name=token.")
        if len(token) < SHORTEST:
            raise SettingsError(
                f"{setting}: the token of '{name}' has {plural(len(token), 'character')}; {SHORTEST} or more are needed."
            )
        found[hashlib.sha256(token.encode()).digest()] = name
    return found
