"""``mambatrack ids``: repairs the identities of a result file, and takes it back.

Every edit replaces the file in one step and keeps the old lines in RESULT.undo.jsonl beside it;
undo restores the file byte for byte, one edit at a time.
"""

import argparse
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from mambatrack.errors import MambatrackError, counted, reason_of
from mambatrack.files import regular, write_text
from mambatrack.result_files.identity_edits import (
    Changes,
    CsvLines,
    JsonLines,
    MotLines,
    Rename,
)
from mambatrack.result_files.read_results import kind_of

KINDS: dict[str, type[CsvLines | JsonLines | MotLines]] = {
    "csv": CsvLines, "jsonl": JsonLines, "mot": MotLines,
}  # fmt: skip
Lines = list[str]


@dataclass(frozen=True)
class Entry:
    """One edit in the log.

    edit: as it was asked for; before, after: SHA-256 of the file; old: for each changed line its
    place in the new file, how many lines took its place, and what it was
    """

    edit: str
    before: str
    after: str
    old: list[tuple[int, int, str]]


class ResultFile:
    """A result file that can be edited, and its log."""

    def __init__(self, path: str | Path):
        self.path = Path(os.path.realpath(path))
        self.log = self.path.with_name(f"{self.path.name}.undo.jsonl")
        self._read()

    def swap(self, one: int, other: int, first: int | None = None) -> int:
        """From frame ``first`` on, what had id ``one`` has ``other`` and the other way round.
        Returns the number of lines that changed."""
        first = self.content.first_frame if first is None else first
        self._check_pair(one, other)
        if not any(frame >= first for frame, _ in self._of(one, other)):
            raise MambatrackError(f"neither {one} nor {other} has a box from frame {first} on")
        ids = {one: other, other: one}
        return self._edit(
            f"swap {one} {other} --from {first}",
            lambda frame, identity: ids.get(identity, identity) if frame >= first else identity,
        )

    def merge(self, kept: int, gone: int) -> int:
        """What had id ``gone`` has ``kept``; a predicted box gives way to a seen one. Returns the
        number of lines that changed. Raises MambatrackError where both are seen in a frame."""
        self._check_pair(kept, gone)
        return self._edit(
            f"merge {kept} {gone}", lambda frame, identity: kept if identity == gone else identity
        )

    def split(self, identity: int, first: int) -> int:
        """From frame ``first`` on, ``identity`` is a new id, which is returned."""
        frames = [frame for frame, _ in self._of(identity)]
        if not (min(frames) < first <= max(frames)):
            raise MambatrackError(
                f"id {identity} has boxes from frame {min(frames)} to {max(frames)}; split it at a "
                "frame after the first of them"
            )
        new = max(self.content.ids()) + 1
        self._edit(
            f"split {identity} {first}",
            lambda frame, each: new if each == identity and frame >= first else each,
        )
        return new

    def renumber(self, ids: Mapping[int, int], edit: str) -> int:
        """Every id of content.ids() is the one that ``ids`` has for it; edit: what the log calls
        it. Returns the number of lines that changed. Raises MambatrackError where two that are
        seen in a frame would be one."""
        return self._edit(edit, lambda _, identity: ids[identity])

    def undo(self) -> str:
        """Takes back the last edit and returns what it was."""
        entries = self._entries()
        if not entries:
            raise MambatrackError(f"{self.path} has no edit to undo")
        last = entries.pop()
        lines = list(self.lines)
        try:
            for place, count, text in reversed(last.old):
                lines[place : place + count] = [text]
            sound = _digest(lines) == last.before
        except (ValueError, TypeError):
            sound = False
        if not sound:
            raise MambatrackError(f"{self.log} is damaged; nothing was changed")
        write_text(self.path, "".join(lines))
        self._write_log(entries)
        self._read()
        return last.edit

    def _read(self) -> None:
        try:
            text = regular(self.path).read_bytes().decode("utf-8")
        except OSError as error:
            raise MambatrackError(f"{self.path} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError as error:
            raise MambatrackError(f"{self.path} is no readable result file: {error}") from None
        self.lines = _split(text)
        kind = KINDS[kind_of(text[:256].lstrip("\ufeff \t\r\n"))]
        try:
            self.content = kind(self.lines)
        except MambatrackError as error:
            raise MambatrackError(f"{self.path}, {error}") from None

    def _edit(self, edit: str, rename: Rename) -> int:
        entries = self._entries()
        lines, old = _changed(self.lines, self.content.apply(rename))
        entry = Entry(edit, _digest(self.lines), _digest(lines), old)
        self._write_log([*entries, entry])
        write_text(self.path, "".join(lines))
        self._read()
        return len(old)

    def _entries(self) -> list[Entry]:
        """The log without an edit that was cut short before it reached the file."""
        if not os.path.lexists(self.log):
            return []
        try:
            lines = _split(regular(self.log).read_bytes().decode("utf-8"))
            entries = [Entry(**json.loads(line)) for line in lines]
        except (ValueError, TypeError, KeyError, OSError, RecursionError) as error:
            raise MambatrackError(
                f"{self.log} is damaged: {reason_of(error)}; move it away"
            ) from None
        now = _digest(self.lines)
        if entries and entries[-1].after != now and entries[-1].before == now:
            entries.pop()
        if entries and entries[-1].after != now:
            raise MambatrackError(
                f"{self.path} has changed since its last edit, so {self.log.name} no longer fits; "
                "move that file away to begin anew"
            )
        return entries

    def _write_log(self, entries: list[Entry]) -> None:
        if entries:
            write_text(self.log, "".join(json.dumps(asdict(each)) + "\n" for each in entries))
        else:
            self.log.unlink(missing_ok=True)

    def _check_pair(self, one: int, other: int) -> None:
        if one == other:
            raise MambatrackError(f"both ids are {one}; expected two different ones")
        self._of(one)
        self._of(other)

    def _of(self, *ids: int) -> list[tuple[int, int]]:
        """The boxes (frame, id) of these ids."""
        boxes = [each for each in self.content.boxes() if each[1] in ids]
        if not boxes:
            raise MambatrackError(f"id {ids[0]} is not in {self.path}")
        return boxes


def _told(changed: int) -> str:
    return f"{counted(changed, 'line')} changed"


EDITS: dict[str, Callable[[ResultFile, argparse.Namespace], str]] = {
    "swap": lambda file, given: _told(file.swap(given.a, given.b, given.first)),
    "merge": lambda file, given: _told(file.merge(given.a, given.b)),
    "split": lambda file, given: (
        f"{given.a} is {file.split(given.a, given.frame)} from frame {given.frame} on"
    ),
    "undo": lambda file, given: f"took back {file.undo()}",
}


def _changed(lines: Lines, changes: Changes) -> tuple[Lines, list[tuple[int, int, str]]]:
    """(the new lines, what Entry.old says)."""
    new: Lines = []
    old = []
    for place, line in enumerate(lines):
        now = changes.get(place)
        if now is not None:
            old.append((len(new), len(now), line))
        new += [line] if now is None else now
    return new, old


def _split(text: str) -> Lines:
    """Lines with their ends; only a line feed ends one."""
    pieces = text.split("\n")
    return [piece + "\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])


def _digest(lines: Lines) -> str:
    return hashlib.sha256("".join(lines).encode("utf-8")).hexdigest()
