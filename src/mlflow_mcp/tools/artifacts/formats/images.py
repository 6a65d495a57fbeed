"""Images, as an image block."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

from mlflow_mcp.answers.base import ImageAnswer
from mlflow_mcp.text import size
from mlflow_mcp.tools.artifacts.formats.content import ContentRequest, OpenedFile

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

_MOST_READ = 25_000_000
_MOST_PIXELS = 50_000_000
# Kinds that hosts show, and how a whole image of a kind ends, where that is always the same.
_SHOWN = ("png", "jpeg", "gif", "webp")
_ENDS = {"png": b"IEND\xaeB`\x82", "jpeg": b"\xff\xd9", "gif": b";"}
# An image in this size costs an agent about a thousand tokens.
_SIDE = 1_000
_LONGEST_SIDE = _SIDE * 1.6
_MOST_UNCHANGED = 400_000


def read(file: OpenedFile, _: ContentRequest) -> ImageAnswer:
    """The image as a block: unchanged when it is small and sound, else scaled down (which needs the extra `images`)."""
    data = file.whole(_MOST_READ, "too large to show")
    try:
        from PIL import Image
    except ModuleNotFoundError:
        if _looks_small_and_sound(data, file.kind.name):
            return _unchanged(file, data, f"{_name(file)}.")
        raise
    try:
        with Image.open(io.BytesIO(data)) as image:
            _decode(image)  # hosts end a conversation over a damaged image
            if _may_stay(data, file.kind.name) and max(image.size) <= _LONGEST_SIDE:
                return _unchanged(file, data, f"{_name(file)}, {image.width} x {image.height} pixels.")
            return _scaled_down(file, image)
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise file.refused("damaged or too large to open") from error


def _name(file: OpenedFile) -> str:
    return f"{file.path}, {size(file.total)}"


def _unchanged(file: OpenedFile, data: bytes, text: str) -> ImageAnswer:
    return ImageAnswer(text=text, data=data, mime_type=f"image/{file.kind.name}")


def _scaled_down(file: OpenedFile, image: PillowImage) -> ImageAnswer:
    width, height = image.size
    scaled = image if image.mode in ("RGB", "RGBA", "L") else image.convert("RGBA")
    scaled.thumbnail((_SIDE, _SIDE))
    png = io.BytesIO()
    scaled.save(png, "PNG", optimize=True)
    remark = "" if max(width, height) <= _SIDE else f", scaled down to fit {_SIDE}"
    return ImageAnswer(text=f"{_name(file)}, {width} x {height} pixels{remark}.", data=png.getvalue())


def _decode(image: PillowImage) -> None:
    if image.width * image.height > _MOST_PIXELS:
        raise ValueError("too many pixels to decode")
    image.load()


def _may_stay(data: bytes, kind: str) -> bool:
    return len(data) <= _MOST_UNCHANGED and kind in _SHOWN


def _looks_small_and_sound(data: bytes, kind: str) -> bool:
    """What can be seen without a library: a whole file, and no PNG that says that it has too many pixels."""
    if not _may_stay(data, kind) or not data.rstrip(b"\0").endswith(_ENDS.get(kind, b"")):
        return False
    if kind != "png" or len(data) < 24:
        return True
    return bool(max(struct.unpack(">II", data[16:24])) <= _LONGEST_SIDE)
