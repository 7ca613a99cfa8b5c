"""Video through PyAV, the extra ``video``: it tells the tracks of a file apart and decodes all that
FFmpeg does. Pictures and times are those of OpenCV, bit by bit (tests/test_sources_readers.py)."""

import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mambatrack.errors import MambatrackError, counted
from mambatrack.sources.containers import MISCOUNT, Container
from mambatrack.sources.reasons import pyav_errors, reason_of
from mambatrack.sources.sound import Sound
from mambatrack.sources.timing import Stamps, plausible_fps

Image = NDArray[Any]
OPTIONS = {"rtsp_flags": "prefer_tcp"}  # over UDP pictures come in parts
ENOUGH = 10  # pictures of one track, after which another that gave one is a cover


class Connection(Protocol):
    """What is read from its front to its end; closed by the reader."""

    def read(self, count: int) -> bytes: ...
    def close(self) -> None: ...


def has_pyav() -> bool:
    """Whether PyAV can be used."""
    try:
        import av  # noqa: F401
    except ImportError:
        return False
    return True


class PyAvReader:
    """The video track of a file, an address or an open connection; see readers.Reader.

    place: what an error begins with; container: what the file says about itself
    live: None where the container tells, by having no length; timeout_s: for each read of an
    address. The first frame is read at once and kept.
    """

    def __init__(
        self, source: str | Connection, place: str, container: Container | None = None,
        live: bool | None = False, timeout_s: float | None = None,
    ):  # fmt: skip
        self._source, self._place, self._said = source, place, container or Container()
        self._problem, self._refusal, self._packets, self._lost = "", "", 0, 0
        self._file = _open(source, place, timeout_s)
        try:
            self._stream = _video_track(self._file, None if live else source, place)
            self.live = self._file.duration is None if live is None else live
            self.sound = _sound_of(self._file, self._stream, source)
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        from av.video.reformatter import VideoReformatter

        stream = self._stream
        stream.thread_type = "SLICE" if self.live else "AUTO"  # threads of frames hold some back
        self._opened = time.monotonic()
        self._start = stream.start_time or 0
        self.fps = plausible_fps(stream.average_rate, stream.guessed_rate)
        self.length = None if self.live else self._said.frames
        self._stamps, self.time_s = Stamps(self.fps), 0.0
        self._converter = VideoReformatter()
        self._frames = self._decoded()
        self._frame: Any = next((frame for frame in self._frames if frame is not None), None)
        if self._frame is None:
            raise MambatrackError(f"{self._place} and gave no frame{self._why_no_frame()}")
        self._held, first = True, self.image()
        if first is None:
            raise MambatrackError(f"{self._place} and gave no frame{self._why_no_frame()}")
        self.size = first.shape[1], first.shape[0]

    def advance(self) -> bool:
        if not self._held:
            try:
                self._frame = next(self._frames)
            except StopIteration:
                return False
        self._held = False
        now = self._stamps.step(self._stamp())
        self.time_s = time.monotonic() - self._opened if self.live else now
        return True

    def image(self) -> Image | None:
        """None for a frame that is damaged."""
        if self._frame is None:
            return None
        try:
            image: Image = self._converter.reformat(
                self._frame, format="bgr24", interpolation="BICUBIC"
            ).to_ndarray()
        except pyav_errors():
            return None
        turns = round(self._frame.rotation / 90) % 4
        return np.rot90(image, turns) if turns else image

    def problem(self, frames: int) -> str | None:
        reason = f": {self._problem}" if self._problem else ""
        if self.live:
            return f"the stream ended after {counted(frames, 'frame')}{reason}"
        stated = (self._said.frames or 0) - MISCOUNT
        if self._problem and not 0 < stated <= frames:
            return f"the file cannot be read behind frame {frames}{reason}"
        return self._said.shortfall(frames - self._lost, self._lost > 0 or self._packets < stated)

    def close(self) -> None:
        self._frames = iter(())
        self._file.close()
        if not isinstance(self._source, str):
            self._source.close()

    def _stamp(self) -> float | None:
        """Of the frame at hand, in seconds from the start of its track."""
        frame = self._frame
        if frame is None:
            return None
        # AVI has times of decoding alone, from which FFmpeg guesses times of showing badly
        guessed = frame.pts is None or self._file.format.name == "avi"
        stamp = frame.dts if guessed else frame.pts
        return None if stamp is None else float((stamp - self._start) * frame.time_base)

    def _decoded(self) -> Iterator[Any]:
        """Every frame; None for a packet that is damaged, so that the next ones keep their numbers.
        ``_lost`` counts those since the newest frame."""
        if self._stream.codec_context is None:
            self._refusal = "no decoder"
            return
        for packet in self._read_packets():
            try:
                frames = packet.decode()
            except pyav_errors() as error:
                self._refusal = reason_of(error)
                self._lost += 1
                yield None
                continue
            for frame in frames:
                self._lost = 0
                yield frame

    def _read_packets(self) -> Iterator[Any]:
        packets = self._file.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, IndexError):  # PyAV miscounts tracks that came up late
                return
            except pyav_errors() as error:
                self._problem = reason_of(error)
                return
            self._packets += packet.dts is not None
            yield packet

    def _why_no_frame(self) -> str:
        context = self._stream.codec_context
        codec = context.name if context else self._said.codec
        reasons = [f"codec {codec}" if codec else "", self._problem or self._refusal]
        told = ": ".join(filter(None, reasons))
        return f" ({told})" if told else ""


