"""CVAT's "MOT 1.1": a zip that is uploaded to a task as its annotations.

gt/gt.txt has frame, id, left, top, width, height, 1, class and visibility; frames and classes count
from 1. CVAT shows a visibility of 0 as occluded, which is what a predicted box gets.
"""

import zipfile
from pathlib import Path

from mambatrack.boxes import xyxy_to_ltwh
from mambatrack.files import replacing
from mambatrack.result_files.footage import Footage
from mambatrack.result_files.read_results import Recording

LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the same results give the same bytes


def write_cvat(recording: Recording, footage: Footage, path: Path) -> None:
    """The archive at ``path``; the task's labels must have the names of the classes."""
    labels = {
        each: _line(recording.name_of(each)) for each in sorted(set(recording.label.tolist()))
    }
    names = list(dict.fromkeys(labels.values()))  # CVAT knows classes by their names
    first = 1 if len(recording) and recording.id.min() == 0 else 0  # 0 is no track to CVAT
    columns = zip(
        recording.frame.tolist(), recording.id.tolist(), xyxy_to_ltwh(recording.boxes).tolist(),
        recording.label.tolist(), recording.seen.tolist(), strict=True,
    )  # fmt: skip
    rows = "".join(
        f"{frame + 1},{identity + first},{left:.2f},{top:.2f},{width:.2f},{height:.2f},1,"
        f"{names.index(labels[label]) + 1},{int(seen)}\n"
        for frame, identity, (left, top, width, height), label, seen in columns
    )
    lines = "".join(f"{name}\n" for name in names)
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, text in (("gt/gt.txt", rows), ("gt/labels.txt", lines)):
            info = zipfile.ZipInfo(name, LONG_AGO)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, text.encode())


def _line(name: str) -> str:
    """The name of a class as one line of labels.txt."""
    return " ".join(name.split())
