"""Ids of a result file, changed line by line: MOT text or the JSON Lines that mambatrack writes.

An edit is a function (frame, id) -> id. Lines that it does not concern stay as they are, byte for
byte; frames are numbered as in the file, from 1 in MOT text and from 0 in JSON Lines.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from mambatrack.errors import MambatrackError

Rename = Callable[[int, int], int]
Changes = dict[int, list[str]]  # place of a line -> the lines that take its place

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
