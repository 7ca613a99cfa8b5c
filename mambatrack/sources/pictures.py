"""Folders of pictures: which files are pictures, in what order, and which frame each of them is."""

import re
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.errors import MambatrackError, counted
from mambatrack.sources.file_types import IMAGE_TYPES
from mambatrack.sources.opencv import quiet
from mambatrack.sources.sound import Sound

Image = NDArray[Any]
DARK = 64  # the brightest value of a picture of 14 bits in 16, of which the upper 8 are read
MOST_MISSING = 100  # frames without a picture for each one that has one
NUMBERED = re.compile(r"(.*?)(\d+)", re.DOTALL)


def checked_picture(image: Any) -> Image:
    """The same image, if it is [H, W, 3] uint8 as every part of mambatrack takes it; raises
    MambatrackError with what it is and how it becomes one."""
    if image is None:
        found = "None (cv2.imread gives that for a file that it cannot read)"
    elif not isinstance(image, np.ndarray):
        found = f"a {type(image).__name__}"
    elif image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        found = f"an array of {image.dtype} of shape {image.shape}"
    else:
        return image
    raise MambatrackError(
        f"the picture is {found}; expected a numpy array [height, width, 3] of uint8, BGR, as "
        f"cv2.imread gives it{_made_of(image)}"
    )


def _made_of(image: Any) -> str:
    """How it becomes a picture, "" where nothing is known."""
    if not isinstance(image, np.ndarray):
        if hasattr(image, "convert"):  # of PIL
            return ', or numpy.array(picture.convert("RGB"))[:, :, ::-1]'
        return ", or picture.cpu().numpy()" if hasattr(image, "cpu") else ""
    if image.ndim == 2 or image.shape[2:] == (1,):
        return ", or cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)"
    if image.ndim != 3 or not image.size:
        return "; a batch is given picture by picture" if image.ndim == 4 else ""
    if image.shape[2] == 4:
        return ", or cv2.cvtColor(picture, cv2.COLOR_BGRA2BGR)"
    if image.shape[0] == 3 and image.shape[2] != 3:
        return ", or picture.transpose(1, 2, 0)"
    if image.dtype.kind == "f":
        return ", or (picture * 255).astype(numpy.uint8) of one from 0 to 1"
    return ", or (picture // 256).astype(numpy.uint8)" if image.dtype == np.uint16 else ""


def list_pictures(folder: Path, ending: str = "") -> list[Path]:
    """The pictures in a folder, in natural order; hidden files, such as the ._NAME that a Mac
    leaves beside each NAME, are none. ending: of those that count, where there are any, such as
    .jpg, jpg, *.jpg or "JPG\""""
    found = only_pictures(folder.iterdir()) if folder.is_dir() else []
    wanted = "." + ending.strip(" \t\"'*.").lower()
    return [path for path in found if path.suffix.lower() == wanted] or found


def only_pictures(paths: Iterable[Path]) -> list[Path]:
    """Those of the paths that are pictures, in natural order: shot2 before shot10."""
    found = [
        path for path in paths
        if path.suffix.lower() in IMAGE_TYPES and path.name[0] != "." and path.is_file()
    ]  # fmt: skip
    return sorted(found, key=_natural)


def frames_by_name(pictures: Sequence[Path], stated: int, place: str) -> list[Path | None]:
    """The picture of each frame of a MOT sequence, None where a number is left out.

    A picture is the frame that its number says, counted from 1, or from 0 where there is a 0; where
    names are no numbers, its place in the order says it. stated: the sequence's seqLength, 0 where
    there is none. Raises MambatrackError where numbers stand twice, are missing or contradict
    ``stated``.
    """
    numbers = _numbers(pictures, place)
    if not numbers and stated not in (0, len(pictures)):
        _warn(f"{place}: seqLength is {stated}, but it has {counted(len(pictures), 'picture')}, "
              "which are counted by their place, as their names are no numbers")  # fmt: skip
    if not numbers:
        return list(pictures)
    first = 0 if 0 in numbers else 1
    if not first:
        _warn(f"{place}: its pictures count from 0, so {pictures[0].name} is frame 1")
    count = max(numbers) - first + 1
    if count == len(numbers):
        if stated not in (0, count):
            _warn(f"{place}: seqLength is {stated}, but it has {counted(count, 'picture')}")
        return [numbers[number] for number in sorted(numbers)]
    found = counted(len(numbers), "picture")
    ends = f"it has {found}, from {pictures[0].name} to {pictures[-1].name}"
    if 0 < stated < count:
        raise MambatrackError(
            f"{place}: {ends}, but seqLength is {stated}; expected seqLength = {count}, or "
            f"pictures numbered from 1 to {stated}"
        )
    if count > MOST_MISSING * len(numbers):
        raise MambatrackError(
            f"{place}: {ends}, so that nearly all numbers are left out; expected numbers of frames"
        )
    _warn(f"{place}: no picture for {count - len(numbers)} of {counted(count, 'frame')}: {ends}")
    return [numbers.get(first + index) for index in range(count)]


