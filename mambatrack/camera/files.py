"""Transforms in a file: a line for each frame, which maps points of the frame before to it.

    12 1.000188 -0.000055 -0.015808 0.000055 1.000188 -0.414001
    13 1.000188 -0.000055 -0.015808 0.000055 1.000188 -0.414001 0.93
    14 cut

The number of the frame, from 0; the two rows of an affine transform, or the three of a homography;
and, if it is there, how certain it is. White space or commas separate them; # begins a comment.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import Boxes
from mambatrack.camera.transforms import CUT, IDENTITY, UNKNOWN, CameraMotion, checked_transform
from mambatrack.errors import MambatrackError, counted, reason_of, shown
from mambatrack.files import regular

LAYOUTS = {7: 6, 8: 6, 10: 9, 11: 9}  # columns of a line: numbers of the transform
LARGEST_FRAME = 2**31


class FileCamera:
    """The transforms of a file, as a CameraSource. Of frames that were passed over since the one
    before, the transforms are applied one after the other.

    motions: by frame
    """

    def __init__(self, motions: Mapping[int, CameraMotion]):
        self._motions = motions
        self._last: int | None = None

    def __call__(self, image: NDArray[np.uint8], index: int, boxes: Boxes) -> CameraMotion:
        first = index if self._last is None else self._last + 1
        self._last = index
        return combined([self._motions.get(each, UNKNOWN) for each in range(first, index + 1)])


def combined(motions: list[CameraMotion]) -> CameraMotion:
    """One after the other; as certain as the least certain of them."""
    if len(motions) == 1:
        return motions[0]
    if any(each.cut for each in motions):
        return CUT
    whole = IDENTITY
    for each in motions:
        whole = each.transform @ whole
    certainty = min((each.certainty for each in motions), default=0.0)
    return CameraMotion(whole / whole[2, 2], certainty)


def read_transforms(path: str | Path) -> dict[int, CameraMotion]:
    """The motions of a file, by frame. Raises MambatrackError, with the line, for what is none."""
    path, found = Path(path), dict[int, CameraMotion]()
    try:
        lines = regular(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise MambatrackError(f"cannot read the transforms in {path}: {reason_of(error)}") from None
    for number, line in enumerate(lines, start=1):
        words = line.partition("#")[0].replace(",", " ").split()
        if not words:
            continue
        try:
            frame, motion = _frame(words[0]), _motion(words[1:])
            if frame in found:
                raise MambatrackError(f"frame {frame} has a second line")
        except (MambatrackError, ValueError) as error:
            raise MambatrackError(f"{path}, line {number}: {error}") from None
        found[frame] = motion
    if not found:
        raise MambatrackError(f"{path} holds no transform; expected lines of a frame and 6 numbers")
    return found


def _frame(word: str) -> int:
    frame = float(word)
    if not (0 <= frame < LARGEST_FRAME and frame == math.floor(frame)):
        raise MambatrackError(f"frame {shown(word)}; expected a whole number from 0")
    return int(frame)


def _motion(words: list[str]) -> CameraMotion:
    if words == ["cut"]:
        return CUT
    count = LAYOUTS.get(len(words) + 1)
    if count is None:
        raise MambatrackError(
            f"{counted(len(words) + 1, 'column')}; expected the frame, 6 or 9 numbers of a "
            "transform and perhaps its certainty, or the frame and the word cut"
        )
    numbers = [float(word) for word in words]
    certainty = numbers[count] if len(numbers) > count else 1.0
    if not 0 <= certainty <= 1:
        raise MambatrackError(f"the certainty {certainty:g} is not between 0 and 1")
    return CameraMotion(checked_transform(np.reshape(numbers[:count], (-1, 3))), certainty)


def line_of(frame: int, motion: CameraMotion) -> str:
    """The line of a frame, as read_transforms() takes it."""
    if motion.cut:
        return f"{frame} cut\n"
    affine = (motion.transform[2] == IDENTITY[2]).all()
    numbers = motion.transform[: 2 if affine else 3].ravel().tolist()
    return f"{frame} {' '.join(f'{each:.9g}' for each in numbers)} {motion.certainty:.3f}\n"
