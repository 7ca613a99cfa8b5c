"""Boxes that another program found in a video, in the files that such programs write.

    MOT text        frame,id,left,top,width,height,score; frames from 1
    CSV             a header names the columns (csv_boxes.py)
    JSON Lines      as 'mambatrack track -' takes them (sources/box_stream.py)
    COCO            a list of results, or a data set with images, annotations and categories
    JSON            a list of rows named as columns of CSV, as supervision's JSONSink writes them
    a folder        of YOLO labels, NAME_FRAME.txt with rows "class cx cy w h score"

Frames of COCO and YOLO are the last number in an image_id or a name: from 0 where any is 0, else
from 1.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import ltwh_to_xyxy
from mambatrack.class_names import MOST_CLASSES, UNNAMED
from mambatrack.column_names import box_columns
from mambatrack.csv_boxes import HIGHEST, CsvReader, CsvTable, as_table, is_csv, read_csv_table
from mambatrack.datasets.detection_files import checked_scores, read_detections
from mambatrack.datasets.labelled_pictures import label_rows
from mambatrack.errors import MambatrackError, reason_of, shown
from mambatrack.files import regular
from mambatrack.sources.box_stream import open_stream

START = 4096  # bytes that tell what a file is


@dataclass(frozen=True, eq=False)
class BoxFile:
    """frames [R] int64, from 0, ascending; boxes [R, 4], xyxy, pixels, or shares of the picture
    where ``shares``; scores [R]; labels [R]; names: of the classes"""

    frames: NDArray[np.int64]
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    labels: NDArray[np.int64]
    names: tuple[str, ...] = UNNAMED
    shares: bool = False


def read_box_file(path: str | Path, scores: str = "plain") -> BoxFile:
    """Told by its beginning. scores: what its scores are, see read_detections. Raises
    MambatrackError, with the line where there is one, for what has no boxes."""
    path = Path(path)
    if path.is_dir():
        return _of_labels(path, scores)
    try:
        with regular(path).open("rb") as file:
            start = file.read(START).decode("utf-8-sig", "replace").lstrip()
    except OSError as error:
        raise MambatrackError(f"{path} is not a readable file of boxes: {error.strerror}") from None
    if is_csv(start):
        return _of_table(path, read_csv_table(path), scores)
    if start.startswith("[") or (start.startswith("{") and _is_whole(start)):
        return _of_json(path, scores)
    if start.startswith("{"):
        return _of_lines(path, scores)
    table = read_detections(path, scores)
    return _sorted(
        table[:, 0] - 1, ltwh_to_xyxy(table[:, 2:6]), table[:, 6], np.zeros(len(table)), UNNAMED
    )


def _is_whole(start: str) -> bool:
    """Whether an object is a COCO data set, and no line of JSON Lines."""
    return re.search(r'"(images|annotations|categories|info|licenses)"\s*:', start) is not None


def _of_table(path: Path, table: CsvTable, kind: str) -> BoxFile:
    rows = [row for row in table.rows if row.detected]
    scores = np.array([row.score for row in rows])
    return _sorted(
        [row.frame for row in rows], [row.box for row in rows],
        checked_scores(scores, kind, lambda wrong, told: _refuse(path, wrong, scores, told)),
        [row.label for row in rows], table.names,
    )  # fmt: skip


def _of_lines(path: Path, kind: str) -> BoxFile:
    if kind != "plain":
        raise MambatrackError(f"{path}: scores in JSON Lines are plain, 0 to 1")
    frames, boxes, scores, labels = list[int](), [np.zeros((0, 4))], [np.zeros(0)], [np.zeros(0)]
    try:
        with regular(path).open("rb") as file:
            stream = open_stream(file, "jsonl")
            for frame in stream:
                frames += [frame.index] * len(frame.detections)
                boxes.append(frame.detections.boxes.astype(np.float64))
                scores.append(frame.detections.scores.astype(np.float64))
                labels.append(frame.detections.labels.astype(np.float64))
    except MambatrackError as error:
        raise MambatrackError(f"{path}, {error}") from None
    columns = np.concatenate(boxes), np.concatenate(scores), np.concatenate(labels)
    return _sorted(frames, *columns, tuple(stream.names))


def _of_json(path: Path, kind: str) -> BoxFile:
    try:
        said = json.loads(regular(path).read_bytes())
    except (ValueError, RecursionError, OSError) as error:
        raise MambatrackError(_no_coco(path, reason_of(error))) from None
    first = said[0] if isinstance(said, list) and said else None
    if isinstance(first, dict) and "bbox" not in first and box_columns(list(first)):
        return _of_table(path, _named_rows(path, said), kind)
    return _of_coco(path, said, kind)


def _named_rows(path: Path, rows: list[Any]) -> CsvTable:
    try:
        reader = CsvReader(",".join(rows[0]))
        texts = [[str(each.get(name, "")) for name in rows[0]] for each in rows]
        return as_table(reader, [reader.row(place, cells) for place, cells in enumerate(texts)])
    except (MambatrackError, AttributeError) as error:
        raise MambatrackError(f"{path}: in its list, {error}") from None


def _of_coco(path: Path, said: Any, kind: str) -> BoxFile:
    try:
        data = said if isinstance(said, Mapping) else {"annotations": said}
        found = data["annotations"]
        files = {each["id"]: each.get("frame_id", each.get("file_name", each["id"]))
                 for each in data.get("images", ())}  # fmt: skip
        names = {each["id"]: each["name"] for each in data.get("categories", ())}
        numbers = [_number(files.get(each["image_id"], each["image_id"])) for each in found]
        boxes = ltwh_to_xyxy(np.array([each["bbox"] for each in found], float).reshape(-1, 4))
        scores = np.array([each.get("score", 1.0) for each in found], float)
        labels = [_class(each.get("category_id", 0)) for each in found]
    except KeyError as error:
        raise MambatrackError(_no_coco(path, f"{error} is missing")) from None
    except MambatrackError as error:
        raise MambatrackError(f"{path}: {error}") from None
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise MambatrackError(_no_coco(path, str(error))) from None
    _refuse_several(path, map(_number, files.values()))
    scores = checked_scores(scores, kind, lambda wrong, told: _refuse(path, wrong, scores, told))
    last = max(names, default=-1)
    known = last < MOST_CLASSES and all(isinstance(each, int) and each >= 0 for each in names)
    listed = tuple(str(names.get(each, each)) for each in range(last + 1)) if known else ()
    return _sorted(_from_zero(numbers), boxes, scores, labels, listed)


def _no_coco(path: Path, reason: str) -> str:
    return (
        f"{path}: no boxes of COCO: {reason[:200]}; expected a list of objects with image_id, "
        "bbox [left, top, width, height], score and category_id, or a data set with them under "
        "annotations"
    )


def _of_labels(folder: Path, kind: str) -> BoxFile:
    """Ultralytics' labels of a video or of numbered pictures; a frame without boxes has no file."""
    texts = sorted((folder / "labels" if (folder / "labels").is_dir() else folder).glob("*.txt"))
    texts = [text for text in texts if text.name != "classes.txt"]
    if not texts:
        raise MambatrackError(f"{folder}: no labels of YOLO, NAME_FRAME.txt for each frame")
    if kind != "plain":
        raise MambatrackError(f"{folder}: scores in labels of YOLO are plain, 0 to 1")
    _refuse_several(folder, map(_number_in, texts))
    rows = [label_rows(text) for text in texts]
    numbers = [number for number, each in zip(map(_number_in, texts), rows, strict=True)
               for _ in each]  # fmt: skip
    table = np.array([row for each in rows for row in each], np.float64).reshape(-1, 6)
    half = table[:, 3:5] / 2
    boxes = np.concatenate([table[:, 1:3] - half, table[:, 1:3] + half], axis=1)
    first = 0 if 0 in map(_number_in, texts) else 1
    return _sorted(np.array(numbers) - first, boxes, table[:, 5], table[:, 0], (), shares=True)


