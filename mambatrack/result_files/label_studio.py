"""Label Studio: one task whose prediction has a video rectangle for every track.

Frames count from 1, boxes are percent of the picture. Label Studio draws a rectangle between its
boxes; one that is not enabled ends a life span, the next one begins another (isInLifespan in its
VideoRegion.js). So the box in front of a gap is not enabled, and one in front of frames that were
not tracked is. It counts frames by the frame rate of its Video tag, 24 unless told (Video.js):
the task says it as ``fps``. Predicted boxes are a rectangle of their own,
which says so in its text, so that they are never taken for seen ones.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mambatrack.files import write_text
from mambatrack.result_files.footage import Footage, relative_boxes
from mambatrack.result_files.read_results import Recording
from mambatrack.version import VERSION


def write_label_studio(recording: Recording, footage: Footage, path: Path) -> None:
    """A JSON file for Import; the address of its video, at first the file's name, may have to
    be set to where Label Studio finds it."""
    shown, shares = relative_boxes(recording, footage)
    frames = max(footage.frames, recording.frames, 1)
    percent = np.round(100 * shares, 4)
    shown = replace(shown, boxes=percent)
    regions = []
    for identity, track in shown.by_track():
        for seen in (True, False):
            part = track.select(track.seen == seen)
            if len(part):
                regions.append(_region(identity, part, seen, frames, footage.fps))
    prediction = {"model_version": f"mambatrack {VERSION}", "result": regions}
    video = footage.path.name if footage.path else "video.mp4"
    data = {"video": video, "fps": footage.fps}
    write_text(path, json.dumps([{"data": data, "predictions": [prediction]}], indent=1))


def label_config(recording: Recording) -> str:
    """The labelling interface of a project that shows the tracks."""
    from xml.sax.saxutils import quoteattr

    labels = sorted(set(recording.label.tolist()))
    shown = "".join(f"    <Label value={quoteattr(recording.name_of(each))}/>\n" for each in labels)
    return (
        '<View>\n  <Labels name="label" toName="video">\n'
        f"{shown}  </Labels>\n"
        '  <Video name="video" value="$video" frameRate="$fps"/>\n'
        '  <VideoRectangle name="box" toName="video"/>\n</View>\n'
    )


def _region(identity: int, track: Recording, seen: bool, frames: int, fps: float) -> dict[str, Any]:
    """One rectangle; ``track`` has boxes in percent."""
    frame, boxes = track.frame.tolist(), track.boxes.tolist()
    ends = [*track.breaks().tolist(), True]
    columns = zip(frame, boxes, ends, strict=True)
    sequence = [
        {"frame": number + 1, "time": round((number + 1) / fps, 4), "enabled": not last,
         "rotation": 0, "x": box[0], "y": box[1], "width": _side(box, 0),
         "height": _side(box, 1)}
        for number, box, last in columns
    ]  # fmt: skip
    said = f"track {identity}" if seen else f"track {identity}, predicted"
    return {
        "id": f"track-{identity}" if seen else f"track-{identity}-predicted",
        "type": "videorectangle",
        "from_name": "box",
        "to_name": "video",
        "origin": "prediction",
        "score": round(float(track.score.mean()), 4),
        "meta": {"text": [said]},
        "value": {
            "framesCount": frames,
            "duration": round(frames / fps, 4),
            "labels": [track.name_of(int(track.label[0]))],
            "sequence": sequence,
        },
    }


def _side(box: list[float], axis: int) -> float:
    return round(box[axis + 2] - box[axis], 4)
