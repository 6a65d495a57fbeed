"""The store as a file that says nothing of the machine that it was recorded on."""

from __future__ import annotations

import gzip
import io
import json
import socket
import sqlite3
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Neutral:
    """What is replaced in every text, and what must not be left anywhere after that."""

    replacements: tuple[tuple[str, str], ...]
    forbidden: tuple[str, ...]

    @classmethod
    def of(cls, work: Path, server: str) -> Neutral:
        host = socket.gethostname()
        return cls(
            replacements=(
                (f"{work}/data", "/data"),
                (f"{work}/envs", "/opt/envs"),
                (f"{work}/home", "/home/jdoe"),
                (server, "https://mlflow.example.com"),
            ),
            forbidden=(
                str(work),
                f"{Path.home()}/",
                "127.0.0.1:" + server.rsplit(":", 1)[1],
                *([host] if len(host) > 4 else []),  # a shorter name is found in any file
            ),
        )

    def text(self, text: str) -> str:
        for old, new in self.replacements:
            text = text.replace(old, new)
        return text

    def data(self, data: bytes) -> bytes:
        for old, new in self.replacements:
            data = data.replace(old.encode(), new.encode())
        return data

    def check(self, name: str, data: bytes) -> None:
        for word in self.forbidden:
            if word.encode() in data:
                raise RuntimeError(f"{name} still names {word!r}, which is of this machine.")


def pack(store: Path, archive: Path, neutral: Neutral) -> None:
    """The database and the artifacts, with fixed times and owners, so that only their content makes a difference."""
    clean_database(store / "mlflow.db", neutral)
    archive.parent.mkdir(parents=True, exist_ok=True)
    with (
        archive.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=9, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in (store / "mlflow.db", *sorted((store / "artifacts").rglob("*"))):
            if path.is_file():
                add(tar, str(path.relative_to(store)), path.read_bytes(), neutral)


def add(tar: tarfile.TarFile, name: str, data: bytes, neutral: Neutral) -> None:
    data = data if name.endswith(".db") else neutral.data(data)
    neutral.check(name, data)
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))


def clean_database(database: Path, neutral: Neutral) -> None:
    """Every text column of every table. The write-ahead log is taken in, freed pages are dropped."""
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode=DELETE")
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        for _, column, kind, *_ in connection.execute(f'PRAGMA table_info("{table}")').fetchall():
            if "CHAR" in kind.upper() or "TEXT" in kind.upper() or "JSON" in kind.upper():
                for old, new in neutral.replacements:
                    connection.execute(
                        f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?) WHERE instr("{column}", ?)',
                        (old, new, old),
                    )
    connection.commit()
    connection.execute("VACUUM")
    connection.close()


def write_json(path: Path, contents: dict[str, Any], neutral: Neutral) -> None:
    text = neutral.text(json.dumps(contents, indent=1, ensure_ascii=False)) + "\n"
    neutral.check(path.name, text.encode())
    path.write_text(text)
