"""Boxes of one frame after the other, as another program writes them line by line.

Three formats are read; docs/interop.md describes them:

    {"frame": 0, "time_s": 0.0, "boxes": [[x1, y1, x2, y2, score, class], ...]}     JSON Lines
    frame,x1,y1,x2,y2,score,class          CSV, whose header names its columns
    frame,id,left,top,width,height,score                                            MOT text

A row of boxes may be an object, {"box": [x1, y1, x2, y2], "score": 0.9, "label": 0, ...}, whose
further fields come with the detection; "data": {name: [a value for each box]} gives them at once.
A line of JSON is a whole frame; frames count from 0. A frame of MOT text or CSV is over when the
next one begins; frames count from 1, in CSV from 0 where the first one is 0 or its column
frame_index. Numbers that are left out are frames without detections.
"""

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np

from mambatrack.boxes import ltwh_to_xyxy
from mambatrack.class_names import UNNAMED
from mambatrack.csv_boxes import CsvReader, is_csv
from mambatrack.detection_data import by_name
from mambatrack.detections import Detections, as_detections
from mambatrack.errors import MambatrackError, counted
from mambatrack.sources.box_fields import split_fields

HEADER = "mambatrack-detections"
EXPECTED = (
    'a frame on each line, {"frame": 0, "boxes": [[x1, y1, x2, y2, score]]}, or a box, '
    "frame,id,left,top,width,height,score"
)
LONGEST_LINE = 1 << 24  # bytes
MAX_MISSING = 1000
FORMATS = ("jsonl", "mot", "csv")


@dataclass(frozen=True)
class BoxFrame:
    """What was detected in frame ``index``, from 0; time_s: None where the stream has no time."""

    index: int
    time_s: float | None
    detections: Detections


@dataclass(frozen=True)
class Header:
    """What a JSON Lines stream may say in front; size: (width, height) of the image"""

    names: tuple[str, ...] = ()
    size: tuple[int, int] | None = None


class NamesSoFar(Sequence[str]):
    """Names of classes that become more while rows are read."""

    def __init__(self, reader: CsvReader):
        self._reader = reader

    def __len__(self) -> int:
        return len(self._reader.names)

    def __getitem__(self, label: Any) -> Any:
        return self._reader.names[label]


@dataclass
class BoxStream:
    """Iterator of the frames of a stream of lines, whose numbers ascend.

    format: jsonl, mot or csv;  header: of the stream, once the stream is open
    """

    format: str
    header: Header
    _lines: Iterator[tuple[int, str]] = field(repr=False)
    _csv: CsvReader | None = field(default=None, repr=False)

    @property
    def names(self) -> Sequence[str]:
        """Of the classes; MOT text has only one, and CSV those that were read so far."""
        if self._csv is not None:
            return NamesSoFar(self._csv)
        return self.header.names or (UNNAMED if self.format == "mot" else ())

    def __iter__(self) -> Iterator[BoxFrame]:
        if self._csv is not None:
            frames = _csv_frames(self._lines, self._csv)
        else:
            frames = (_mot_frames if self.format == "mot" else _jsonl_frames)(self._lines)
        last = -1
        for number, frame in frames:
            if frame.index <= last:
                known, hint = frame.index, ""
                if self.format == "mot":
                    known, hint = known + 1, "; 'sort -n -s' puts a whole file in order"
                raise MambatrackError(
                    f"line {number}: frame {known} is there already or out of order; frames must "
                    f"ascend{hint}"
                )
            last = frame.index
            yield frame


def open_stream(file: IO[bytes], form: str | None = None) -> BoxStream:
    """The stream of boxes in ``file``; reads its first line.

    form: one of FORMATS; None: told by the first line. Raises MambatrackError, also while frames
    are read, with the number of the line that is wrong.
    """
    lines = _lines(file)
    first = next(lines, None)
    if first is None:
        return BoxStream(form or "jsonl", Header(), iter(()))
    if first[1].startswith(("[", "<")):
        raise MambatrackError(f"line {first[0]} is no frame of boxes; expected {EXPECTED}")
    if form is None:
        form = "csv" if is_csv(first[1]) else "jsonl" if first[1].startswith("{") else "mot"
    if form == "jsonl":
        value = _json_object(*first)
        if "format" in value:
            return BoxStream(form, _header(first[0], value), lines)
    if form == "csv":
        return BoxStream(form, Header(), lines, _csv_reader(*first))
    return BoxStream(form, Header(), itertools.chain([first], lines))


def fill_missing(frames: Iterable[BoxFrame], limit: int = MAX_MISSING) -> Iterator[BoxFrame]:
    """The same frames, and empty ones for numbers that are left out, evenly spaced in time.

    Raises MambatrackError where more than ``limit`` are missing in one place.
    """
    before: BoxFrame | None = None
    for frame in frames:
        if before is not None:
            yield from _between(before, frame, limit)
        yield frame
        before = frame


def _between(before: BoxFrame, after: BoxFrame, limit: int) -> Iterator[BoxFrame]:
    missing = after.index - before.index - 1
    if missing > limit:
        raise MambatrackError(
            f"{counted(missing, 'frame')} missing in front of number {after.index} (from 0), more "
            f"than {limit}; number the frames without gaps, or allow more with --max-missing"
        )
    for step in range(1, missing + 1):
        time_s = None
        if before.time_s is not None and after.time_s is not None:
            time_s = before.time_s + (after.time_s - before.time_s) * step / (missing + 1)
        yield BoxFrame(before.index + step, time_s, Detections.empty())


