"""Ids of a result file, changed line by line: MOT text, or mambatrack's JSON Lines and CSV.

An edit is a function (frame, id) -> id. Lines that it does not concern stay as they are, byte for
byte; frames are numbered as in the file, from 1 in MOT text and from 0 in the others.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from mambatrack.errors import MambatrackError

Rename = Callable[[int, int], int]
Changes = dict[int, list[str]]  # place of a line -> the lines that take its place

CSV_KEYS = "tracker_id", "frame_index"
CELL = re.compile(r'"(?:[^"]|"")*"|[^,\r\n]+|(?<=,)(?=,|$)|^(?=,)')
KEYS = re.compile(r"\ufeff?\s*([^,\s]+)(?:\s*,\s*|\s+)([^,\s]+)(?=[,\s])")


class MotLines:
    """MOT text; its rows do not tell seen from predicted, so two in one frame always clash."""

    first_frame = 1

    def __init__(self, lines: list[str]):
        filled = [(place, line) for place, line in enumerate(lines) if line.strip("\ufeff \t\r\n")]
        self._rows = [(place, _keys(place, line)) for place, line in filled]
        self._lines = lines

    def boxes(self) -> Iterator[tuple[int, int]]:
        """(frame, id) of every box."""
        for _, (frame, identity, _) in self._rows:
            yield frame, identity

    def ids(self) -> set[int]:
        """All that are used."""
        return {identity for _, identity in self.boxes()}

    def apply(self, rename: Rename) -> Changes:
        """The lines that change. Raises MambatrackError where one frame would have an id twice."""
        changes: Changes = {}
        taken: set[tuple[int, int]] = set()
        for place, (frame, identity, span) in self._rows:
            new = rename(frame, identity)
            if (frame, new) in taken:
                raise _clash(frame, new)
            taken.add((frame, new))
            if new != identity:
                line = self._lines[place]
                changes[place] = [f"{line[: span[0]]}{new}{line[span[1] :]}"]
        return changes


class CsvLines:
    """CSV below its header. Of two boxes in one frame the one that was seen stays, as in JSON
    Lines."""

    first_frame = 0

    def __init__(self, lines: list[str]):
        self._lines = lines
        filled = [
            (place, CELL.findall(line.strip("\ufeff\r\n")))
            for place, line in enumerate(lines)
            if line.strip("\ufeff \t\r\n")
        ]
        header = [cell.strip('" ') for cell in filled[0][1]]
        if not {*CSV_KEYS} <= {*header}:
            raise MambatrackError(
                f"line {filled[0][0] + 1}: expected the columns {', '.join(CSV_KEYS)}, as --csv "
                "writes them"
            )
        self._id = header.index("tracker_id")
        self._rows = [_csv_row(place, header, cells) for place, cells in filled[1:]]

    def boxes(self) -> Iterator[tuple[int, int]]:
        """(frame, id) of every box."""
        for row in self._rows:
            yield row["frame"], row["id"]

    def ids(self) -> set[int]:
        """All that are used."""
        return {identity for _, identity in self.boxes()}

    def apply(self, rename: Rename) -> Changes:
        """The lines that change. Raises MambatrackError where one frame would have an id twice."""
        kept: dict[tuple[int, int], dict[str, Any]] = {}
        for row in self._rows:
            new = {**row, "id": rename(row["frame"], row["id"])}
            key = new["frame"], new["id"]
            kept[key] = _better(new["frame"], kept[key], new) if key in kept else new
        new_ids = {row["place"]: row["id"] for row in kept.values()}
        changes: Changes = {}
        for row in self._rows:
            place, line = row["place"], self._lines[row["place"]]
            if place not in new_ids:
                changes[place] = []
            elif new_ids[place] != row["id"]:
                first, last = list(CELL.finditer(line))[self._id].span()
                changes[place] = [f"{line[:first]}{new_ids[place]}{line[last:]}"]
        return changes


def _csv_row(place: int, header: list[str], cells: list[str]) -> dict[str, Any]:
    """What an edit looks at: frame, id, state, gap and the place of the line."""
    row = dict(zip(header, cells, strict=False))
    try:
        keys = {name: _whole(row[key].strip('" '))
                for name, key in (("frame", "frame_index"), ("id", "tracker_id"))}  # fmt: skip
        gap = _whole(row.get("gap", "0").strip('" ') or "0")
    except (KeyError, ValueError, OverflowError):
        raise MambatrackError(
            f"line {place + 1}: no row of a track; expected numbers under {', '.join(CSV_KEYS)}"
        ) from None
    return {"place": place, **keys, "state": row.get("state", "").strip('" '), "gap": gap}


class JsonLines:
    """JSON Lines. Of two boxes in one frame of which one is predicted or tentative, the other one
    stays, and of two such the one that was seen last."""

    first_frame = 0

    def __init__(self, lines: list[str]):
        self._lines = lines
        self._values = [(place, _value(place, line)) for place, line in enumerate(lines)
                        if line.strip("\ufeff \t\r\n")]  # fmt: skip

    def boxes(self) -> Iterator[tuple[int, int]]:
        """(frame, id) of every box."""
        for _, value in self._values:
            for track in value.get("tracks", ()):
                yield value["frame"], track["id"]

    def ids(self) -> set[int]:
        """All that are used, also of those who were known again and have no boxes of their own."""
        again = (each for _, value in self._values for pair in value.get("returned", ())
                 for each in pair)  # fmt: skip
        return {identity for _, identity in self.boxes()}.union(again)

    def apply(self, rename: Rename) -> Changes:
        """The lines that change. Raises MambatrackError where one frame would have an id twice."""
        lives = _Lives(self.boxes(), rename)
        changes: Changes = {}
        for place, value in self._values:
            if "revision" in value:
                new = _renamed_revision(value, rename)
            elif "embedding" in value:
                new = [_renamed_embedding(value, rename)]
            elif "tracks" in value:
                new = [_renamed_frame(value, rename, lives)]
            else:
                continue
            if new != [value]:
                ending = self._lines[place][len(self._lines[place].rstrip("\r\n")) :]
                mark = "\ufeff" if self._lines[place].startswith("\ufeff") else ""
                texts = [json.dumps(each, separators=(",", ":")) for each in new]
                texts[0] = mark + texts[0]
                changes[place] = [text + (ending or "\n") for text in texts]
                changes[place][-1] = texts[-1] + ending
        return changes


class _Lives:
    """In which frames an id has boxes, before and after an edit."""

    def __init__(self, boxes: Iterable[tuple[int, int]], rename: Rename):
        self._rename = rename
        self._frames: dict[int, list[int]] = defaultdict(list)
        self._last: dict[int, int] = {}
        for frame, identity in boxes:
            self._frames[identity].append(frame)
            new = rename(frame, identity)
            self._last[new] = max(frame, self._last.get(new, -1))

    def ended(self, frame: int, ids: list[int]) -> list[int]:
        """Who ends in ``frame`` after the edit, where ``ids`` did before it."""
        found: list[int] = []
        for identity in ids:
            before = max((each for each in self._frames[identity] if each < frame), default=frame)
            new = self._rename(before, identity)
            if new not in found and self._last.get(new, -1) < frame:
                found.append(new)
        return found


def _renamed_frame(value: dict[str, Any], rename: Rename, lives: _Lives) -> dict[str, Any]:
    frame = value["frame"]
    kept: dict[int, dict[str, Any]] = {}
    for track in value["tracks"]:
        new = rename(frame, track["id"])
        track = {**track, "id": new}
        if new in kept:
            track = _better(frame, kept[new], track)
        kept[new] = track
    unchanged = [each["id"] for each in value["tracks"]] == list(kept)
    tracks = list(kept.values()) if unchanged else [kept[each] for each in sorted(kept)]
    renamed = {**value, "tracks": tracks}
    if "ended" in value:
        renamed["ended"] = lives.ended(frame, value["ended"])
    if "returned" in value:
        renamed["returned"] = [[rename(frame, each) for each in pair] for pair in value["returned"]]
    return renamed


def _better(frame: int, one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    hidden = [each.get("state") in ("predicted", "tentative") for each in (one, other)]
    if not any(hidden):
        raise _clash(frame, one["id"])
    if all(hidden):
        return one if one.get("gap", 0) <= other.get("gap", 0) else other
    return other if hidden[0] else one


def _renamed_embedding(value: dict[str, Any], rename: Rename) -> dict[str, Any]:
    said = value["embedding"]
    return {**value, "embedding": {**said, "id": rename(said["frame"], said["id"])}}


def _renamed_revision(value: dict[str, Any], rename: Rename) -> list[dict[str, Any]]:
    """The revision, in two where its frames come to belong to two ids."""
    said = value["revision"]
    owners: dict[int, list[int]] = defaultdict(list)
    for place, frame in enumerate(said["frames"]):
        owners[rename(frame, said["id"])].append(place)
    if list(owners) in ([said["id"]], []):
        return [value]
    return [
        {**value, "revision": {**said, "id": new, **{
            key: [said[key][place] for place in places]
            for key in ("frames", "boxes", "spread") if key in said
        }}}
        for new, places in owners.items()
    ]  # fmt: skip


def _keys(place: int, line: str) -> tuple[int, int, tuple[int, int]]:
    """Frame, id, and where in the line the id stands."""
    match = KEYS.match(line)
    try:
        if match is None:
            raise ValueError
        frame, identity = map(_whole, match.groups())
    except (ValueError, OverflowError):
        raise MambatrackError(
            f"line {place + 1}: no MOT text; expected frame,id,left,top,width,height"
        ) from None
    return frame, identity, match.span(2)


def _whole(text: str) -> int:
    value = float(text)
    if not value.is_integer():
        raise ValueError
    return int(value)


def _value(place: int, line: str) -> dict[str, Any]:
    """One object, with what is looked at here in place."""
    try:
        value = json.loads(line.lstrip("\ufeff"))
        whole = [each["id"] for each in value.get("tracks", ())] + list(value.get("ended", ()))
        whole += [value["frame"]] if "tracks" in value else []
        whole += [each for pair in value.get("returned", ()) for each in pair]
        whole += [value["embedding"][key] for key in ("id", "frame") if "embedding" in value]
        fits = True
        if "revision" in value:
            said = value["revision"]
            whole += [said["id"], *said["frames"]]
            fits = {len(said[key]) for key in ("boxes", "spread") if key in said} <= {
                len(said["frames"])
            }
        if fits and all(type(each) is int for each in whole):
            return value
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise MambatrackError(f"line {place + 1}: not the JSON Lines that mambatrack writes")


def _clash(frame: int, identity: int) -> MambatrackError:
    return MambatrackError(
        f"frame {frame} would have id {identity} twice, as both are seen in it; nothing was changed"
    )