def frames_by_place(pictures: Sequence[Path], place: str) -> list[Path]:
    """The pictures as the frames of a folder that is no sequence; warns where their names say
    something else."""
    for before, after in zip(pictures, pictures[1:], strict=False):
        one, two = _number(before), _number(after)
        if one is None or two is None or one[0].casefold() != two[0].casefold():
            continue
        if one[1] == two[1]:
            reason = f"{before.name} and {after.name} have the same number"
        elif two[1] > one[1] + 1:
            reason = f"{before.name} is followed by {after.name}"
        else:
            continue
        _warn(f"{place}: frames are counted by the place of their pictures; {reason}")
        break
    return list(pictures)


def warn_of_more(path: Path) -> None:
    """Says so where a file holds several pictures, as TIFF, WebP and PNG may, of which one is
    read."""
    import cv2

    if not str(path).isprintable():  # OpenCV dies of names that are no text
        return
    with quiet():
        count = cv2.imcount(str(path))
    if count > 1:
        _warn(f"{path} holds {counted(count, 'picture')}, of which only the first is read; "
              "save them as a video or as a folder of pictures")  # fmt: skip


def load_picture(path: Path) -> Image | None:
    """[H, W, 3] BGR, turned as its EXIF data say; None where it cannot be read."""
    import cv2

    try:
        content = np.frombuffer(path.read_bytes(), np.uint8)
        with quiet():
            image = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    except (OSError, cv2.error):
        return None
    return image if image is not None and image.size else None


class PictureReader:
    """See readers.Reader; paths: of each frame, None for one that has no picture."""

    live = False
    sound: Sound | None = None

    def __init__(self, paths: Sequence[Path | None], fps: float, place: str):
        self.paths, self._at = list(paths), -1
        self.fps = fps
        self.length: int | None = len(paths)
        self.time_s = 0.0
        found = [path for path in paths if path is not None]
        first = next((image for image in map(load_picture, found) if image is not None), None)
        if first is None:
            raise MambatrackError(f"{place}: none of {counted(len(found), 'image')} can be read")
        self.size = (first.shape[1], first.shape[0])
        if int(first.max()) < DARK:
            _warn_of_dark(found, place)

    def advance(self) -> bool:
        self._at += 1
        self.time_s = self._at / self.fps
        return self._at < len(self.paths)

    def image(self) -> Image | None:
        path = self.paths[self._at]
        return None if path is None else load_picture(path)

    def problem(self, frames: int) -> str | None:
        return None

    def close(self) -> None:
        self.paths = []


def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=3)


def _warn_of_dark(pictures: Sequence[Path], place: str) -> None:
    """Says so where pictures of 16 bits, as of thermal cameras, use a small part of them."""
    import cv2

    for path in pictures:
        try:
            content = np.frombuffer(path.read_bytes(), np.uint8)
            with quiet():
                image = cv2.imdecode(content, cv2.IMREAD_UNCHANGED) if content.size else None
        except (OSError, cv2.error):
            continue
        if image is None or not image.size:
            continue
        if image.dtype == np.uint16:
            _warn(f"{place}: the values of {path.name} are at most {image.max()} of 65535, and "
                  "the upper 8 of 16 bits are read, so that it is dark; save the pictures with 8 "
                  "bits, their values stretched to 0 to 255")  # fmt: skip
        return


def _natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    parts = re.split(r"(\d+)", str(path).casefold())
    key = [(int(part), "") if part.isdecimal() else (0, part) for part in parts]
    return key, str(path)


def _number(path: Path) -> tuple[str, int] | None:
    """(what stands in front, the number) of a name that ends in a number."""
    match = NUMBERED.fullmatch(path.stem)
    return None if match is None else (match[1], int(match[2]))


def _numbers(pictures: Sequence[Path], place: str) -> dict[int, Path]:
    """The pictures by their numbers; nothing where a name has none or begins otherwise."""
    found: dict[int, Path] = {}
    fronts = set()
    if not any(map(_number, pictures)):
        return {}
    for path in pictures:
        number = _number(path)
        if number is None:
            raise MambatrackError(
                f"{place}: {path.name} has no number at its end, as other pictures have; move it "
                "away, or number it too"
            )
        fronts.add(number[0].casefold())
        if len(fronts) > 1:
            return {}
        if number[1] in found:
            raise MambatrackError(
                f"{place}: {found[number[1]].name} and {path.name} are both picture {number[1]}; "
                "move one of them away"
            )
        found[number[1]] = path
    return found
