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


class Source(BaseModel):
    """How a source is doing."""

    source: int
    name: str
    state: SourceState
    size: tuple[int, int] | None
    fps: float
    frames: int
    dropped: int
    reconnects: int
    latency_ms: float
    error: str | None
    problem: str | None
    recorded: Recorded


class Sources(BaseModel):
    paused: bool
    sources: list[Source]


Number = float | None  # null where it is not finite


class Track(BaseModel):
    """A live track; box: x1, y1, x2, y2 in pixels; spread: of centre x, centre y, width, height."""

    id: int
    box: tuple[Number, Number, Number, Number]
    score: Number
    label: int
    class_: str = Field(alias="class")
    state: Literal["tentative", "observed", "predicted"]
    gap: int
    spread: tuple[Number, Number, Number, Number]


class FrameTracks(BaseModel):
    """All live tracks in the newest frame of a source."""

    source: int
    name: str
    size: tuple[int, int]
    frame: int
    time_s: float | None
    tracks: list[Track]
    ended: list[int]


class AllTracks(BaseModel):
    sources: list[FrameTracks]
