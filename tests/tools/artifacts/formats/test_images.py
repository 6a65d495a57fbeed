"""get_artifact_content of images: shown, scaled down, or refused."""

from __future__ import annotations

import io
import struct

import pytest

from tests.support.asking import problem_of
from tests.support.pictures import image


def block_of(answer):
    assert not answer.is_error, answer.text
    blocks = [block for block in answer.result.content if block.type == "image"]
    assert len(blocks) == 1
    return blocks[0]


def size_of(block) -> tuple[int, int]:
    import base64

    from PIL import Image

    return Image.open(io.BytesIO(base64.b64decode(block.data))).size


def test_a_small_image_is_shown_as_it_is(read):
    import base64

    raw = image(300, 200)
    answer = read("scores.png", raw)

    assert base64.b64decode(block_of(answer).data) == raw
    assert block_of(answer).mime_type == "image/png"
    assert answer.text == f"scores.png, {len(raw) / 1000:.3g} kB, 300 x 200 pixels."
    assert answer.data is None


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "mode"), [("PNG", "RGB"), ("PNG", "P"), ("PNG", "LA"), ("JPEG", "L"), ("JPEG", "CMYK"), ("BMP", "RGB"), ("GIF", "P"), ("WEBP", "RGBA"), ("PNG", "I;16")])  # fmt: skip
def test_a_large_image_is_scaled_down(kind, mode, read):
    answer = read(f"plot.{kind.lower()}", image(3_000, 1_500, kind, mode))

    assert size_of(block_of(answer)) == (1_000, 500)
    assert block_of(answer).mime_type == "image/png"
    assert answer.text.endswith(", 3000 x 1500 pixels, scaled down to fit 1000.")


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("cut.png", image(300, 200)[:-50]),
        ("noise.png", b"\x89PNG\r\n\x1a\n" + b"\0noise" * 50),
        ("spoilt.png", image(300, 200)[:400] + b"\xff" * 50 + image(300, 200)[450:]),
        ("cut.jpg", image(300, 200, "JPEG")[:500]),
        ("bomb.png", None),
    ],
)
def test_a_damaged_image_is_reported_and_not_sent(name, raw, read):
    if raw is None:  # says that it has a billion pixels
        raw = bytearray(image(30, 20))
        raw[16:24] = struct.pack(">II", 40_000, 40_000)

    told = problem_of(read(name, bytes(raw)))

    assert told.startswith(f"'{name}' is a {'JPEG' if name.endswith('jpg') else 'PNG'} image of ")
    assert ", damaged or too large to open. download_artifacts fetches it as it is;" in told
