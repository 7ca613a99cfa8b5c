"""What an export has to know about the video that a result file is about."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import clip
from mambatrack.errors import MambatrackError, counted
from mambatrack.result_files.read_results import Recording

DEFAULT_FPS = 30.0


@dataclass(frozen=True)
class Footage:
    """size: (width, height) in pixels, None where unknown; fps; frames: 0 where unknown; path: of
    the video or of the folder of its pictures, None where there is none; plays: whether the tool
    that gets the export can show it"""

    size: tuple[int, int] | None = None
    fps: float = DEFAULT_FPS
    frames: int = 0
    path: Path | None = None
    plays: bool = True


def open_footage(
    video: str | Path | None = None, size: tuple[int, int] | None = None, fps: float | None = None
) -> Footage:
    """What the video says about itself; ``size`` and ``fps`` go before it."""
    if fps is not None and not 0 < fps <= 1000:
        raise MambatrackError(f"{fps:g} frames a second; expected more than 0 and at most 1000")
    if video is None:
        return Footage(size, fps or DEFAULT_FPS)
    from mambatrack.sources.addresses import is_stream
    from mambatrack.sources.frames import count_frames, open_frames

    with open_frames(video) as frames:
        unknown = frames.count is None and not frames.live
        count = count_frames(video) if unknown else frames.count or 0
        place = None if is_stream(str(video)) else Path(video)  # an address may hold a password
        return Footage(size or frames.size, fps or frames.fps, count, place)


def jpegs(folder: Path) -> Iterator[tuple[int, bytes]]:
    """(frame from 0, its picture as JPEG) of a folder of pictures."""
    import cv2

    from mambatrack.sources.frames import open_frames

    with open_frames(folder) as frames:
        for frame in frames:
            yield frame.index, cv2.imencode(".jpg", frame.image)[1].tobytes()


def picture_names(footage: Footage) -> dict[int, str]:
    """The names of the pictures of a folder, by frame from 0; of anything else none."""
    if footage.path is None or not footage.path.is_dir():
        return {}
    from mambatrack.sources.pictures import PictureReader
    from mambatrack.sources.readers import open_reader

    with closing(open_reader(footage.path)) as reader:
        paths = reader.paths if isinstance(reader, PictureReader) else ()
        return {frame: path.name for frame, path in enumerate(paths) if path is not None}


def longer(recording: Recording, footage: Footage) -> str | None:
    """What is wrong where results go on behind the end of the video."""
    if not 0 < footage.frames < recording.frames:
        return None
    return (
        f"the results go on to frame {recording.frames}, but {footage.path} has {footage.frames}: "
        "is it the video that was tracked?"
    )


def outside(recording: Recording, footage: Footage) -> str | None:
    """What is wrong where boxes that were seen lie outside the picture."""
    if footage.size is None:
        return None
    boxes = clip(recording.boxes[recording.seen], footage.size)
    count = np.count_nonzero((boxes[:, 2:] <= boxes[:, :2]).any(axis=1))
    width, height = footage.size
    if not count:
        return None
    return (
        f"outside the picture of {width}x{height}: {count} of {counted(len(boxes), 'box')}; was a "
        "video of another size tracked?"
    )


def clipped_boxes(recording: Recording, size: tuple[int, int]) -> Recording:
    """The boxes that are in a picture of this size, clipped to it."""
    boxes = clip(recording.boxes, size).astype(np.float64)
    inside = np.all(boxes[:, 2:] > boxes[:, :2], axis=1)
    return replace(recording, boxes=boxes).select(inside)


def relative_boxes(recording: Recording, footage: Footage) -> tuple[Recording, NDArray[np.float64]]:
    """(the boxes that are in the picture, the same clipped to it as shares of it [R, 4] xyxy).

    Raises MambatrackError where the size of the picture is unknown.
    """
    size = size_of(footage)
    shown = clipped_boxes(recording, size)
    return shown, shown.boxes / np.tile(size, 2)


def size_of(footage: Footage) -> tuple[int, int]:
    """The size of the picture. Raises MambatrackError where it is unknown."""
    if footage.size is None:
        raise MambatrackError(
            "this format needs the size of the picture, which is not known; give the --video, or "
            "its --size as 1920x1080"
        )
    return footage.size
