"""A host's configuration file: read with its marks, replaced in one step, kept beside it before it is changed."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlflow_mcp.cli.setup.failure import SetupFailure

_BOM = b"\xef\xbb\xbf"
_LARGEST = 20_000_000
PATIENCE = 10.0


@dataclass(frozen=True)
class Document:
    """A file's text, and what of its bytes the text does not tell. `raw` is None where there is no file."""

    text: str
    raw: bytes | None
    has_mark: bool

    @property
    def newline(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"

    def encoded(self, text: str) -> bytes:
        try:
            return (_BOM if self.has_mark else b"") + text.encode()
        except UnicodeEncodeError as error:
            raise SetupFailure("The address, or a path in the command, is not written in UTF-8.") from error


def read(file: Path) -> Document:
    """Raises SetupFailure for what cannot be read; a file that is not there is an empty text."""
    try:
        if file.exists() and file.stat().st_size > _LARGEST:
            raise SetupFailure(f"{file} is larger than {_LARGEST // 1_000_000} MB. Nothing was changed.")
        raw = file.read_bytes() if file.exists() else None
    except OSError as error:
        raise SetupFailure(f"{file} cannot be read ({error.strerror}). Nothing was changed.") from error
    has_mark = bool(raw and raw.startswith(_BOM))
    try:
        text = (raw or b"").removeprefix(_BOM).decode()
    except UnicodeDecodeError as error:
        raise SetupFailure(f"{file} is not written in UTF-8. Nothing was changed.") from error
    return Document(text, raw, has_mark)


def write(file: Path, content: bytes, *, is_private: bool, instead_of: bytes | None) -> None:
    """Replace the file in one step. Its mode stays, and a symbolic link stays one: what it leads to is replaced.

    `instead_of` is what was read: if the file holds something else by now, somebody else has written it.
    """
    target = Path(os.path.realpath(file))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not os.access(target, os.W_OK):
            raise SetupFailure(f"{file} may not be written by this user. Nothing was changed.")
        draft = _draft(target, content, is_private=is_private)
        try:
            if (target.read_bytes() if target.exists() else None) != instead_of:
                raise SetupFailure(f"{file} was changed by another program meanwhile. Run the same command again.")
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise SetupFailure(f"{file} cannot be written ({error.strerror}). Nothing was changed.") from error


def _draft(target: Path, content: bytes, *, is_private: bool) -> Path:
    """The content in a file beside the target, on the disk and with the mode that the target has or should have."""
    number, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # for this user alone
    draft = Path(name)
    with os.fdopen(number, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    if target.exists():
        known = target.stat()
        if sys.platform != "win32" and known.st_uid != draft.stat().st_uid:  # sudo: it stays its owner's
            os.chown(draft, known.st_uid, known.st_gid)
        draft.chmod(stat.S_IMODE(known.st_mode))
    elif not is_private:
        umask = os.umask(0)
        os.umask(umask)
        draft.chmod(0o666 & ~umask)
    return draft


# -- the file as it was ------------------------------------------------------------------------------------------------


def keep(file: Path, name: str, document: Document) -> Path | None:
    """Keep what was there beside the file, with the file's mode; None where there was no file."""
    if document.raw is None:
        return None
    number = max(_kept(file, name), default=0) + 1
    backup = _backup(file, name, number)
    target = Path(os.path.realpath(file))
    try:
        draft = _draft(target, document.raw, is_private=True)
        draft.replace(backup)
    except OSError as error:
        raise SetupFailure(
            f"{file.parent} takes no copy of {file.name} ({error.strerror}). Nothing was changed."
        ) from error
    return backup


def newest_kept(file: Path, name: str) -> Path | None:
    numbers = _kept(file, name)
    return _backup(file, name, max(numbers)) if numbers else None


def _backup(file: Path, name: str, number: int) -> Path:
    return file.parent / f"{file.name}.before-{name}.{number}"


def _kept(file: Path, name: str) -> list[int]:
    pattern = re.compile(re.escape(f"{file.name}.before-{name}.") + r"(\d+)")
    names = [each.name for each in file.parent.iterdir()] if file.parent.is_dir() else []
    return [int(found[1]) for each in names if (found := pattern.fullmatch(each))]


# -- one at a time -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def alone(file: Path, patience: float = PATIENCE) -> Iterator[None]:
    """No other set-up changes this file meanwhile. The lock is the file's folder, so that nothing is left behind."""
    folder = Path(os.path.realpath(file)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        number = _opened(folder)
    except OSError as error:
        raise SetupFailure(f"{folder} cannot be used ({error.strerror}). Nothing was changed.") from error
    deadline = time.monotonic() + patience
    try:
        while not _locked(number):
            if time.monotonic() > deadline:
                raise SetupFailure(f"Another set-up is changing {file}. Nothing was changed; run the command again.")
            time.sleep(0.02)
        yield
    finally:
        os.close(number)


if sys.platform == "win32":
    import msvcrt

    def _opened(folder: Path) -> int:
        return os.open(folder / ".mlflow-mcp-setup.lock", os.O_RDWR | os.O_CREAT)

    def _locked(number: int) -> bool:
        try:
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _opened(folder: Path) -> int:
        return os.open(folder, os.O_RDONLY)

    def _locked(number: int) -> bool:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks: `write` still notices what another one wrote
            return True
        return True
