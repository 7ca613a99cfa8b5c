"""Where people were, and for how long: a heat map of their feet, as a picture or an array."""

import io
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.errors import MambatrackError
from mambatrack.files import write_bytes
from mambatrack.tracks import Tracks

SPREAD = 0.02  # of a foot, as a share of the picture's shorter side
BRIGHT = 99.5  # percentile of what is not empty that has the brightest colour
LONGEST_S = 1.0  # between two frames that counts for where somebody was


def check_heat_map(path: str | Path) -> Path:
    """The path, if its ending is that of an array or of a picture that OpenCV writes, or it has
    none; else MambatrackError."""
    kind = Path(path).suffix.lower()
    if kind not in ("", ".npy") and not _written(kind, np.zeros((64, 64, 3), np.uint8)):
        raise MambatrackError(
            f"{path}: no picture of the kind {kind} is written; name it .png, .jpg or another kind "
            "of picture, or .npy for the array"
        )
    return Path(path)


def _written(kind: str, picture: NDArray[np.uint8]) -> bytes:
    """The picture as a file of this kind, empty where there is none such."""
    try:
        done, content = cv2.imencode(kind, picture)
    except cv2.error:
        return b""
    return content.tobytes() if done else b""


class HeatMap:
    """Adds up seconds of presence in each pixel; frames without times count as 1 each.

    path: ends in .npy for the array [H, W] float32, seconds a pixel; else a picture is written
    size: (width, height) in pixels, None where resize() tells it;  anchor: foot or centre
    """

    def __init__(self, path: str | Path, size: tuple[int, int] | None = None, anchor: str = "foot"):
        self._path, self._anchor = check_heat_map(path), anchor
        width, height = size or (0, 0)
        self.seconds = np.zeros((height, width), np.float32)
        self._last_s: float | None = None

    def resize(self, size: tuple[int, int]) -> None:
        """The picture is of this (width, height) from now on; what was is kept where it fits."""
        seconds = np.zeros(size[::-1], np.float32)
        height, width = np.minimum(seconds.shape, self.seconds.shape)
        seconds[:height, :width] = self.seconds[:height, :width]
        self.seconds = seconds

    def add(self, tracks: Tracks) -> None:
        """Takes the tracks that are seen in a frame."""
        spent = 1.0
        if tracks.time_s is not None:
            spent = 0.0 if self._last_s is None else tracks.time_s - self._last_s
            self._last_s = tracks.time_s
        boxes = tracks.boxes[tracks.observed]
        lower = boxes[:, 3] if self._anchor == "foot" else (boxes[:, 1] + boxes[:, 3]) / 2
        x = np.floor((boxes[:, 0] + boxes[:, 2]) / 2).astype(np.int64)
        y = np.floor(lower).astype(np.int64)
        height, width = self.seconds.shape
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        np.add.at(self.seconds, (y[inside], x[inside]), min(max(spent, 0.0), LONGEST_S))

    def save(self) -> None:
        """Writes the file in one step; nothing where there was no picture."""
        if not self.seconds.size:
            return
        if self._path.suffix.lower() == ".npy":
            content = io.BytesIO()
            np.save(content, self.seconds)
            write_bytes(self._path, content.getvalue())
        else:
            write_bytes(self._path, _written(self._path.suffix or ".png", self.picture()))

    def picture(self) -> NDArray[np.uint8]:
        """[H, W, 3] BGR, from black where nobody was to white."""
        spread = max(SPREAD * min(self.seconds.shape), 0.5)
        smooth = cv2.GaussianBlur(self.seconds, (0, 0), spread)
        present = smooth[smooth > smooth.max() / 1000]
        top = float(np.percentile(present, BRIGHT)) if len(present) else 1.0
        shades = np.round(np.clip(smooth / top, 0, 1) * 255).astype(np.uint8)
        return cv2.applyColorMap(shades, cv2.COLORMAP_INFERNO).astype(np.uint8)
