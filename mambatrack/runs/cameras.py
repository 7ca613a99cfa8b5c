"""What tells a run how the camera moved, by the setting tracker.camera."""

from pathlib import Path

from mambatrack.camera.interface import CameraSource
from mambatrack.errors import MambatrackError
from mambatrack.settings import CAMERAS


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
    from mambatrack.camera.files import FileCamera, read_transforms

    return FileCamera(read_transforms(transforms_path(setting, name)))


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
