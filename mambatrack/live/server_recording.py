"""The tracks of a source so far, in bounded space on disk, for download as MOT or JSON Lines."""

import json
import os
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from mambatrack.outputs import JSONL_VERSION, jsonl_frame, mot_rows
from mambatrack.tracks import Tracks

Kind = Literal["mot", "jsonl"]

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
    problem: why nothing more is recorded, None while all is well
    """

    def __init__(self, folder: Path, limit: int = LIMIT):
        self.frames, self.limit = 0, limit
        self.problem: str | None = None
        self.names: tuple[str, ...] = ()
        self._folder, self._lock = folder, threading.Lock()
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
            return
        block = _packed(tracks)
        try:
            with self._lock:
                if not self._parts or self._parts[-1].size + len(block) > self.limit // 2:
                    self._turn(tracks.frame)
                self._parts[-1].append(block)
        except OSError as error:
            self.problem = f"recording stopped: {error.strerror or error}"
            return
        self.frames = sum(part.frames for part in self._parts)

    def _turn(self, first: int) -> None:
        self._parts.append(_Part(self._folder, first))
        if len(self._parts) > 2:
            self._parts.pop(0).close()

    def text(self, kind: Kind) -> Iterator[str]:
        """The frames so far, some at a time and with rests, so that the tracker keeps its pace."""
        with self._lock:
            ends = [(part.open(), part.size) for part in self._parts]
        if kind == "jsonl":
            header = {"format": "mambatrack-tracks", "version": JSONL_VERSION}
            yield dumps({**header, "classes": list(self.names)}) + "\n"
        lines: list[str] = []
        began = time.monotonic()
        for file, size in ends:
            with file:
                for tracks in _unpacked(file, size):
                    lines.append(_text_of(tracks, kind, self.names))
                    if len(lines) == CHUNK_FRAMES:
                        yield "".join(lines)
                        lines.clear()
                        time.sleep(REST * (time.monotonic() - began))
                        began = time.monotonic()
        yield "".join(lines)

    def close(self) -> None:
        with self._lock:
            for part in self._parts:
                part.close()
            self._parts.clear()


class _Part:
    """One of the two files; it is gone when it is closed, but for who reads it then."""

    def __init__(self, folder: Path, first: int):
        self.first, self.size, self.frames = first, 0, 0
        descriptor, name = tempfile.mkstemp(dir=folder, prefix="tracks-")
        self._file, self._path = os.fdopen(descriptor, "wb", buffering=0), Path(name)

    def append(self, block: bytes) -> None:
        written = self._file.write(block)
        if written != len(block):
            self._file.seek(self.size)
            raise OSError("the disk is full")
        self.size += len(block)
        self.frames += 1

    def open(self) -> IO[bytes]:
        return self._path.open("rb")

    def close(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


def _packed(tracks: Tracks) -> bytes:
    rows = np.empty(len(tracks), ROW)
    for name in ROW.names or ():
        rows[name] = getattr(tracks, name)
    time_s = np.nan if tracks.time_s is None else tracks.time_s
    head = HEAD.pack(tracks.frame, time_s, len(tracks), len(tracks.ended))
    return head + rows.tobytes() + tracks.ended.astype("<i8").tobytes()


def _unpacked(file: IO[bytes], size: int) -> Iterator[Tracks]:
    while file.tell() < size:
        frame, time_s, count, ended = HEAD.unpack(file.read(HEAD.size))
        rows = np.frombuffer(file.read(count * ROW.itemsize), ROW)
        columns = {name: rows[name] for name in ROW.names or ()}
        gone = np.frombuffer(file.read(8 * ended), "<i8")
        yield Tracks(frame, None if np.isnan(time_s) else time_s, **columns, ended=gone)


def _text_of(tracks: Tracks, kind: Kind, names: tuple[str, ...]) -> str:
    sound = tracks.select(np.all(np.isfinite(tracks.boxes), axis=1))
    if kind == "mot":
        return mot_rows(sound.select(sound.observed))
    return dumps(jsonl_frame(sound, names)) + "\n"
