"""Pictures to put into runs."""

from __future__ import annotations

import io


def image(width: int, height: int, kind: str = "PNG", mode: str = "RGB") -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.effect_mandelbrot((width, height), (-2, -1.5, 1, 1.5), 20).convert(mode).save(file, kind)
    return file.getvalue()
