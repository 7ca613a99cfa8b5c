"""What the API of the live page answers; its schema at /api/openapi.json is made from these."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from mambatrack.live.updates import SourceState


class Problem(BaseModel):
    """Why a request was refused."""

    detail: str


class Empty(BaseModel):
    """A body without anything in it."""

    model_config = ConfigDict(extra="forbid")


class Health(BaseModel):
    status: Literal["ok", "failed", "ready", "waiting"]


class Paused(BaseModel):
    paused: bool


class Recorded(BaseModel):
    """What can be downloaded: frames from ``first`` on, ``bytes`` on disk of at most ``limit``."""

    frames: int
    first: int | None
    bytes: int
    limit: int
    problem: str | None


class CameraTravel(BaseModel):
    """How the camera moved so far: in ``frames`` of which something was told, of which in
    ``unknown`` nothing was known; pixels_a_frame: that the corners of the picture moved by, in the
    mean; certainty: 0 to 1, the mean of the frames whose motion was known."""

    frames: int
    unknown: int
    cuts: int
    pixels_a_frame: float
    certainty: float


class Source(BaseModel):
    """How a source is doing; file_name: its name as files of it are called; camera: null where
    nobody tells how it moves."""

    source: int
    name: str
    file_name: str
    state: SourceState
    size: tuple[int, int] | None
    fps: float
    frames: int
    dropped: int
    reconnects: int
    latency_ms: float
    error: str | None
    problem: str | None
    camera: CameraTravel | None
    recorded: Recorded


class Sources(BaseModel):
    paused: bool
    sources: list[Source]


Number = float | None  # null where it is not finite


class Track(BaseModel):
    """A live track; box: x1, y1, x2, y2 in pixels; spread: of centre x, centre y, width, height;
    gap: frames of the motion model since it was seen; gap_s: seconds, null where unknown."""

    id: int
    box: tuple[Number, Number, Number, Number]
    score: Number
    label: int
    class_: str = Field(alias="class")
    state: Literal["tentative", "observed", "predicted"]
    gap: int
    gap_s: Number
    spread: tuple[Number, Number, Number, Number]


class Motion(BaseModel):
    """How the camera moved before a frame; transform: 3x3, row by row, points of the frame before
    -> this one; certainty: 0 to 1; cut: another view begins."""

    transform: list[float]
    certainty: float
    cut: bool


class FrameTracks(BaseModel):
    """All live tracks in the newest frame of a source; camera: null where nobody tells how it
    moved."""

    source: int
    name: str
    size: tuple[int, int]
    frame: int
    time_s: float | None
    tracks: list[Track]
    ended: list[int]
    camera: Motion | None = None


class AllTracks(BaseModel):
    sources: list[FrameTracks]


class Crossings(BaseModel):
    """Identities that crossed a line: ``in`` from its left hand to its right hand, or ``out``."""

    in_: int = Field(alias="in")
    out: int


class Visits(BaseModel):
    """Identities that are in a zone now, that came in and that left; who began or ended in the zone
    is not counted as coming or leaving."""

    inside: int
    entered: int
    left: int


class Line(Crossings):
    """A line; points: start and end, pixels; classes: the same of each class; corrected: how many
    were added later, when the gap was filled in which they had crossed; people: how many have
    crossed, each once."""

    name: str
    points: tuple[tuple[float, float], tuple[float, float]]
    corrected: int
    people: int
    classes: dict[str, Crossings]


class Zone(Visits):
    """A zone, as a line. dwell_s: seconds that those stayed who are gone, in the mean; longest_s:
    seconds that whoever has been inside longest is there now; null where there is none."""

    name: str
    points: list[tuple[float, float]]
    corrected: int
    people: int
    classes: dict[str, Visits]
    dwell_s: float | None
    longest_s: float | None


class CountedEvent(BaseModel):
    """As in the file of --events; number: of this event, from 0."""

    number: int
    event: Literal["crossing", "enter", "leave", "exchange", "return"]
    place: str
    id: int
    label: int
    class_name: str
    direction: Literal["in", "out"] | None
    frame: int
    time_s: float | None
    dwell_s: float | None
    filled: bool
    whole: bool
    other: int | None


class SourceCounts(BaseModel):
    """The lines and zones of a source after its newest frame, and the newest events."""

    source: int
    name: str
    frame: int
    time_s: float | None
    lines: list[Line]
    zones: list[Zone]
    events: list[CountedEvent]


class AllCounts(BaseModel):
    sources: list[SourceCounts]
