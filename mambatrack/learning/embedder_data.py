"""Crops of people to learn from."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.errors import MambatrackError
from mambatrack.files import read_arrays

Rows = NDArray[np.int64]
Pictures = NDArray[np.uint8]
HELD_OUT = 10  # every so many tracks one is kept for validation
COLUMNS = "pictures [N, H, W, 3] uint8, track [N], moment [N], scene [N]"


class Crops(NamedTuple):
    """pictures [N, H, W, 3] uint8, BGR, a box with an eighth of its size around it on every side;
    track [N], of the person, -1 for one who was painted over; moment [N], the same for what is seen
    at once; scene [N]."""

    pictures: Pictures
    track: Rows
    moment: Rows
    scene: Rows

    def select(self, rows: NDArray) -> "Crops":
        """Some of them."""
        return Crops(*(each[rows] for each in self))


def read_crops(paths: Sequence[str | Path]) -> Crops:
    """All crops of .npz files. Raises MambatrackError for one that holds no such arrays, or other
    sizes than the first; a scene, track or moment of one file is none of another."""
    parts: list[Crops] = []
    for path in map(Path, paths):
        part = _read(path)
        if parts and part.pictures.shape[1:] != parts[0].pictures.shape[1:]:
            raise MambatrackError(
                f"{path}: crops of {parts[0].pictures.shape[1:]} expected as in {paths[0]}, got "
                f"{part.pictures.shape[1:]}; make all files with the same size"
            )
        parts.append(_apart(part, parts[-1]) if parts else part)
    return Crops(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def halves(crops: Crops) -> tuple[Crops, Crops]:
    """Those to learn from, and those of every tenth track, none of them painted over."""
    held = (crops.track >= 0) & (crops.track % HELD_OUT == 0)
    return crops.select(~held), crops.select(held)


def _read(path: Path) -> Crops:
    try:
        stored = read_arrays(path)
        found = {name: stored[name] for name in Crops._fields}
    except (OSError, MambatrackError, LookupError) as error:
        raise MambatrackError(f"{path}: a .npz file with {COLUMNS} expected ({error})") from None
    pictures = found["pictures"]
    count = len(pictures) if pictures.ndim == 4 else 0
    if (
        count < 1 or pictures.dtype != np.uint8 or pictures.shape[3] != 3
        or any(found[name].shape != (count,) for name in ("track", "moment", "scene"))
    ):  # fmt: skip
        shapes = ", ".join(f"{name} {list(each.shape)}" for name, each in found.items())
        raise MambatrackError(f"{path}: {COLUMNS} expected, not empty, got {shapes}")
    track, moment, scene = (found[name].astype(np.int64) for name in ("track", "moment", "scene"))
    return Crops(pictures, track, moment, scene)


def _apart(part: Crops, before: Crops) -> Crops:
    """With numbers above those of ``before``."""
    track, moment, scene = (
        np.where(own >= 0, own + first.max(initial=-1) + 1, own)
        for own, first in zip(part[1:], before[1:], strict=True)
    )
    return part._replace(track=track, moment=moment, scene=scene)
