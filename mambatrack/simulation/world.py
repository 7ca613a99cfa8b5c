"""A seeded world of moving people: ground truth, noisy detections and pictures of every frame.

For tests, the demo and smoke training. The people are moved by crowd.py and painted by scenery.py;
the detector is simulated here. The same seed always gives the same world.

>>> for frame in simulate(seed=7, people=8):      # endless, memory stays flat
...     tracks = tracker.update(frame.detections)
"""

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import area, clip, cxcywh_to_xyxy, xyxy_to_cxcywh, xyxy_to_ltwh
from mambatrack.detections import Detections, as_detections
from mambatrack.errors import MambatrackError
from mambatrack.files import naming, write_bytes, write_text
from mambatrack.simulation.crowd import Camera, Crowd, Figures, Random, stand_pillars

if TYPE_CHECKING:
    from mambatrack.simulation.scenery import Scenery


@dataclass(frozen=True)
class SyntheticFrame:
    """One frame of the world.

    index:      from 0
    time_s:     time stamp in seconds
    ids:        [N] int64, ascending, from 1, never reused
    boxes:      [N, 4] float32, xyxy, pixels, clipped to the image; hidden people are included
    visibility: [N] float32 in [0, 1], share of the whole box that is in view and not covered
    detections: what a detector would report
    """

    index: int
    time_s: float
    ids: NDArray[np.int64]
    boxes: NDArray[np.float32]
    visibility: NDArray[np.float32]
    detections: Detections
    figures: Figures = field(repr=False)
    scenery: "Scenery" = field(repr=False)

    def render(self) -> NDArray[np.uint8]:
        """-> the picture, BGR uint8 [H, W, 3]."""
        return self.scenery.paint(self.figures)


@dataclass(frozen=True)
class World:
    """A world of a fixed number of frames, kept in memory."""

    size: tuple[int, int]
    fps: float
    frames: tuple[SyntheticFrame, ...]

    def __len__(self) -> int:
        return len(self.frames)

    def detections(self, frame: int) -> Detections:
        return self.frames[frame].detections

    def render(self, frame: int) -> NDArray[np.uint8]:
        return self.frames[frame].render()


def make_world(
    seed: int = 0,
    people: int = 8,
    frames: int = 300,
    size: tuple[int, int] = (960, 540),
    fps: float = 25.0,
    pillars: int = 2,
    noise: float = 1.0,
    uniform: bool = False,
) -> World:
    """The first ``frames`` frames of ``simulate`` with the same arguments."""
    world = simulate(seed, people, size, fps, pillars, noise, uniform)
    return World(size, fps, tuple(itertools.islice(world, frames)))


def simulate(
    seed: int = 0,
    people: int = 8,
    size: tuple[int, int] = (960, 540),
    fps: float = 25.0,
    pillars: int = 2,
    noise: float = 1.0,
    uniform: bool = False,
) -> Iterator[SyntheticFrame]:
    """Frames without end; ``people`` is the typical number present, they come and go.

    size: (width, height) in pixels. noise: strength of the detector's errors, misses and false
    positives; 0 reports everyone who is in view exactly. uniform: all look the same.
    """
    from mambatrack.simulation.scenery import Scenery

    if people < 0 or pillars < 0 or noise < 0 or min(size) < 32 or not 0 < fps <= 1000:
        raise MambatrackError(
            f"no world of {people} people, {pillars} pillars and noise {noise} in {size} pixels at "
            f"{fps} frames a second; expected none below 0, at least 32x32 pixels and fps to 1000"
        )
    camera = Camera(*size)
    motion, errors = (np.random.default_rng([seed, stream]) for stream in range(2))
    columns = stand_pillars(motion, camera, pillars)
    crowd = Crowd(motion, camera, columns, people, fps)
    detector = _Detector(errors, size, noise)
    scenery = Scenery(camera, columns, seed, uniform)
    for index in itertools.count():
        figures = crowd.figures()
        ids, boxes, visibility = _truth(figures, camera, columns)
        found = detector.detect(ids, boxes, visibility)
        yield SyntheticFrame(index, index / fps, ids, boxes, visibility, found, figures, scenery)
        crowd.step()


