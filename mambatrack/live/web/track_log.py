"""The tracks of a source so far, in bounded space on disk, for download as --mot, --jsonl and --csv
write them."""

import json
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from mambatrack.csv_text import csv_text
from mambatrack.outputs.lines import (
    CSV_COLUMNS,
    csv_rows,
    jsonl_frame,
    jsonl_header,
    jsonl_line,
    mot_rows,
)
from mambatrack.tracks import Tracks

Kind = Literal["mot", "jsonl", "csv"]

LIMIT = 256 << 20  # bytes of a source, two files of half of it
CHUNK_FRAMES = 50
REST = 3.0  # pause after each chunk of a download, in times of what the chunk took
HEAD = struct.Struct("<qdii")  # frame, time_s (NaN: none), tracks, ended
ROW = np.dtype([
    ("ids", "<i8"), ("labels", "<i8"), ("gap", "<i8"), ("det_ind", "<i8"), ("boxes", "<f4", 4),
    ("spread", "<f4", 4), ("scores", "<f4"), ("state", "u1"),
])  # fmt: skip


def dumps(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


class Recording:
    """Whole frames in two files: when the newer one is full the older one goes away.

    So at least the newest half of ``limit`` bytes is there. One thread writes, any may read.
    frames: in the files; first: the oldest frame there, None while empty; size: bytes;
    problem: why nothing more is recorded, None while all is well; lost: frames since then
    """

    def __init__(self, limit: int = LIMIT):
        self.frames, self.lost, self.limit = 0, 0, limit
        self.problem: str | None = None
        self.names: tuple[str, ...] = ()
        self._lock = threading.Lock()
        self._parts: list[_Part] = []

    @property
    def size(self) -> int:
        return sum(part.size for part in self._parts)

    @property
    def first(self) -> int | None:
        return self._parts[0].first if self._parts else None

    def add(self, tracks: Tracks) -> None:
        """Appends one frame; a full disk ends the recording, not the caller."""
        if self.problem is not None:
            self.lost += 1
            return
        block = _packed(tracks)
        try:
            with self._lock:
                if not self._parts or self._parts[-1].size + len(block) > self.limit // 2:
                    self._turn(tracks.frame)
                self._parts[-1].append(block)
                self._parts[-1].again |= tracks.known_again
        except OSError as error:
            self.problem = f"recording stopped: {error.strerror or error}"
            self.lost += 1
            return
        self.frames = sum(part.frames for part in self._parts)

    def _turn(self, first: int) -> None:
        self._parts = [*self._parts[-1:], _Part(first)]

    def text(self, kind: Kind) -> Iterator[str]:
        """The frames so far, some at a time and with rests, so that the tracker keeps its pace."""
        with self._lock:
            ends = [(part, part.size) for part in self._parts]
            again = {was: each for part in self._parts for was, each in part.again.items()}
        if kind == "jsonl":
            yield jsonl_line(jsonl_header(self.names))
        if kind == "csv":
            yield csv_text([CSV_COLUMNS])
        lines: list[str] = []
        began = time.monotonic()
        for part, size in ends:
            for tracks in _unpacked(part, size):
                lines.append(_text_of(tracks.renamed(again), kind, self.names))
                if len(lines) == CHUNK_FRAMES:
                    yield "".join(lines)
                    lines.clear()
                    time.sleep(REST * (time.monotonic() - began))
                    began = time.monotonic()
        yield "".join(lines)

    def close(self) -> None:
        with self._lock:
            self._parts = []


class _Part:
    """A file without a name: it is gone with the last who holds it, also after kill -9.

    again: as Tracks.known_again of its frames
    """

    def __init__(self, first: int):
        self.again: dict[int, int] = {}
        self.first, self.size, self.frames = first, 0, 0
        self._file: Any = tempfile.TemporaryFile(prefix="mambatrack-", buffering=0)  # noqa: SIM115
        self._lock = threading.Lock()

    def append(self, block: bytes) -> None:
        with self._lock:
            self._file.seek(self.size)
            if self._file.write(block) != len(block):
                raise OSError("the disk is full")
            self.size += len(block)
            self.frames += 1

    def read(self, offset: int, size: int) -> bytes:
        with self._lock:
            self._file.seek(offset)
            return self._file.read(size)

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()


def _packed(tracks: Tracks) -> bytes:
    rows = np.empty(len(tracks), ROW)
    for name in ROW.names or ():
        rows[name] = getattr(tracks, name)
    time_s = np.nan if tracks.time_s is None else tracks.time_s
    head = HEAD.pack(tracks.frame, time_s, len(tracks), len(tracks.ended))
    return head + rows.tobytes() + tracks.ended.astype("<i8").tobytes()


def _unpacked(part: _Part, size: int) -> Iterator[Tracks]:
    """The frames in the first ``size`` bytes."""
    offset = 0
    while offset < size:
        frame, time_s, count, ended = HEAD.unpack(part.read(offset, HEAD.size))
        offset += HEAD.size
        body = part.read(offset, count * ROW.itemsize + 8 * ended)
        offset += len(body)
        rows = np.frombuffer(body, ROW, count)
        columns: dict[str, Any] = {name: rows[name] for name in ROW.names or ()}
        gone = np.frombuffer(body, "<i8", ended, count * ROW.itemsize)
        yield Tracks(frame, None if np.isnan(time_s) else time_s, **columns, ended=gone)


def _text_of(tracks: Tracks, kind: Kind, names: tuple[str, ...]) -> str:
    sound = tracks.select(np.all(np.isfinite(tracks.boxes), axis=1))
    if kind == "mot":
        return mot_rows(sound.select(sound.observed))
    if kind == "csv":
        return csv_text(csv_rows(sound, names))
    return dumps(jsonl_frame(sound, names)) + "\n"