def _refuse_several(path: Path, numbers: Iterable[int]) -> None:
    """Raises MambatrackError where two pictures would be one frame."""
    twice = [number for number, count in Counter(numbers).items() if count > 1]
    if twice:
        raise MambatrackError(
            f"{path}: several pictures are frame {twice[0]}; expected those of one video, with the "
            "number of the frame at the end of their names"
        )


def _number_in(path: Path) -> int:
    return _number(path.stem)


def _number(name: Any) -> int:
    """The frame that an image is: its number, or the last one in its name."""
    if isinstance(name, int) and 0 <= name < HIGHEST:
        return name
    found = re.findall(r"\d+", Path(str(name)).stem)
    if not found or len(found[-1]) > 9:
        raise MambatrackError(f"{shown(name)} has no number of a frame in its name")
    return int(found[-1])


def _class(number: Any) -> int:
    if not isinstance(number, int) or not 0 <= number < HIGHEST:
        raise ValueError(f"category_id is {shown(number)}; expected a whole number from 0 on")
    return number


def _from_zero(numbers: Sequence[int]) -> NDArray[np.int64]:
    frames = np.array(numbers, np.int64)
    return frames - (0 if (frames == 0).any() else 1)


def _refuse(path: Path, wrong: NDArray[np.bool_], scores: NDArray[np.float64], told: str) -> None:
    if wrong.any():
        raise MambatrackError(f"{path}: score {scores[wrong][0]:g}; {told.partition('; ')[2]}")


def _sorted(
    frames: Any, boxes: Any, scores: Any, labels: Any, names: tuple[str, ...], shares: bool = False
) -> BoxFile:
    frames, labels = np.array(frames, np.int64), np.array(labels, np.int64)
    order = np.argsort(frames, kind="stable")
    if not names:
        last = labels.max(initial=0)
        names = tuple(map(str, range(last + 1))) if 0 < last < MOST_CLASSES else UNNAMED
    return BoxFile(
        frames[order], np.array(boxes, np.float64).reshape(-1, 4)[order],
        np.array(scores, np.float64)[order], labels[order], names, shares,
    )  # fmt: skip
