"""What live tracking tells those who watch it: the page, the window and the output files."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

from mambatrack.camera.interface import Travel
from mambatrack.counting.counts import Counts
from mambatrack.motion.forecast import Forecast
from mambatrack.sources.frames import Frame
from mambatrack.tracks import Tracks

SourceState = Literal["connecting", "open", "lost", "ended"]


@dataclass(frozen=True)
class SourceStatus:
    """How a source is doing.

    state: connecting (never opened yet), open, lost (being reconnected), ended (given up, or a file
    that is over); size: (width, height) of the newest frame; fps: frames tracked a second, lately;
    frames: tracked; dropped: frames that were replaced by a newer one before they were tracked;
    reconnects: times it came back; latency_ms: from the arrival of the newest tracked frame to its
    tracks; error: why it is not open, for the user to read, without passwords; problem: why its
    detector finds less than there is, as the camera moves; camera: how it moved so far, None where
    nobody says
    """

    name: str
    state: SourceState = "connecting"
    size: tuple[int, int] | None = None
    fps: float = 0.0
    frames: int = 0
    dropped: int = 0
    reconnects: int = 0
    latency_ms: float = 0.0
    error: str | None = None
    problem: str | None = None
    camera: Travel | None = None


@dataclass(frozen=True)
class LiveUpdate:
    """One tracked frame of one source.

    source: index of the source, from 0; detect_ms, track_ms: spent on this frame
    names: of the classes; forecast: where one was asked for; counts: where there are lines or zones
    gaps_s: for each track the seconds since it was seen, None where unknown
    """

    source: int
    frame: Frame
    tracks: Tracks
    status: SourceStatus
    detect_ms: float = 0.0
    track_ms: float = 0.0
    names: tuple[str, ...] = field(default=())
    forecast: Forecast | None = None
    counts: Counts | None = None
    gaps_s: tuple[float | None, ...] = field(default=())


class Observer(Protocol):
    """Gets every tracked frame and every change of a source. Both are called from the loop that
    tracks, so they must return at once: whoever is slow keeps the newest update and works on it
    elsewhere. Neither the frame's image nor the tracks may be changed."""

    def update(self, update: LiveUpdate) -> None: ...

    def status(self, source: int, status: SourceStatus) -> None: ...

    def close(self) -> None: ...


class Controls(Protocol):
    """What a watcher may ask of the session; safe from any thread."""

    paused: bool

    def pause(self) -> None:
        """Frames are read and thrown away until resume(); tracks stay as they are."""
        ...

    def resume(self) -> None: ...
