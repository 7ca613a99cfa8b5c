"""What frames are read from: pictures, or a video, webcam or stream."""

import glob
import operator
import os
import warnings
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from mambatrack.errors import MambatrackError, counted
from mambatrack.sources.absent import absent, refuse_text
from mambatrack.sources.addresses import is_stream, looks_like_address, without_secrets
from mambatrack.sources.containers import look_into
from mambatrack.sources.file_types import IMAGE_TYPES
from mambatrack.sources.opencv_reader import OpenCvReader
from mambatrack.sources.pictures import (
    PictureReader,
    frames_by_name,
    frames_by_place,
    list_pictures,
    only_pictures,
    warn_of_more,
)
from mambatrack.sources.pyav_reader import PyAvReader, has_pyav
from mambatrack.sources.seqinfo import images_folder, number, read_seqinfo
from mambatrack.sources.sound import Sound
from mambatrack.sources.timing import DEFAULT_FPS
from mambatrack.sources.video_folders import find_videos, video_of_sequence
from mambatrack.sources.web_streams import open_web_stream

Image = NDArray[Any]

CAMERAS = "/dev/video", "/dev/v4l/"
LOOKED_AT = 10_000  # entries below a folder without pictures
STREAM_TIMEOUT_S = 10.0  # to open a stream, and for each of its frames


class Reader(Protocol):
    """Steps through a source; a frame that is passed over is never converted.

    fps, live; size: (width, height) of the first frame; length: frames in all, None where the
    source does not state it; time_s: of the frame that advance() went to; sound: of a file
    """

    fps: float
    live: bool
    size: tuple[int, int]
    length: int | None
    time_s: float
    sound: Sound | None

    def advance(self) -> bool: ...
    def image(self) -> Image | None: ...
    def problem(self, frames: int) -> str | None: ...
    def close(self) -> None: ...


def open_reader(source: str | int | Path, timeout_s: float = STREAM_TIMEOUT_S) -> Reader:
    """The reader for what ``source`` names; see ``open_frames``. timeout_s: after which a stream
    that says nothing counts as ended."""
    text = _name_of(source)
    if not text:
        raise MambatrackError("the source is an empty name; the current folder is .")
    if is_stream(text):
        return _open_stream(text, timeout_s)
    path = Path(text)
    if path.is_dir():
        return _open_folder(path)
    if path.suffix.lower() in IMAGE_TYPES and path.is_file():
        warn_of_more(path)
        return PictureReader([path], DEFAULT_FPS, text)
    if is_camera(text):
        number = text.isdecimal() and not path.exists()
        place = f"{'webcam ' if number else ''}{text} is not there, is no camera or is in use"
        return OpenCvReader(int(text) if number else text, place, None, True)
    if path.exists():
        return _open_file(path)
    if glob.has_magic(text) and not looks_like_address(text):
        pictures = only_pictures(map(Path, _matching(path)))
        return PictureReader(_some(pictures, text), DEFAULT_FPS, text)
    raise absent(text)


def check_there(source: str | Path) -> None:
    """Before anything is loaded or fetched for it. Raises MambatrackError for a file or folder that
    does not exist; whether a camera or stream answers is not asked."""
    text = str(source)
    files = not is_stream(text) and not is_camera(text)
    pattern = glob.has_magic(text) and not looks_like_address(text)
    if text and files and not pattern and not Path(text).exists():
        raise absent(text)
    if text and files and not pattern:
        refuse_text(Path(text))


def _name_of(source: Any) -> str:
    """The source as text. Raises MambatrackError where it is none, such as a list of pictures."""
    if isinstance(source, (str, os.PathLike, bytes)):
        return os.fsdecode(source)
    try:
        if not isinstance(source, bool):
            return str(operator.index(source))
    except TypeError:
        pass
    raise MambatrackError(
        f"the source is a {type(source).__name__}; expected the name of a video, of a folder or "
        "glob of images, a webcam index or an address; of pictures that you have, give the boxes "
        "of each to Tracker.update"
    )


