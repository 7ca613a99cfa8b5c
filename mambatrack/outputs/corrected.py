"""Text files whose ids are corrected, at their end, by what a memory said since they were written.

Each is rewritten frame by frame, and takes the place of the old one in one step.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from mambatrack.errors import MambatrackError
from mambatrack.files import replacing

Again = Mapping[int, int]  # the id that a track had -> the one that it has again
Correct = Callable[[Iterable[str], Again], Iterator[str]]  # lines -> the same, corrected
STREAMS = Path("/dev"), Path("/proc")  # what went there is gone


def correct_file(path: str | Path, again: Again, correct: Correct) -> None:
    """Renames ids in a file, whoever seems to be two in a frame being one. A stream stays as it is.
    Raises MambatrackError where it cannot be written; the file then is as it was."""
    named, place = Path(path), Path(os.path.realpath(path))
    if not place.is_file() or any(each in named.parents for each in STREAMS):
        return
    try:
        with replacing(place) as temporary, place.open(newline="", encoding="utf-8") as old:
            with temporary.open("w", newline="", encoding="utf-8") as new:
                new.writelines(correct(old, again))
    except OSError as error:
        raise MambatrackError(
            f"cannot correct the ids in {path}: {error.strerror}; it has them as they were known "
            "when each frame was written"
        ) from error


def corrected_mot(lines: Iterable[str], again: Again) -> Iterator[str]:
    """MOT text; of two boxes of one track in a frame, that of the newer id stays."""
    for _, frame in groupby(lines, lambda line: line.partition(",")[0]):
        rows = [line.split(",", 2) for line in frame]
        kept = _each_once(rows, [int(row[1]) for row in rows], [False] * len(rows), again)
        yield from (f"{row[0]},{identity},{row[2]}" for identity, row in kept)


def corrected_csv(lines: Iterable[str], again: Again) -> Iterator[str]:
    """Below a header, as CSV_COLUMNS has them; a seen box stays, or that of the newer id."""
    lines = iter(lines)
    yield next(lines)
    rows = (line.split(",") for line in lines)
    for _, frame in groupby(rows, lambda row: row[7]):
        cells = list(frame)
        hidden = [row[9] == "predicted" for row in cells]
        for identity, row in _each_once(cells, [int(row[6]) for row in cells], hidden, again):
            yield ",".join([*row[:6], str(identity), *row[7:]])


def corrected_jsonl(lines: Iterable[str], again: Again) -> Iterator[str]:
    """JSON Lines, in frames and in revisions; a seen box stays, or that of the newer id."""
    for line in lines:
        value = json.loads(line)
        if not _concerned(value, again):
            yield line
            continue
        if "revision" in value:
            value["revision"]["id"] = again[value["revision"]["id"]]
        else:
            value["tracks"] = _renamed(value["tracks"], again)
        yield json.dumps(value, separators=(",", ":")) + "\n"


def _concerned(value: dict[str, Any], again: Again) -> bool:
    if "revision" in value:
        return value["revision"]["id"] in again
    return any(track["id"] in again for track in value.get("tracks", ()))


def _renamed(tracks: list[dict[str, Any]], again: Again) -> list[dict[str, Any]]:
    hidden = [track["state"] == "predicted" for track in tracks]
    kept = _each_once(tracks, [track["id"] for track in tracks], hidden, again)
    return [{**track, "id": identity} for identity, track in kept]


def _each_once(
    rows: list[Any], ids: list[int], hidden: list[bool], again: Again
) -> list[tuple[int, Any]]:
    """(new id, row) by id: of two rows of one id the one that is not hidden, or the renamed one;
    all in their order where none is renamed."""
    if not any(each in again for each in ids):
        return list(zip(ids, rows, strict=True))
    best: dict[int, tuple[tuple[bool, bool], Any]] = {}
    for identity, row, unseen in zip(ids, rows, hidden, strict=True):
        new, rank = again.get(identity, identity), (not unseen, identity in again)
        if new not in best or rank > best[new][0]:
            best[new] = rank, row
    return [
        (identity, row) for identity, (_, row) in sorted(best.items(), key=lambda each: each[0])
    ]
