"""FiftyOne: a folder of type FiftyOneVideoLabelsDataset, whose manifest points at the video.

>>> import fiftyone as fo
>>> fo.Dataset.from_dir("out", dataset_type=fo.types.FiftyOneVideoLabelsDataset)

Frames count from 1, boxes are shares of the picture, index is the track's id. A box that was not
seen has occluded = True; state and gap say more.
"""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.errors import MambatrackError
from mambatrack.files import write_text
from mambatrack.result_files.footage import Footage, relative_boxes
from mambatrack.result_files.read_results import Recording

DATASET = "eta.core.datasets.LabeledVideoDataset"
OBJECT = "eta.core.objects.DetectedObject"


def write_fiftyone(recording: Recording, footage: Footage, folder: Path) -> None:
    """manifest.json and labels/NAME.json in ``folder``, which is made. The video stays where it
    is. Raises MambatrackError without one, as FiftyOne has no labels without a video."""
    if footage.path is None:
        raise MambatrackError("FiftyOne keeps labels beside their video; give it as --video FILE")
    shown, shares = relative_boxes(recording, footage)
    shown = replace(shown, boxes=np.round(shares, 6))
    frames = {
        str(number + 1): {"frame_number": number + 1, "objects": {"objects": _objects(boxes)}}
        for number, boxes in shown.by_frame()
    }
    labels = Path("labels") / f"{footage.path.stem}.json"
    (folder / "labels").mkdir(parents=True, exist_ok=True)
    video = _path_from(folder, footage.path)
    index = [{"data": video, "labels": labels.as_posix()}]
    _write(folder / labels, {"filename": footage.path.name, "frames": frames})
    _write(folder / "manifest.json", {"type": DATASET, "description": "", "index": index})


def _path_from(folder: Path, video: Path) -> str:
    """Relative, so that both can be moved together; absolute where they are on two drives."""
    try:
        return os.path.relpath(video.resolve(), folder.resolve())
    except ValueError:
        return str(video.resolve())


def _objects(boxes: Recording) -> list[dict[str, Any]]:
    columns = zip(
        boxes.id.tolist(), boxes.label.tolist(), boxes.score.tolist(), boxes.seen.tolist(),
        boxes.gap.tolist(), boxes.boxes, strict=True,
    )  # fmt: skip
    return [
        {"type": OBJECT, "label": boxes.name_of(label), "index": identity,
         "confidence": round(score, 4), "bounding_box": _corners(box),
         "attrs": {"attrs": _attributes(seen, gap)}}
        for identity, label, score, seen, gap, box in columns
    ]  # fmt: skip


def _corners(box: NDArray[np.float64]) -> dict[str, dict[str, float]]:
    left, top, right, bottom = box.tolist()
    return {"top_left": {"x": left, "y": top}, "bottom_right": {"x": right, "y": bottom}}


def _attributes(seen: bool, gap: int) -> list[dict[str, Any]]:
    kind = "eta.core.data.{}Attribute".format
    state = "observed" if seen else "predicted"
    return [
        {"type": kind("Categorical"), "name": "state", "value": state},
        {"type": kind("Boolean"), "name": "occluded", "value": not seen},
        {"type": kind("Numeric"), "name": "gap", "value": gap},
    ]  # fmt: skip


def _write(path: Path, value: dict[str, Any]) -> None:
    write_text(path, json.dumps(value))
