"""What tells a run how the camera moved, by the setting tracker.camera; files of transforms."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from mambatrack.camera.files import FileCamera, line_of, read_transforms
from mambatrack.camera.interface import CameraSource, Travel
from mambatrack.detectors import Detector
from mambatrack.errors import MambatrackError
from mambatrack.files import replacing
from mambatrack.settings import CAMERAS
from mambatrack.sources.frames import Frame


def open_camera(setting: str, name: str | None = None) -> CameraSource | None:
    """From pictures, or from a file of transforms; None where nothing is told to the tracker.

    setting: tracker.camera; name: of the source, whose file in a folder is NAME.txt. Raises
    MambatrackError where there is no such file, or it is damaged.
    """
    if setting in ("pictures", "auto"):
        from mambatrack.camera.pictures import PictureCamera

        return PictureCamera()
    if setting in CAMERAS:
        return None
    return FileCamera(read_transforms(transforms_path(setting, name)))


def refuse_told(setting: str, source: str) -> None:
    """Raises MambatrackError where the camera of a source that has boxes alone should be told of by
    pictures or a file."""
    if setting == "pictures" or is_file(setting):
        raise MambatrackError(
            f"{source} has boxes without pictures, of which the camera {setting} knows nothing; "
            "use --camera boxes"
        )


def is_file(setting: str) -> bool:
    """Whether the transforms are read from files."""
    return setting not in CAMERAS


def transforms_path(setting: str, name: str | None) -> Path:
    """The file of a source's transforms. Raises MambatrackError where a folder has none."""
    path = Path(setting)
    if not path.is_dir():
        return path
    if name is None:
        raise MambatrackError(
            f"the camera {setting} is a folder, which is for a data set or a folder of videos; "
            "name the file of this source"
        )
    if not (path / f"{name}.txt").is_file():
        raise MambatrackError(
            f"the folder {setting} has no {name}.txt; expected the transforms of each sequence, "
            "as 'mambatrack camera' writes them"
        )
    return path / f"{name}.txt"


def write_transforms(
    path: Path,
    frames: Iterable[Frame],
    camera: CameraSource,
    moving: Detector | None = None,
    report: Callable[[int], None] = lambda frames: None,
) -> Travel:
    """The transform of every frame into a file, which appears when it is whole -> what they say.

    moving: finds what moves by itself, None for nothing; report: called with the frames done
    """
    travel, nothing = Travel(), np.zeros((0, 4), np.float32)
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for frame in frames:
            boxes = nothing if moving is None else moving(frame.image, frame.index).boxes
            motion = camera(frame.image, frame.index, boxes)
            if motion is not None:
                file.write(line_of(frame.index, motion))
            travel.note(motion, (frame.image.shape[1], frame.image.shape[0]))
            report(travel.frames)
    return travel
