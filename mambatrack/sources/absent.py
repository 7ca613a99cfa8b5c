"""Why a source cannot be what was meant: a name that is not there, or a file of another kind."""

import os
import re
from itertools import islice
from pathlib import Path

from mambatrack.errors import MambatrackError
from mambatrack.nearest import did_you_mean
from mambatrack.sources.addresses import looks_like_address, without_secrets
from mambatrack.sources.file_types import BOX_TYPES, IMAGE_TYPES, VIDEO_TYPES

LISTED = 2000  # entries of a folder among which a name is looked for
BEGINNING = 512  # bytes
SETTINGS = (".yaml", ".yml")
NUMBERED = re.compile(r"%0?\d*d")


def absent(text: str) -> MambatrackError:
    """The error for a name of which there is nothing."""
    meant = ", written rtsp://USER:PASSWORD@HOST/PATH" if looks_like_address(text) else _hint(text)
    return MambatrackError(
        f"{without_secrets(text)} does not exist; expected a video, a folder or glob of images, "
        f"a webcam index or an RTSP or HTTP address{meant}"
    )


def refuse_text(path: Path) -> None:
    """Raises MambatrackError for a file that has boxes or settings, as its name and its beginning
    say, in place of pictures."""
    kind = path.suffix.lower()
    if kind not in (*BOX_TYPES, *SETTINGS) or not path.is_file() or not _is_text(path):
        return
    if kind in SETTINGS:
        raise MambatrackError(
            f"{path} is text, no video or picture; settings are given as --config {path}"
        )
    raise MambatrackError(
        f"{path} is text, no video or picture; boxes are given with the video that they are of, as "
        f"in: mambatrack track clip.mp4 --weights {path}, or alone: mambatrack track - < {path}"
    )


def _hint(text: str) -> str:
    """What may be meant by it."""
    bare = text.strip().strip("'\"\u2018\u2019\u201c\u201d").strip()
    for name in (bare, os.path.expanduser(bare)):
        if name and name != text and os.path.exists(name):
            return f"; did you mean {name!r}?"
    if NUMBERED.search(text):
        return f"; of numbered pictures name the folder or a glob, as {NUMBERED.sub('*', text)}"
    path = Path(text)
    try:
        with os.scandir(path.parent) as entries:
            known = [each.name for each in islice(entries, LISTED) if _may_be_source(each)]
    except (OSError, ValueError):
        return ""
    alike = [each for each in known if Path(each).stem.casefold() == path.stem.casefold()]
    return did_you_mean(path.name, sorted(alike or known), 0 if alike else 0.75)


def _may_be_source(entry: "os.DirEntry[str]") -> bool:
    kind = os.path.splitext(entry.name)[1].lower()
    return not entry.name.startswith(".") and (kind in IMAGE_TYPES + VIDEO_TYPES or entry.is_dir())


def _is_text(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            start = file.read(BEGINNING)
    except OSError:
        return False
    return b"\0" not in start and bool(start.decode("utf-8", "ignore").strip())
