"""Images, as an image block."""

from __future__ import annotations

import io
import struct
from typing import Any

from mlflow_mcp.answers.base import Picture
from mlflow_mcp.client.artifacts.source import ArtifactSource
from mlflow_mcp.text import size
from mlflow_mcp.tools.artifacts.formats.detect import refusal

# Images and documents are read whole up to this size.
_MOST_READ = 25_000_000


_MOST_PIXELS = 50_000_000


# How a whole image of a kind ends, where that is always the same.
_ENDS = {"png": b"IEND\xaeB`\x82", "jpeg": b"\xff\xd9", "gif": b";"}


# An image in this size costs an agent about a thousand tokens.
_SIDE = 1_000


_AS_IT_IS = 400_000


def image(source: ArtifactSource, path: str, kind: str, total: int | None) -> Picture:
    """The image as a block: as it is when it is small and sound, else scaled down (which needs the extra `images`)."""
    if total is None or total > _MOST_READ:
        raise refusal(path, f"a {kind} image", total, "too large to show")
    data = source.read(path, 0, total).data
    told = f"{path}, {size(total)}"
    may_stay = total <= _AS_IT_IS and kind in ("png", "jpeg", "gif", "webp")
    try:
        from PIL import Image
    except ModuleNotFoundError:
        if may_stay and not _is_large(data, kind) and data.rstrip(b"\0").endswith(_ENDS.get(kind, b"")):
            return Picture(text=f"{told}.", data=data, mime_type=f"image/{kind}")
        raise
    try:
        with Image.open(io.BytesIO(data)) as opened:
            width, height = opened.size
            _load(opened)  # hosts end a conversation over a damaged image
            if may_stay and max(width, height) <= _SIDE * 1.6:
                return Picture(text=f"{told}, {width} x {height} pixels.", data=data, mime_type=f"image/{kind}")
            shown = opened if opened.mode in ("RGB", "RGBA", "L") else opened.convert("RGBA")
            shown.thumbnail((_SIDE, _SIDE))
            file = io.BytesIO()
            shown.save(file, "PNG", optimize=True)
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise refusal(path, f"a {kind} image", total, "damaged or too large to open") from error
    scaled = "" if max(width, height) <= _SIDE else f", scaled down to fit {_SIDE}"
    return Picture(text=f"{told}, {width} x {height} pixels{scaled}.", data=file.getvalue())


def _load(image: Any) -> None:
    if image.width * image.height > _MOST_PIXELS:
        raise ValueError("too many pixels to decode")
    image.load()


def _is_large(data: bytes, kind: str) -> bool:
    """Whether a PNG says that it has too many pixels for an agent; other kinds are judged by their bytes."""
    if kind != "png" or len(data) < 24:
        return False
    width, height = struct.unpack(">II", data[16:24])
    return bool(max(width, height) > _SIDE * 1.6)
