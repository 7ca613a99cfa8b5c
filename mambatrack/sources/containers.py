"""What the container of a video file says about itself, without decoding anything.

Only MP4 and its kin (ISO 14496-12) and AVI state the frames of each track. Matroska, ASF and the
same two say how long they are, so that it shows where a file was cut. All others say neither: the
end of their stream is the end.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

MISCOUNT = 2  # frames that may be missing of a count without the file being damaged
LARGEST_INDEX = 1 << 28  # bytes that are read of an index
LARGEST_HEADER = 1 << 16
MOST_PARTS = 200_000  # that are looked at
EMPTY_EDIT = -1
OPEN_ENDED = 0x7FFFFFFF  # sizes from here on are written by recorders that do not know them
ASF = bytes.fromhex("3026B2758E66CF11A6D900AA0062CE6C")
ASF_FILE = bytes.fromhex("A1DCAB8C47A9CF118EE400C00C205365")
EBML, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


@dataclass(frozen=True)
class Container:
    """frames: that it states for its one video track and hides none of, None where it does not;
    cut: the file is shorter than it says; codec: its four characters, "" where they are unknown"""

    frames: int | None = None
    cut: bool = False
    codec: str = field(default="", compare=False)

    def shortfall(self, frames: int, fewer: bool) -> str | None:
        """Why a file that gave ``frames`` frames is not whole, None where it is. fewer: whether the
        reader saw that some of those that are stated are missing"""
        if self.frames is not None and frames >= self.frames - MISCOUNT:
            return None
        if not (self.cut or (self.frames is not None and fewer)):
            return None
        of = "" if self.frames is None else f" of {self.frames}"
        return f"the file ends at frame {frames}{of}: it is truncated or damaged"


class Box(NamedTuple):
    """A part of a file: four characters, and where its content starts and should end."""

    kind: bytes
    start: int
    end: int


def look_into(path: Path) -> Container:
    """What the file says; nothing where it is of another kind, a pipe, or makes no sense."""
    if not path.is_file():
        return Container()
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(16)
            if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
                return _look_into_avi(file, size)
            if head == ASF:
                return Container(cut=_asf_is_cut(file, size))
            if head[:4] == EBML:
                return Container(cut=_matroska_is_cut(file, size))
            if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
                return _look_into_mp4(file, size)
    except (OSError, struct.error, ValueError, LookupError, OverflowError):
        pass
    return Container()


def _look_into_mp4(file: BinaryIO, size: int) -> Container:
    boxes = list(_boxes(file, 0, size))
    cut = any(box.end > size and box.kind in (b"moov", b"mdat", b"moof") for box in boxes)
    moov = _first(boxes, b"moov")
    if moov is None or moov.end > size or _first(boxes, b"moof"):
        return Container(cut=cut)
    inside = list(_boxes(file, moov.start, moov.end))
    header = _first(inside, b"mvhd")
    if header is None or _first(inside, b"mvex"):
        return Container(cut=cut)
    timescale = _number(file, header.start + (20 if _version(file, header) else 12))
    tracks = [_Track(file, box) for box in inside if box.kind == b"trak"]
    videos = [track for track in tracks if track.handler == b"vide" and track.samples()]
    videos = [track for track in videos if track.samples() > 1] or videos
    codec = videos[0].codec() if videos else ""
    if len(videos) != 1 or videos[0].hides(timescale):
        return Container(None, cut, codec)
    return Container(videos[0].samples(), cut, codec)


class _Track:
    """A track of an MP4 file."""

    def __init__(self, file: BinaryIO, box: Box):
        self._file = file
        self._parts = {part.kind: part for part in _boxes(file, box.start, box.end)}
        for kind in (b"mdia", b"minf", b"stbl", b"edts"):
            if kind in self._parts:
                inner = self._parts[kind]
                found = {part.kind: part for part in _boxes(file, inner.start, inner.end)}
                self._parts = found | self._parts  # QuickTime has a second hdlr further in
        handler = self._parts.get(b"hdlr")
        self.handler = _read(file, handler.start + 8, 4) if handler else b""

    def codec(self) -> str:
        formats = self._parts.get(b"stsd")
        name = _read(self._file, formats.start + 12, 4).decode("latin1") if formats else ""
        return name if name.isprintable() else ""

    def samples(self) -> int:
        sizes = self._parts.get(b"stsz") or self._parts.get(b"stz2")
        return _number(self._file, sizes.start + 8) if sizes else 0

    def hides(self, movie_timescale: int) -> bool:
        """Whether its edit list leaves out or repeats what is there."""
        if b"elst" not in self._parts or not movie_timescale:
            return False
        timescale, duration = self._times()  # of the track
        shown = [length for length, start in self._edits() if start != EMPTY_EDIT and length]
        missing = duration - sum(shown) * timescale / movie_timescale
        return len(shown) > 1 or (bool(shown) and missing > 1.5 * duration / self.samples())

    def _times(self) -> tuple[int, int]:
        """(units a second, units in all)"""
        box = self._parts[b"mdhd"]
        wide = _version(self._file, box)
        form, at = (">IQ", 20) if wide else (">II", 12)
        timescale, duration = struct.unpack(
            form, _read(self._file, box.start + at, 12 if wide else 8)
        )
        return timescale, duration

    def _edits(self) -> list[tuple[int, int]]:
        """(duration in units of the movie, where in the track it starts) of each edit."""
        box = self._parts[b"elst"]
        form = ">QqI" if _version(self._file, box) else ">IiI"
        count = _number(self._file, box.start + 4)
        content = _read(self._file, box.start + 8, count * struct.calcsize(form))
        return [edit[:2] for edit in struct.iter_unpack(form, content)]


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """The boxes between two places of an MP4 file; the last one may say that it ends later."""
    for _ in range(MOST_PARTS):
        if start + 8 > end:
            return
        length, kind = struct.unpack(">I4s", _read(file, start, 8))
        content = start + 8
        if length == 1:
            length, content = struct.unpack(">Q", _read(file, content, 8))[0], content + 8
        until = end if length == 0 else start + length
        if until < content:
            return
        yield Box(kind, content, until)
        start = until


def _look_into_avi(file: BinaryIO, size: int) -> Container:
    """AVI counts chunks of no content too, by which it repeats the picture before."""
    first, *more = [riff for riff in _chunks(file, 0, size) if riff.kind == b"RIFF"]
    if not first.start < first.end < first.start + OPEN_ENDED:
        first, more = Box(first.kind, first.start, size), []
    parts = list(_chunks(file, first.start + 4, min(first.end, size)))
    header = _first(parts, b"LIST")
    index = _first([part for part in parts if part.end <= size], b"idx1")
    cut = [first, *more][-1].end > size + 8 and (index is None or bool(more))
    if header is None:
        return Container(cut=cut)
    length = min(header.end - header.start, LARGEST_HEADER)
    tracks = _avi_tracks(_read(file, header.start, length, short=True))
    videos = [number for number, (kind, _) in enumerate(tracks) if kind == b"vids"]
    if len(videos) != 1 or more:
        return Container(cut=cut)
    if index is None:
        return Container(tracks[videos[0]][1] if cut else None, cut)
    return Container(_indexed(file, index, videos[0]), cut)


def _avi_tracks(header: bytes) -> list[tuple[bytes, int]]:
    """(type, length) of each."""
    places = [at + 8 for at in range(len(header)) if header.startswith(b"strh", at)]
    return [(header[at : at + 4], struct.unpack_from("<I", header, at + 32)[0]) for at in places]


def _indexed(file: BinaryIO, index: Box, track: int) -> int | None:
    """Pictures of a track in the index of an AVI file."""
    kind = np.dtype([("name", "S4"), ("flags", "<u4"), ("place", "<u4"), ("size", "<u4")])
    count = (index.end - index.start) // kind.itemsize
    entries = np.frombuffer(_read(file, index.start, count * kind.itemsize), kind)
    names = [f"{track:02d}{ending}".encode() for ending in ("dc", "db")]
    return int(np.sum(np.isin(entries["name"], names) & (entries["size"] > 0))) or None


def _chunks(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """The chunks between two places of an AVI file; the last one may say that it ends later."""
    for _ in range(MOST_PARTS):
        if start + 8 > end:
            return
        kind, length = struct.unpack("<4sI", _read(file, start, 8))
        yield Box(kind, start + 8, start + 8 + length)
        start += 8 + length + length % 2


def _matroska_is_cut(file: BinaryIO, size: int) -> bool:
    """Whether its segment should go on; recorders leave the length open."""
    length, start = _ebml_length(file, len(EBML))
    after = start + (length or 0)
    if _read(file, after, len(SEGMENT)) != SEGMENT:
        return False
    length, start = _ebml_length(file, after + len(SEGMENT))
    return length is not None and start + length > size


def _ebml_length(file: BinaryIO, at: int) -> tuple[int | None, int]:
    """(the length of an element, None where it is left open, where its content starts)"""
    width = 9 - _read(file, at, 1)[0].bit_length()
    value = int.from_bytes(_read(file, at, width), "big") & ((1 << 7 * width) - 1)
    return (None if value == (1 << 7 * width) - 1 else value), at + width


def _asf_is_cut(file: BinaryIO, size: int) -> bool:
    header = _read(file, 0, LARGEST_HEADER, short=True)
    place = header.find(ASF_FILE)
    length, flags = struct.unpack_from("<Q", header, place + 40)[0], header[place + 88]
    return place > 0 and not flags & 1 and length > size


def _first(parts: list[Box], kind: bytes) -> Box | None:
    return next((part for part in parts if part.kind == kind), None)


def _version(file: BinaryIO, box: Box) -> int:
    return _read(file, box.start, 1)[0]


def _number(file: BinaryIO, place: int) -> int:
    value: int = struct.unpack(">I", _read(file, place, 4))[0]
    return value


def _read(file: BinaryIO, place: int, count: int, short: bool = False) -> bytes:
    """Raises ValueError where there is less, unless ``short``."""
    if not 0 <= count <= LARGEST_INDEX:
        raise ValueError(f"{count} bytes")
    file.seek(place)
    content = file.read(count)
    if len(content) < count and not short:
        raise ValueError("the file is too short")
    return content
