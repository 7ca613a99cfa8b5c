"""The JSON Lines that mambatrack writes, line by line, each value checked."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mambatrack.appearance.codes import TrackCode, calibration_of, vector_of
from mambatrack.errors import MambatrackError
from mambatrack.files import regular
from mambatrack.outputs.lines import JSONL_VERSION

HIGHEST = 2**31  # of frames, ids, labels and gaps
FARTHEST = 1e9  # pixels
STATES = ("tentative", "observed", "predicted")


@dataclass
class TrackRows:
    """The boxes of a file that are not tentative, in its order.

    rows: frame from 0, id, x1, y1, x2, y2, score, label, gap;  seen: False where predicted
    names: of the classes;  times: seconds by frame, where known;  frames: that have a line
    revised: boxes of revisions by (frame, id);  codes: of tracks, where there are any
    """

    rows: list[list[float]] = field(default_factory=list)
    seen: list[bool] = field(default_factory=list)
    names: tuple[str, ...] = ()
    times: dict[int, float] = field(default_factory=dict)
    frames: list[int] = field(default_factory=list)
    revised: dict[tuple[int, int], list[float]] = field(default_factory=dict)
    codes: list[TrackCode] = field(default_factory=list)


def read_json_lines(path: Path) -> TrackRows:
    """Raises MambatrackError, with the line, for what mambatrack does not write."""
    found, headed = TrackRows(), False
    again: dict[int, int] = {}
    for number, value in _objects(path):
        try:
            if "format" in value:
                headed = True
                found.names = _names(value)
            elif "revision" in value:
                _add_revision(found, value["revision"])
            elif "embedding" in value:
                found.codes.append(_code(value["embedding"]))
            elif "tracks" in value and "frame" in value:
                _add_frame(found, value)
                again |= {_whole(was, "id"): _whole(identity, "id")
                          for was, identity in value.get("returned", ())}  # fmt: skip
            elif value and not headed:  # later versions may have other lines below their header
                raise ValueError("it has no frame and tracks")
        except KeyError as error:
            raise _refused(path, number, f"{error} is missing") from None
        except (TypeError, ValueError, AttributeError) as error:
            raise _refused(path, number, str(error)) from None
    if again:
        _rename(found, again)
    return found


def _rename(found: TrackRows, again: dict[int, int]) -> None:
    """Who was known again is one track in all frames: of two boxes in one of them the seen one, or
    that of the newer id."""
    best: dict[tuple[float, float], tuple[tuple[bool, bool], list[float]]] = {}
    for (frame, identity, *rest), seen in zip(found.rows, found.seen, strict=True):
        new, rank = again.get(int(identity), identity), (seen, identity in again)
        if (frame, new) not in best or rank > best[frame, new][0]:
            best[frame, new] = rank, [frame, new, *rest]
    found.rows = [row for _, row in best.values()]
    found.seen = [seen for (seen, _), _ in best.values()]
    found.revised = {
        (frame, again.get(identity, identity)): box
        for (frame, identity), box in found.revised.items()
    }


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line from 1, object) of every line that is not blank."""
    with regular(path).open("rb") as file:
        for number, raw in enumerate(file, start=1):
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                value = json.loads(line) if line else {}
            except UnicodeDecodeError:
                raise _refused(path, number, "it is no UTF-8 text") from None
            except (ValueError, RecursionError):
                value = None
            if not isinstance(value, dict):
                raise _refused(path, number, "not a JSON object")
            if line:
                yield number, value


def _refused(path: Path, number: int, reason: str) -> MambatrackError:
    return MambatrackError(
        f"{path}, line {number}: not the JSON Lines that mambatrack writes: {reason[:200]}"
    )


def _names(header: dict[str, Any]) -> tuple[str, ...]:
    version = header.get("version", JSONL_VERSION)
    if version != JSONL_VERSION:
        raise ValueError(f"version {version!r}; expected {JSONL_VERSION}")
    names = header.get("classes", [])
    if not isinstance(names, list):
        raise ValueError("classes are no list")
    return tuple(_text(name) for name in names)


def _add_frame(found: TrackRows, value: dict[str, Any]) -> None:
    frame = _whole(value["frame"], "frame")
    found.frames.append(frame)
    if value.get("time_s") is not None:
        found.times[frame] = _number(value["time_s"], "time_s")
    if not isinstance(value["tracks"], list):
        raise ValueError("tracks are no list")
    for track in value["tracks"]:
        state = track["state"]
        if state not in STATES:
            raise ValueError(f"state {state!r}; expected {', '.join(STATES)}")
        row = _row(frame, track)
        if state != "tentative":
            found.rows.append(row)
            found.seen.append(state == "observed")


def _add_revision(found: TrackRows, value: dict[str, Any]) -> None:
    identity = _whole(value["id"], "id")
    for frame, box in zip(value["frames"], value["boxes"], strict=True):
        found.revised[_whole(frame, "frame"), identity] = _box(box)


def _code(given: dict[str, Any]) -> TrackCode:
    if not isinstance(given["embedder"], str):
        raise ValueError("the name of its embedder is no text")
    return TrackCode(
        _whole(given["id"], "id"), _whole(given["frame"], "frame"), given["embedder"],
        _whole(given["looks"], "looks"), vector_of(given["code"]),
        calibration_of(given["similarities"]),
    )  # fmt: skip


def _row(frame: int, track: dict[str, Any]) -> list[float]:
    score = track.get("score")
    return [
        frame, _whole(track["id"], "id"), *_box(track["box"]),
        0.0 if score is None else _number(score, "score"),
        _whole(track.get("label", 0), "label"), _whole(track.get("gap", 0), "gap"),
    ]  # fmt: skip


def _box(value: Any) -> list[float]:
    if not isinstance(value, list) or len(value) != 4:
        raise ValueError("a box has no four sides")
    sides = [_number(side, "a side of a box") for side in value]
    if max(map(abs, sides)) >= FARTHEST:
        raise ValueError(f"a side of a box is {max(sides, key=abs):g}, which no picture has")
    return sides


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name} is no number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} is not finite")
    return number


def _whole(value: Any, name: str) -> int:
    if type(value) is not int or not 0 <= value < HIGHEST:
        raise ValueError(f"{name} is no whole number from 0 to {HIGHEST - 1}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("the name of a class is no text")
    value.encode()  # UnicodeEncodeError, a ValueError, for a lone surrogate
    return value
