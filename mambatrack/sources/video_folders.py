"""Folders of videos."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from mambatrack.sources.file_types import MARKERS, VIDEO_TYPES
from mambatrack.sources.pictures import list_pictures
from mambatrack.sources.seqinfo import images_folder, read_seqinfo

SHOWN = 5  # names of files that are left out


def is_video_folder(source: str | Path | None) -> bool:
    """A folder with videos in it, which is neither a folder of images nor a MOT sequence."""
    folder = Path(source or "")
    if source is None or not folder.is_dir() or any((folder / each).exists() for each in MARKERS):
        return False
    return bool(find_videos(folder)) and not list_pictures(folder)


def left_out(folder: str | Path) -> str:
    """What in a folder is no video, for people; "" where there is nothing else. Hidden files and
    folders are not told of."""
    videos = set(find_videos(folder))
    others = sorted(
        path.name + "/" * path.is_dir() for path in Path(folder).iterdir()
        if path not in videos and not path.name.startswith(".")
    )  # fmt: skip
    more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
    return ", ".join(others[:SHOWN]) + more


def find_videos(folder: str | Path) -> list[Path]:
    """The video files in a folder, by name; hidden ones are none."""
    return sorted(
        path
        for path in Path(folder).iterdir()
        if path.suffix.lower() in VIDEO_TYPES and path.is_file() and not path.name.startswith(".")
    )


def pictures_of_sequence(folder: Path, info: Mapping[str, str]) -> Path | None:
    """The folder of its pictures, else the only video beside gt/ or det/, else None; info: of its
    seqinfo.ini."""
    images, videos = images_folder(folder, info), find_videos(folder)
    only = videos[0] if len(videos) == 1 else None
    return images if images.exists() else only


def video_of_sequence(folder: Path) -> Path | None:
    """The video of a folder that is a MOT sequence without a folder of pictures."""
    if not any((folder / each).exists() for each in MARKERS):
        return None
    pictures = pictures_of_sequence(folder, read_seqinfo(folder))
    return pictures if pictures is not None and pictures.is_file() else None


def result_names(videos: Sequence[Path]) -> list[str]:
    """What the results of each video are called: its name without ending, and with it where two
    would be called the same, in whatever case."""
    taken = Counter(name.casefold() for path in videos for name in {path.stem, path.name})
    return [path.stem if taken[path.stem.casefold()] == 1 else path.name for path in videos]
