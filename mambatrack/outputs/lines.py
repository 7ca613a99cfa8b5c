"""What a frame of tracks is in a result file: lines of MOTChallenge text, JSON Lines and CSV.

The columns and keys are described in docs/outputs.md.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.codes import TrackCode, as_text, rows_of
from mambatrack.boxes import xyxy_to_ltwh
from mambatrack.camera.transforms import CameraMotion
from mambatrack.class_names import class_name
from mambatrack.detection_data import each_of
from mambatrack.gaps.revisions import Revision
from mambatrack.outputs.json_values import add_data
from mambatrack.tracks import Tracks, TrackState

JSONL_VERSION = 1
CSV_COLUMNS = (
    "x_min", "y_min", "x_max", "y_max", "class_id", "confidence", "tracker_id",
    "frame_index", "time_s", "state", "gap", "class_name",
)  # fmt: skip
STATE_NAMES = {
    TrackState.TENTATIVE: "tentative",
    TrackState.OBSERVED: "observed",
    TrackState.PREDICTED: "predicted",
}


def mot_rows(tracks: Tracks) -> str:
    """One line ``frame,id,left,top,width,height,conf,-1,-1,-1`` per track."""
    boxes = xyxy_to_ltwh(tracks.boxes.astype(np.float64)).tolist()
    rows = zip(tracks.ids.tolist(), boxes, numbers(tracks.scores), strict=True)
    return "".join(
        f"{tracks.frame + 1},{identity},{left:.2f},{top:.2f},{width:.2f},{height:.2f},"
        f"{0.0 if score is None else score:.4f},-1,-1,-1\n"
        for identity, (left, top, width, height), score in rows
    )


def jsonl_frame(tracks: Tracks, names: Sequence[str] = (), data: bool = False) -> dict[str, Any]:
    """The frame as plain numbers, strings, lists and None: valid JSON whatever the tracks hold.

    data: with what came with the detections, which raises MambatrackError where JSON has no such
    value, or the name is one of a track's own
    """
    columns = zip(
        tracks.ids.tolist(), numbers(tracks.boxes), numbers(tracks.scores),
        tracks.labels.tolist(), tracks.state.tolist(), tracks.gap.tolist(),
        numbers(tracks.spread), strict=True,
    )  # fmt: skip
    records: list[dict[str, Any]] = [
        {"id": identity, "box": box, "score": score, "label": label,
         "class": class_name(names, label), "state": STATE_NAMES[TrackState(state)],
         "gap": gap, "spread": spread}
        for identity, box, score, label, state, gap, spread in columns
    ]  # fmt: skip
    if data and tracks.data:
        for record, own in zip(records, each_of(tracks.data, len(tracks)), strict=True):
            add_data(record, own)
    frame = {
        "frame": tracks.frame,
        "time_s": _number(tracks.time_s),
        "tracks": records,
        "ended": tracks.ended.tolist(),
    }
    if tracks.returned is not None and len(tracks.returned):
        frame["returned"] = tracks.returned.tolist()
        if tracks.surety is not None:
            frame["surety"] = numbers(tracks.surety)
    return frame if tracks.camera is None else frame | {"camera": jsonl_camera(tracks.camera)}


def jsonl_camera(motion: CameraMotion) -> dict[str, Any]:
    """How the camera moved before a frame; the rows of the transform one behind the other."""
    transform = [float(f"{each:.9g}") for each in motion.transform.ravel().tolist()]
    return {"transform": transform, "certainty": round(motion.certainty, 3), "cut": motion.cut}


def csv_rows(tracks: Tracks, names: Sequence[str] = ()) -> list[tuple]:
    """One row per track in the order of CSV_COLUMNS; a class without a name has none there."""
    time_s = _number(tracks.time_s)
    columns = zip(
        numbers(tracks.boxes), tracks.labels.tolist(), numbers(tracks.scores),
        tracks.ids.tolist(), tracks.state.tolist(), tracks.gap.tolist(), strict=True,
    )  # fmt: skip
    return [
        (
            *box,
            label,
            score,
            identity,
            tracks.frame,
            time_s,
            STATE_NAMES[TrackState(state)],
            gap,
            csv_name(names, label),
        )
        for box, label, score, identity, state, gap in columns
    ]


def csv_name(names: Sequence[str], label: int) -> str | None:
    """The name of a class within one line, None where it has none."""
    return " ".join(names[label].split()) if 0 <= label < len(names) else None


def jsonl_header(names: Sequence[str]) -> dict[str, Any]:
    """The first line of JSON Lines; names: of the classes, by label."""
    return {"format": "mambatrack-tracks", "version": JSONL_VERSION, "classes": list(names)}


def jsonl_line(value: dict[str, Any]) -> str:
    """One line of JSON Lines."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")) + "\n"


def jsonl_embedding(code: TrackCode) -> dict[str, Any]:
    """What a track looked like, to be written as a line of its own once it has ended."""
    return {
        "embedding": {
            "id": code.id,
            "frame": code.frame,
            "embedder": code.embedder,
            "looks": code.looks,
            "code": as_text(code.vector),
            "similarities": rows_of(code.calibration),
        }
    }


def jsonl_revision(revision: Revision) -> dict[str, Any]:
    """The revision as plain numbers, to be written as a line of its own between those of frames."""
    return {
        "revision": {
            "id": revision.id,
            "frames": revision.frames.tolist(),
            "boxes": numbers(revision.boxes),
            "spread": numbers(revision.spread),
            "gap": revision.gap,
        }
    }


def numbers(values: NDArray) -> list[Any]:
    """Nested lists of floats rounded to 4 decimals, None where not finite."""
    wide = np.round(values.astype(np.float64), 4)
    if np.isfinite(wide).all():
        return wide.tolist()
    plain = wide.astype(object)
    plain[~np.isfinite(wide)] = None
    return plain.tolist()


def _number(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), 6)
