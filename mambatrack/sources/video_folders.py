"""Folders of videos."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mambatrack.sources.file_types import IMAGE_TYPES, MARKERS, VIDEO_TYPES


def is_video_folder(source: str | Path | None) -> bool:
    """A folder with videos in it, which is neither a folder of images nor a MOT sequence."""
    folder = Path(source or "")
    if source is None or not folder.is_dir() or any((folder / each).exists() for each in MARKERS):
        return False
    kinds = {path.suffix.lower() for path in folder.iterdir() if path.is_file()}
    return not kinds.intersection(IMAGE_TYPES) and bool(find_videos(folder))


def find_videos(folder: str | Path) -> list[Path]:
    """The video files in a folder, by name; hidden ones are none."""
    return sorted(
        path
        for path in Path(folder).iterdir()
        if path.suffix.lower() in VIDEO_TYPES and path.is_file() and not path.name.startswith(".")
    )


def result_names(videos: Sequence[Path]) -> list[str]:
    """What the results of each video are called: its name without ending, and with it where two
    would be called the same, in whatever case."""
    taken = Counter(name.casefold() for path in videos for name in {path.stem, path.name})
    return [path.stem if taken[path.stem.casefold()] == 1 else path.name for path in videos]