def _truth(
    figures: Figures, camera: Camera, pillars: NDArray
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    """Ids, clipped boxes and visibility of all who are at least a tenth inside the image."""
    whole, size = figures.boxes(), (camera.width, camera.height)
    boxes = clip(whole, size)
    inside = area(boxes) >= 0.1 * area(whole)
    visibility = _visibility(whole, figures.depth, size, _pillar_boxes(camera, pillars))
    chosen = np.flatnonzero(inside)[np.argsort(figures.ids[inside])]
    return (
        figures.ids[chosen],
        boxes[chosen].astype(np.float32),
        visibility[chosen].astype(np.float32),
    )


def _pillar_boxes(camera: Camera, pillars: NDArray) -> NDArray:
    """``pillars [P, 3]`` -> [P, 4] xyxy from the top of the image to the floor."""
    left, right = (
        camera.project(pillars[:, :2] + np.outer(pillars[:, 2], [half, 0]), np.zeros((1, 2)))
        for half in (-0.5, 0.5)
    )
    return np.stack([left[:, 0], np.zeros(len(pillars)), right[:, 0], right[:, 1]], axis=1)


def _visibility(boxes: NDArray, depth: NDArray, size: tuple[int, int], pillars: NDArray) -> NDArray:
    """Share [N] of a grid of points in each box that nothing nearer covers.

    boxes: [N, 4] not clipped; a body covers the inner three quarters of its box's width.
    """
    steps = np.stack(np.meshgrid(np.arange(0.125, 1, 0.125), np.arange(0.04, 1, 0.08)), -1)
    points = boxes[:, None, :2] + steps.reshape(-1, 2) * (boxes[:, None, 2:] - boxes[:, None, :2])
    slim = xyxy_to_cxcywh(boxes) * [1, 1, 0.75, 1]
    covers = np.concatenate([cxcywh_to_xyxy(slim), pillars])  # [N + P, 4]
    under = (points[:, :, None] >= covers[:, :2]) & (points[:, :, None] <= covers[:, 2:])
    nearer = np.ones((len(boxes), len(covers)), bool)
    nearer[:, : len(boxes)] = depth[None, :] < depth[:, None]
    covered = (under.all(-1) & nearer[:, None]).any(-1)
    seen = ((points >= 0) & (points < np.array(size))).all(-1)
    return (seen & ~covered).mean(axis=1)


class _Detector:
    """A detector's errors: they last from frame to frame and grow with occlusion."""

    MEMORY = 0.75  # correlation of a person's error from one frame to the next

    def __init__(self, rng: Random, size: tuple[int, int], noise: float):
        self._rng, self._size, self._noise = rng, size, noise
        self._errors: dict[int, NDArray] = {}  # id -> [5] unit errors of x, y, w, h and score

    def detect(self, ids: NDArray, boxes: NDArray, visibility: NDArray) -> Detections:
        rng, noise = self._rng, self._noise
        hidden = (1 - visibility)[:, None].astype(np.float64)
        errors = self._next_errors(ids)
        body = xyxy_to_cxcywh(boxes.astype(np.float64))
        spread = noise * (0.015 + 0.06 * hidden) * errors[:, :4]
        body[:, :2] += spread[:, :2] * body[:, 2:]
        body[:, 2:] *= np.exp(spread[:, 2:])
        doubt = 0.05 + 0.72 * hidden**1.5 + (0.03 + 0.1 * hidden) * errors[:, 4:]
        scores = np.clip(1 - noise * doubt, 0, 0.99)[:, 0]
        missed = rng.random(len(ids)) < noise * (0.01 + 0.85 * hidden[:, 0] ** 3)
        found = ~missed & (visibility > min(0.12 * noise, 0.12)) & (scores >= 0.1)
        table = np.column_stack([cxcywh_to_xyxy(body), scores])[found]
        table = np.concatenate([table, self._false_positives(boxes)])
        table[:, :4] = clip(table[:, :4], self._size)
        return as_detections(rng.permutation(np.round(table, 3)))

    def _next_errors(self, ids: NDArray) -> NDArray:
        """-> [N, 5] errors with unit variance; those of people who left are forgotten."""
        fresh = self._rng.standard_normal((len(ids), 5))
        rest = np.sqrt(1 - self.MEMORY**2)
        before = self._errors
        self._errors = {
            key: self.MEMORY * before[key] + rest * new if key in before else new
            for key, new in zip(ids.tolist(), fresh, strict=True)
        }
        return np.array(list(self._errors.values())).reshape(-1, 5)

    def _false_positives(self, boxes: NDArray) -> NDArray:
        """-> [F, 5]: halves of people and boxes around nothing, with low scores."""
        rng = self._rng
        count = rng.poisson(0.2 * self._noise)
        scores = 0.1 + 0.6 * rng.beta(1, 3, count)
        centre = rng.uniform([0.05, 0.4], [0.95, 0.7], (count, 2)) * self._size
        height = rng.uniform(0.15, 0.4, count) * self._size[1]
        table = np.column_stack([centre, height * rng.uniform(0.25, 0.5, count), height])
        halves = rng.random(count) < 0.5
        if len(boxes) and halves.any():
            people = xyxy_to_cxcywh(boxes[rng.integers(len(boxes), size=halves.sum())])
            up = rng.choice([-0.25, 0.25], len(people)) * people[:, 3]
            table[halves] = np.column_stack(
                [people[:, 0], people[:, 1] + up, people[:, 2], people[:, 3] / 2]
            )
        return np.column_stack([cxcywh_to_xyxy(table), scores])


def write_sequence(
    folder: str | Path,
    seed: int = 0,
    people: int = 8,
    frames: int = 300,
    size: tuple[int, int] = (960, 540),
    fps: float = 25.0,
    pillars: int = 2,
    noise: float = 1.0,
    images: bool = False,
    video: str | Path | None = None,
) -> Path:
    """Writes a world in MOT layout: seqinfo.ini, gt/gt.txt, det/det.txt.

    gt.txt rows are frame,id,left,top,width,height,1,1,visibility and name hidden people too.
    images: also img1/000001.jpg and so on. video: also an MP4 file at that path. Frame by frame,
    so memory stays flat. Raises MambatrackError where a sequence is already.
    """
    from mambatrack.outputs.video import open_video_writer

    folder = Path(folder)
    if (folder / "seqinfo.ini").exists():
        raise MambatrackError(f"{folder} already holds a sequence; name another folder")
    for part in ("gt", "det", "img1") if images else ("gt", "det"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    world = simulate(seed, people, size, fps, pillars, noise)
    with naming(folder), contextlib.ExitStack() as stack:
        truth = stack.enter_context(open(folder / "gt" / "gt.txt", "w"))
        found = stack.enter_context(open(folder / "det" / "det.txt", "w"))
        film = video and stack.enter_context(open_video_writer(video, fps, size))
        for frame in itertools.islice(world, frames):
            truth.write(_truth_rows(frame))
            found.write(_detection_rows(frame))
            if images:
                _write_image(folder / "img1" / f"{frame.index + 1:06d}.jpg", frame.render())
            if film:
                film.write(frame.render())
    write_text(
        folder / "seqinfo.ini",
        f"[Sequence]\nname={folder.name}\nimDir=img1\nframeRate={fps:g}\nseqLength={frames}\n"
        f"imWidth={size[0]}\nimHeight={size[1]}\nimExt=.jpg\n",
    )
    return folder


def _truth_rows(frame: SyntheticFrame) -> str:
    rows = zip(frame.ids, xyxy_to_ltwh(frame.boxes), frame.visibility, strict=True)
    return "".join(
        f"{frame.index + 1},{identity},{x:.2f},{y:.2f},{w:.2f},{h:.2f},1,1,{seen:.3f}\n"
        for identity, (x, y, w, h), seen in rows
    )


def _detection_rows(frame: SyntheticFrame) -> str:
    rows = zip(xyxy_to_ltwh(frame.detections.boxes), frame.detections.scores, strict=True)
    return "".join(
        f"{frame.index + 1},-1,{x:.2f},{y:.2f},{w:.2f},{h:.2f},{score:.4f},-1,-1,-1\n"
        for (x, y, w, h), score in rows
    )


def _write_image(path: Path, image: NDArray[np.uint8]) -> None:
    import cv2

    write_bytes(path, cv2.imencode(path.suffix, image)[1].tobytes())