def _lines(file: IO[bytes]) -> Iterator[tuple[int, str]]:
    """(number from 1, text) of every line that is not blank."""
    for number in itertools.count(1):
        line = file.readline(LONGEST_LINE)
        if not line:
            return
        if len(line) >= LONGEST_LINE:
            raise MambatrackError(
                f"line {number} is longer than {LONGEST_LINE >> 20} MiB; one line is one frame"
            )
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError as error:
            hint = f"; expected {EXPECTED}; a video is named as SOURCE" if number == 1 else ""
            raise MambatrackError(f"line {number} is not text in UTF-8: {error}{hint}") from None
        if text:
            yield number, text


def _json_object(number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MambatrackError(f"line {number} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise MambatrackError(f'line {number}: expected {{"frame": ..., "boxes": [...]}}')
    return value


def _header(number: int, value: dict[str, Any]) -> Header:
    names, size = value.get("classes", []), value.get("image_size")
    if value["format"] != HEADER or not isinstance(names, list):
        raise MambatrackError(
            f"line {number}: format {value['format']!r}; expected {HEADER!r}, with a list of names "
            "under classes"
        )
    if size is None:
        return Header(tuple(map(str, names)))
    if not (isinstance(size, list) and len(size) == 2 and all(_is_count(side) for side in size)):
        raise MambatrackError(f"line {number}: image_size {size!r}; expected [width, height]")
    return Header(tuple(map(str, names)), (size[0], size[1]))


def _jsonl_frames(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, BoxFrame]]:
    """(line, frame); a line without a number is the frame after the one before."""
    last = -1
    for number, line in lines:
        value = _json_object(number, line)
        if "boxes" not in value:
            found = ", ".join(map(str, value)) or "nothing"
            raise MambatrackError(f"line {number}: no boxes, only {found}; an empty frame has []")
        last = value.get("frame", last + 1)
        if not _is_count(last, 0):
            raise MambatrackError(f"line {number}: frame {last!r}; expected a number from 0 on")
        time_s = value.get("time_s")
        if time_s is not None and not _is_time(time_s):
            raise MambatrackError(f"line {number}: time_s {time_s!r}; expected seconds or null")
        time_s = None if time_s is None else float(time_s)
        detections = _detections(number, value["boxes"], value.get("data"))
        yield number, BoxFrame(last, time_s, detections)


def _mot_frames(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, BoxFrame]]:
    """(line where it begins, frame), each when the next one begins."""
    rows = ((number, _mot_row(number, line)) for number, line in lines)
    for frame, group in itertools.groupby(rows, key=lambda row: row[1][0]):
        begun, table = zip(*group, strict=True)
        boxes = np.array([row[1:] for row in table])
        boxes[:, :4] = ltwh_to_xyxy(boxes[:, :4])
        yield begun[0], BoxFrame(int(frame) - 1, None, _detections(begun[0], boxes))


def _csv_reader(number: int, header: str) -> CsvReader:
    try:
        return CsvReader(header)
    except MambatrackError as error:
        raise MambatrackError(str(error).replace("line 1", f"line {number}", 1)) from None


def _csv_frames(
    lines: Iterator[tuple[int, str]], reader: CsvReader
) -> Iterator[tuple[int, BoxFrame]]:
    """(line where it begins, frame), each when the next one begins."""
    first = reader.first
    rows = ((number, reader.row(number, line)) for number, line in lines)
    for frame, group in itertools.groupby(rows, key=lambda row: row[1].frame):
        begun, found = zip(*group, strict=True)
        first = min(frame, 1) if first is None else first
        if frame < first:
            raise MambatrackError(f"line {begun[0]}: frame {frame} comes after frame {first}")
        boxes = [[*each.box, each.score, each.label] for each in found if each.detected]
        yield begun[0], BoxFrame(frame - first, found[0].time_s, _detections(begun[0], boxes))


def _mot_row(number: int, line: str) -> list[float]:
    """frame, left, top, width, height, score; a score of -1 is none."""
    fields = line.rstrip(", \t").split(",") if "," in line else line.split()
    try:
        values = [float(field) for field in fields[:7]]
    except ValueError as error:
        raise MambatrackError(f"line {number}: {error}") from None
    if len(values) < 6:
        raise MambatrackError(
            f"line {number}: {counted(len(values), 'column')}; expected "
            "frame,id,left,top,width,height,score"
        )
    if not (1 <= values[0] < 2**53 and values[0].is_integer()):
        raise MambatrackError(f"line {number}: frame {fields[0]}; MOT frames count from 1")
    score = values[6] if len(values) > 6 and values[6] != -1 else 1.0
    return [values[0], *values[2:6], score]


def _detections(number: int, rows: Any, data: Any = None) -> Detections:
    try:
        boxes, fields = split_fields(rows)
        return as_detections(boxes, {**fields, **by_name(data)})
    except MambatrackError as error:
        raise MambatrackError(f"line {number}: {error}") from None


def _is_count(value: Any, low: int = 1) -> bool:
    return type(value) is int and low <= value < 2**53


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e15


def parse_size(text: str) -> tuple[int, int]:
    """(width, height) from "1920x1080"."""
    match = re.fullmatch(r"\s*(\d{1,6})[xX](\d{1,6})\s*", text)
    if match is None or not int(match[1]) or not int(match[2]):
        raise MambatrackError(f"size {text!r}: expected WIDTHxHEIGHT in pixels, as 1920x1080")
    return int(match[1]), int(match[2])
