"""A detector's boxes as text: MOT text, or CSV or JSON Lines, which know classes and times too."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from mambatrack.boxes import xyxy_to_ltwh
from mambatrack.csv_text import csv_text
from mambatrack.detections import Detections
from mambatrack.outputs.lines import csv_name, jsonl_line, numbers
from mambatrack.sources.box_stream import HEADER
from mambatrack.sources.frames import Frame

COLUMNS = (
    "x_min", "y_min", "x_max", "y_max", "class_id", "confidence",
    "frame_index", "time_s", "class_name",
)  # fmt: skip


class DetectionText(Protocol):
    """How a file of boxes is written. No line begins with #."""

    def header(self, names: Sequence[str]) -> str:
        """What stands in front of all frames; names: of the classes."""

    def frame(self, frame: Frame, found: Detections, names: Sequence[str]) -> str:
        """The lines of a frame."""

    def boxes(self, line: str) -> int:
        """How many are in a line."""


class MotDetections:
    """frame,-1,left,top,width,height,score,-1,-1,-1; frames from 1, without classes."""

    def header(self, names: Sequence[str]) -> str:
        return ""

    def frame(self, frame: Frame, found: Detections, names: Sequence[str]) -> str:
        boxes = xyxy_to_ltwh(found.boxes.astype(np.float64)).tolist()
        return "".join(
            f"{frame.index + 1},-1,{left:.2f},{top:.2f},{width:.2f},{height:.2f},{score:.4f},"
            "-1,-1,-1\n"
            for (left, top, width, height), score in zip(boxes, found.scores.tolist(), strict=True)
        )

    def boxes(self, line: str) -> int:
        return 1


class CsvDetections:
    """COLUMNS, named as those of tracks."""

    def header(self, names: Sequence[str]) -> str:
        return csv_text([COLUMNS])

    def frame(self, frame: Frame, found: Detections, names: Sequence[str]) -> str:
        rows = zip(numbers(found.boxes), found.labels.tolist(), numbers(found.scores), strict=True)
        return csv_text(
            (*box, label, score, frame.index, _time(frame), csv_name(names, label))
            for box, label, score in rows
        )

    def boxes(self, line: str) -> int:
        return 1


class JsonLinesDetections:
    """As ``mambatrack track -`` takes them: a header with the classes, then a line for each frame,
    also where nothing was found."""

    def header(self, names: Sequence[str]) -> str:
        return jsonl_line({"format": HEADER, "version": 1, "classes": list(names)})

    def frame(self, frame: Frame, found: Detections, names: Sequence[str]) -> str:
        rows = zip(numbers(found.boxes), numbers(found.scores), found.labels.tolist(), strict=True)
        boxes = [[*box, score, label] for box, score, label in rows]
        return jsonl_line({"frame": frame.index, "time_s": _time(frame), "boxes": boxes})

    def boxes(self, line: str) -> int:
        return len(json.loads(line)["boxes"])


def detection_text(path: Path) -> DetectionText:
    """What the name of a file asks for."""
    ending = path.suffix.lower()
    if ending in (".jsonl", ".ndjson"):
        return JsonLinesDetections()
    return CsvDetections() if ending == ".csv" else MotDetections()


def _time(frame: Frame) -> float | None:
    return None if frame.time_s is None else round(frame.time_s, 6)
