"""A source that is read as it comes: only its newest frame counts, and it comes back when it was
lost.

>>> source = LiveSource("rtsp://camera/stream")
>>> source.start()
>>> arrival = source.take()         # at once: the newest frame, or None
"""

import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from mambatrack.live.updates import SourceState, SourceStatus
from mambatrack.sources.addresses import HIDDEN, is_stream, without_secrets, without_secrets_in
from mambatrack.sources.frames import Crop, Frame, as_bgr, cut, size_after
from mambatrack.sources.readers import STREAM_TIMEOUT_S, Reader, is_camera, open_reader
from mambatrack.sources.timing import DEFAULT_FPS

Opener = Callable[[str, float], Reader]


class Arrival(NamedTuple):
    """A frame, and the time.monotonic() at which it was here."""

    frame: Frame
    at: float


@dataclass
class Backoff:
    """Seconds to wait before each next try: doubled from ``first`` up to ``most``, give or take a
    quarter, so that many who lost the same camera do not come back at the same moment."""

    first: float = 0.5
    most: float = 10.0
    tries: int = 0

    def next(self) -> float:
        wait = min(self.first * 2 ** min(self.tries, 30), self.most)
        self.tries += 1
        return wait * random.uniform(0.75, 1.25)

    def reset(self) -> None:
        self.tries = 0