def _open(source: str | Connection, place: str, timeout_s: float | None) -> Any:
    import av

    try:
        return av.open(
            source, metadata_errors="replace", timeout=timeout_s, container_options=OPTIONS
        )
    except pyav_errors() as error:
        raise MambatrackError(f"{place} and gave no frame: {reason_of(error)}") from None


def _video_track(file: Any, source: str | Connection | None, place: str) -> Any:
    """The first track of video that is no cover, which some files have in front. source: where the
    file can be looked into once more, None where it cannot"""
    from av.stream import Disposition

    tracks = [
        track for track in file.streams.video if not track.disposition & Disposition.attached_pic
    ]
    if not tracks:
        raise MambatrackError(f"{place} and gave no frame: it has no video track")
    if len(tracks) == 1 or not isinstance(source, str) or Path(source).is_fifo():
        return tracks[0]
    seen = _count_first_packets(source, [track.index for track in tracks])
    videos = [track for track in tracks if seen[track.index] > 1] or tracks
    if len(videos) > 1:
        sizes = ", ".join(f"{track.width}x{track.height}" for track in videos)
        warnings.warn(f"{source} has {len(videos)} video tracks ({sizes}), of which only the first "
                      "is read", stacklevel=4)  # fmt: skip
    return videos[0]


def _sound_of(file: Any, video: Any, source: str | Connection) -> Sound | None:
    """The default sound of a file that can be read once more, else its first."""
    from av.stream import Disposition

    if not (isinstance(source, str) and Path(source).is_file()):
        return None
    tracks = [track for track in file.streams.audio if track.codec_context is not None]
    default = [track for track in tracks if track.disposition & Disposition.default]
    for track in (default or tracks)[:1]:
        begins_s = float((video.start_time or 0) * video.time_base)
        return Sound(source, track.index, begins_s)
    return None


def _count_first_packets(source: str, tracks: list[int]) -> Counter[int]:
    """Packets of each track in front of the place where one has ENOUGH."""
    import av

    seen: Counter[int] = Counter()
    with av.open(source, metadata_errors="replace") as file:
        try:
            for packet in file.demux(tracks):
                seen[packet.stream.index] += packet.dts is not None
                if max(seen.values()) >= ENOUGH:
                    break
        except pyav_errors():
            pass  # the reader comes to it too, and says so
    return seen
