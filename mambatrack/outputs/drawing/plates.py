"""Text on small plates, made once and kept."""

from functools import lru_cache

import cv2
import numpy as np

from mambatrack.outputs.drawing.canvas import Image, Shares, blit
from mambatrack.outputs.drawing.colours import DARK, WHITE, Colour, is_bright
from mambatrack.outputs.drawing.scale import plate_of

FONT = cv2.FONT_HERSHEY_SIMPLEX
FINER = 4  # text is made so many times larger, and then reduced
LETTERS, WEIGHT, PAD, ROUND = 0.58, 0.1, 0.3, 0.2  # of a plate's height


@lru_cache(maxsize=2048)
def letters(text: str, height: int) -> Image:
    """[height, w] uint8: how much ink is in each pixel of the plate for this text."""
    tall, thick = FINER * height, max(1, round(FINER * WEIGHT * height))
    scale = cv2.getFontScaleFromHeight(FONT, round(LETTERS * tall), thick)
    (width, capital), _ = cv2.getTextSize(text, FONT, scale, thick)
    pad = round(PAD * tall)
    large = np.zeros((tall, width + 2 * pad), np.uint8)
    cv2.putText(large, text, (pad, (tall + capital) // 2), FONT, scale, 255, thick, cv2.LINE_AA)
    size = max(1, round(large.shape[1] / FINER)), height
    return np.asarray(cv2.resize(large, size, interpolation=cv2.INTER_AREA), np.uint8)


@lru_cache(maxsize=1024)
def stamp(text: str, height: int, plate: Colour, ink: Colour) -> tuple[Image, Shares, Shares]:
    """The plate with its text [height, w, 3], its opacity [height, w], 0 to 1 and round at the
    corners, and the rest to 1."""
    mask = letters(text, height)
    share = mask[..., None].astype(np.float32) / 255
    picture = np.rint(plate + share * (np.array(ink, np.float32) - plate)).astype(np.uint8)
    opacity = _rounded(height, mask.shape[1])
    return picture, opacity, 1 - opacity


@lru_cache(maxsize=256)
def _rounded(height: int, width: int) -> Shares:
    """[height, width] opacity of a plate: 1, less at its corners."""
    radius = ROUND * height
    y, x = np.mgrid[:height, :width] + 0.5
    inner = np.array([width, height])[:, None, None] / 2 - radius
    off = np.maximum(np.abs(np.stack([x - width / 2, y - height / 2])) - inner, 0)
    return np.clip(radius - np.hypot(*off) + 0.5, 0, 1).astype(np.float32)


def width_of_plate(text: str, height: int) -> int:
    """Pixels."""
    return letters(text, height).shape[1]


def put_plate(
    canvas: Image, corner: tuple[int, int], text: str, height: int, plate: Colour,
    ink: Colour | None = None, opacity: float = 1.0,
) -> None:  # fmt: skip
    """Text on a plate whose upper left corner is there. ink: by default what can be read on it."""
    picture, share, rest = stamp(text, height, plate, ink or ink_on(plate))
    if opacity < 1:
        share = share * np.float32(opacity)
        rest = 1 - share
    blit(canvas, *corner, picture, share, rest)


def draw_plate(
    canvas: Image, x: int, y: int, text: str, plate: Colour, ink: Colour | None = None,
    above: bool = True, left: bool = False,
) -> None:  # fmt: skip
    """Text on a plate, above or below a point and to its right or left, pushed inside the image."""
    height = plate_of(canvas.shape[1::-1])
    width = width_of_plate(text, height)
    x = max(0, min(x - width if left else x, canvas.shape[1] - width))
    y = max(0, min(y - height if above else y, canvas.shape[0] - height))
    put_plate(canvas, (x, y), text, height, plate, ink)


def ink_on(plate: Colour) -> Colour:
    return DARK if is_bright(plate) else WHITE