class LiveSource:
    """A webcam, a stream, or a file played at its own speed, read in a thread of its own.

    source: as for open_frames; name: to show, made from the source where none is given
    loop: a file begins again at its end; timeout_s: without a frame, after which a stream is lost
    news: set whenever there is a new frame or state; crop: part of the picture, x0, y0, x1, y1

    Frames are counted from 0 in the order of their arrival, also those that nobody took, and timed
    in seconds since start(); both go on when the source comes back. Only a local file ends.
    Raises MambatrackError for a source that can never be read.
    """

    def __init__(
        self, source: str | int | Path, name: str = "", loop: bool = False,
        timeout_s: float = STREAM_TIMEOUT_S, news: threading.Event | None = None,
        backoff: Backoff | None = None, opener: Opener = open_reader, crop: Crop | None = None,
    ):  # fmt: skip
        self.source, self.loop, self.timeout_s = str(source), loop, timeout_s
        self._crop = crop
        self.local = is_local(self.source)
        self.name = name or name_of(self.source)
        self.news = news or threading.Event()
        self.skipped = 0  # frames that came empty or as no picture
        self.fps = DEFAULT_FPS  # that the source states, of its newest opening
        self._backoff, self._open = backoff or Backoff(), opener
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._newest: Arrival | None = None
        self._status = SourceStatus(self.name)
        self._index, self._earliest_s, self._began, self._heard = 0, 0.0, 0.0, 0.0
        self._thread = threading.Thread(
            target=self._run, name=f"reader of {self.name}", daemon=True
        )
        # a file is opened once, as a pipe could not be opened again
        self._opened_first = opener(self.source, timeout_s) if self.local else None
        if self._opened_first is not None:
            size_after(crop, self._opened_first.size)

    def start(self, index: int = 0, time_s: float = 0.0) -> None:
        """Starts to read. index, time_s: of the first frame, to go on with an earlier run."""
        self._index, self._earliest_s = index, time_s
        self._heard = time.monotonic()
        self._began = self._heard - time_s
        self._thread.start()

    def take(self) -> Arrival | None:
        """The newest frame, if it was not taken yet."""
        with self._lock:
            arrival, self._newest = self._newest, None
        return arrival

    @property
    def now_s(self) -> float:
        """The time that a frame would have that came now."""
        return time.monotonic() - self._began

    @property
    def started(self) -> bool:
        return self._thread.ident is not None

    @property
    def status(self) -> SourceStatus:
        """How it is now, as far as the source itself knows: no fps, frames, latency."""
        with self._lock:
            status = self._status
            silent_s = time.monotonic() - self._heard if self.started and not self.local else 0.0
        told = status.error is not None or status.state not in ("open", "connecting")
        if told or silent_s <= 1.5 * self.timeout_s:
            return status
        # whoever reads it hangs
        limit = f"no frame for more than {1.5 * self.timeout_s:.0f} s"
        state: SourceState = "lost" if status.state == "open" else "connecting"
        return replace(status, state=state, error=limit)

    def stop(self) -> None:
        """Asks the thread to end; it may first have to come back from a read that hangs."""
        self._stop.set()

    def close(self, wait_s: float = 1.0) -> None:
        """Ends the thread, or leaves it to the end of the process after ``wait_s``."""
        self.stop()
        if self._thread.is_alive():
            self._thread.join(wait_s)
        elif self._opened_first is not None:
            self._opened_first.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            over, reason = False, None
            try:
                reader = self._opened_first or self._open(self.source, self.timeout_s)
                self._opened_first = None
                try:
                    over, reason = self._play(reader)
                finally:
                    reader.close()
            except Exception as error:  # whatever it is, the other sources go on
                reason = without_secrets_in(str(error), self.source)
                reason = reason.splitlines()[0] if reason else type(error).__name__
            if over:
                return self._set("ended", reason)
            if reason is not None:
                never = self.status.state == "connecting"
                self._set("connecting" if never else "lost", reason)
                self._stop.wait(self._backoff.next())

    def _play(self, reader: Reader) -> tuple[bool, str | None]:
        """Reads to the end -> whether it is over for good, and the reason where it is a bad one."""
        size_after(self._crop, reader.size)
        self._opened()
        self.fps = reader.fps
        first, frames = 0.0, 0
        while not self._stop.is_set():
            if not reader.advance():
                problem = reader.problem(frames)
                over = not reader.live and (self.local or problem is None)
                return over and not (self.loop and problem is None), problem
            if not frames:
                first = reader.time_s - max(self.now_s, self._earliest_s)
            time_s = self.now_s if reader.live else reader.time_s - first
            self._stop.wait(max(time_s - self.now_s, 0))
            self._put(reader, time_s)
            self._earliest_s = time_s + 1 / reader.fps
            frames += 1
        return True, None

    def _put(self, reader: Reader, time_s: float) -> None:
        image = as_bgr(reader.image())
        index, self._index = self._index, self._index + 1
        image = image if image is None else cut(image, self._crop)
        if image is None or not image.size:
            self.skipped += 1
            return
        arrival = Arrival(Frame(index, time_s, image), time.monotonic())
        size = image.shape[1], image.shape[0]
        self._backoff.reset()
        with self._lock:
            dropped = self._status.dropped + (self._newest is not None)
            self._newest, self._heard = arrival, arrival.at
            self._status = replace(self._status, size=size, dropped=dropped)
        self.news.set()

    def _opened(self) -> None:
        before = self.status
        with self._lock:
            self._heard = time.monotonic()
        self._set("open", None, before.reconnects + (before.state == "lost"))

    def _set(self, state: SourceState, error: str | None, reconnects: int | None = None) -> None:
        with self._lock:
            again = self._status.reconnects if reconnects is None else reconnects
            self._status = replace(self._status, state=state, error=error, reconnects=again)
        self.news.set()


def is_local(source: str) -> bool:
    """Whether it is a file, which ends and can begin again."""
    return not (is_stream(source) or is_camera(source))


def name_of(source: str) -> str:
    """Short, for people, and without passwords."""
    shown = without_secrets(source)
    if "://" in shown:
        return shown.split("://", 1)[1].removeprefix(f"{HIDDEN}@").removesuffix(f"?{HIDDEN}")
    if is_camera(source):  # by the name that it has when it is not there, too
        return f"webcam {source}" if source.isdecimal() else Path(source).name
    return Path(os.path.realpath(shown)).stem