def is_camera(source: str) -> bool:
    """Whether it is a webcam: its index or its device, which need not be there yet."""
    path = Path(source)
    named = source.isdecimal() or source.startswith(CAMERAS)
    return path.is_char_device() or (named and not path.exists())


def _open_stream(address: str, timeout_s: float) -> Reader:
    if address.lower().startswith("http"):
        return open_web_stream(address, timeout_s)
    place = f"{without_secrets(address)} cannot be reached or is no video stream"
    return (PyAvReader if has_pyav() else OpenCvReader)(address, place, None, True, timeout_s)


def _open_file(path: Path) -> Reader:
    refuse_text(path)
    place, container = f"{path} is not a video, or is damaged,", look_into(path)
    pyav = has_pyav()
    try:
        return (PyAvReader if pyav else OpenCvReader)(str(path), place, container)
    except MambatrackError as error:
        more = "" if pyav else "pip install 'mambatrack[video]', which decodes more, or "
        raise MambatrackError(
            f"{error}; if it plays elsewhere, {more}convert it: ffmpeg -i {path.name} -c:v libx264 "
            f"{path.stem}-h264.mp4"
        ) from None


def _open_folder(folder: Path) -> Reader:
    place, root = str(folder), _sequence_of(folder)
    if (video := video_of_sequence(folder)) is not None:
        return _open_file(video)
    if root is None:
        pictures = _some(list_pictures(folder), place)
        if videos := find_videos(folder):
            warnings.warn(
                f"{place} is taken as a folder of pictures; left out: {videos[0].name}"
                + (f" and {counted(len(videos) - 1, 'more video')}" if len(videos) > 1 else ""),
                stacklevel=2,
            )
        return PictureReader(frames_by_place(pictures, place), DEFAULT_FPS, place)
    info = read_seqinfo(root)
    images = images_folder(root, info)
    if not images.exists():
        named = info.get("imDir", images.name)
        raise MambatrackError(
            f"the sequence {folder} has no images; expected them in the folder {named}, as imDir "
            "in its seqinfo.ini may name it"
        )
    stated = int(number(root, info, "seqLength"))
    pictures = _some(list_pictures(images, info.get("imExt", "")), place)
    frames = frames_by_name(pictures, stated, place)
    return PictureReader(frames, number(root, info, "frameRate") or DEFAULT_FPS, place)


def _sequence_of(folder: Path) -> Path | None:
    """The MOT sequence that a folder is, or whose pictures it holds."""
    if (folder / "seqinfo.ini").is_file() or (folder / "img1").is_dir():
        return folder
    above = folder.absolute().parent
    named = (above / "seqinfo.ini").is_file() and images_folder(above, read_seqinfo(above)).name
    return above if folder.absolute().name in ("img1", named) else None


def _matching(pattern: Path) -> list[str]:
    """The files that a glob names; in a folder that is there, brackets in its name are no glob."""
    folder = str(pattern.parent)
    front = glob.escape(folder) if pattern.parent.is_dir() else folder
    return glob.glob(os.path.join(front, pattern.name), recursive=True)


def _some(pictures: list[Path], place: str) -> list[Path]:
    if not pictures:
        raise MambatrackError(f"{place}: no images there; {_instead(Path(place))}")
    return pictures


def _instead(folder: Path) -> str:
    """What to name in place of a folder without pictures, by what lies up to two folders below."""
    below = islice(chain(folder.glob("*/*"), folder.glob("*/*/*")), LOOKED_AT)
    for path in below if folder.is_dir() else ():
        if path.name in ("seqinfo.ini", "img1", "gt", "det"):
            return f"{path.parent.name} in it is a sequence: track all of them with --dataset"
        if only_pictures([path]):
            return f"name the folder that has them, such as {path.parent}"
    return f"expected {', '.join(IMAGE_TYPES)}"
