"""People who walk in streets and halls, as a surveillance, hand-held or driving camera sees them.

Ground truth without pictures, for training only: people keep their direction and pace, walk in
groups, pass each other, stand about, turn off and stop; the camera stands, shakes, turns, or walks
on. What a detector makes of them is simulation.py's. The same seed always gives the same sequences.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import area, clip
from mambatrack.datasets.sequences import Sequence, open_sequence
from mambatrack.errors import MambatrackError
from mambatrack.files import write_text
from mambatrack.simulation.crowd import elbow_room

SIZES = ((1920, 1080), (1280, 720), (960, 540), (768, 576), (640, 480))  # pixels
RATES = (7.0, 14.0, 25.0, 25.0, 30.0, 30.0)  # frames a second
FRAMES = 450
LEAST_HEIGHT = 0.03  # of the image's: smaller people are nobody's
LEAST_INSIDE = 0.2  # of a box, in the image
NEAREST, FARTHEST = 2.0, (10.0, 45.0)  # metres before the camera, where people are
SETTLED_S = 1.0  # over which the heading noise changes
COMPANY = 0.65  # metres between those of a group

PERSON = np.dtype([
    ("id", np.int64), ("place", float, 2), ("heading", float), ("drift", float), ("pace", float),
    ("now", float), ("stature", float), ("shape", float), ("phase", float), ("stops", float),
])  # fmt: skip

Floats = NDArray[np.floating]
Random = np.random.Generator


@dataclass
class Camera:
    """Where it is and looks in this frame; lengths in metres, angles in radians.

    place [2]: right and ahead on the floor; height above it; yaw to the right, pitch downwards
    """

    width: int
    height: int
    focal: float
    place: Floats
    above: float
    yaw: float
    pitch: float

    def project(self, place: Floats, up: Floats | float) -> tuple[Floats, Floats]:
        """Points over the floor, place [N, 2] and ``up`` [N] -> pixels [N, 2] and depths [N]."""
        right, ahead = self.turn(place)
        down = self.above - up
        depth = ahead * np.cos(self.pitch) + down * np.sin(self.pitch)
        lower = down * np.cos(self.pitch) - ahead * np.sin(self.pitch)
        scale = self.focal / np.maximum(depth, 0.1)
        middle = self.width / 2, self.height / 2
        return np.stack([middle[0] + right * scale, middle[1] + lower * scale], axis=-1), depth

    def turn(self, place: Floats) -> tuple[Floats, Floats]:
        """Right of the camera and ahead of it [N] each, in metres."""
        right, ahead = (place - self.place).T
        cos, sin = np.cos(self.yaw), np.sin(self.yaw)
        return right * cos - ahead * sin, right * sin + ahead * cos

    def back(self, right: Floats, ahead: Floats) -> Floats:
        """turn() the other way round -> places [N, 2]."""
        cos, sin = np.cos(self.yaw), np.sin(self.yaw)
        return self.place + np.stack(
            [right * cos + ahead * sin, ahead * cos - right * sin], axis=-1
        )

    def half_view(self, ahead: Floats) -> Floats:
        """Half the width in metres that is seen at that distance, and a little more."""
        return self.width / 2 / self.focal * ahead + 0.5


def walking_sequences(out: str | Path, count: int, seed: int = 0) -> list[Sequence]:
    """Writes OUT/walkersNNN/{gt/gt.txt, seqinfo.ini} -> the sequences, which have no detections.

    Raises MambatrackError for a count below 1 or where one of them is there already.
    """
    if count < 1:
        raise MambatrackError(f"{count} sequences of walkers; give --walkers 1 or more")
    return [_write(Path(out) / f"walkers{number:03d}", seed, number) for number in range(count)]


def _write(folder: Path, seed: int, number: int) -> Sequence:
    if folder.exists():
        raise MambatrackError(f"{folder} exists; name another folder")
    rng = np.random.default_rng([seed, number])
    size, fps = SIZES[rng.integers(len(SIZES))], float(rng.choice(RATES))
    (folder / "gt").mkdir(parents=True)
    rows = [
        f"{index + 1},{identity},{x:.2f},{y:.2f},{right - x:.2f},{bottom - y:.2f},1,1,1\n"
        for index, (ids, boxes) in enumerate(walk(rng, size, fps, FRAMES))
        for identity, (x, y, right, bottom) in zip(ids, boxes.tolist(), strict=True)
    ]
    write_text(folder / "gt/gt.txt", "".join(rows))
    write_text(
        folder / "seqinfo.ini",
        f"[Sequence]\nname={folder.name}\nimDir=img1\nframeRate={fps:g}\nseqLength={FRAMES}\n"
        f"imWidth={size[0]}\nimHeight={size[1]}\nimExt=.jpg\n",
    )
    return open_sequence(folder)


def walk(
    rng: Random, size: tuple[int, int], fps: float, frames: int
) -> Iterator[tuple[NDArray[np.int64], Floats]]:
    """Ids [N] and boxes [N, 4] of each frame: xyxy, pixels, clipped to the image of ``size``."""
    camera, operator = _set_up(rng, size)
    typical = round(np.exp(rng.uniform(np.log(6), np.log(45))))
    crowd = _Crowd(rng, camera, typical, 1 / fps)
    for _ in range(frames):
        yield _boxes(crowd.people, camera)
        operator.step(1 / fps)
        crowd.step()


class _Operator:
    """Moves the camera: shaken, turned and carried on, each in its own strength, often none.

    Both angles are drawn back to where they were; their noise has a memory of a second.
    """

    def __init__(self, rng: Random, camera: Camera):
        self._rng, self._camera = rng, camera
        self._aim = np.array([camera.yaw, camera.pitch])
        held = rng.random() < 0.55
        strength = np.exp(rng.uniform(-1.5, 1.0)) if held else 0.0
        self._shake = 0.004 * strength  # radians
        self._sway = rng.uniform(0.05, 0.35) if held and rng.random() < 0.5 else 0.0
        self._walks = rng.uniform(0.5, 1.5) if held and rng.random() < 0.5 else 0.0
        self._time, self._phase = 0.0, rng.uniform(0, 2 * np.pi)
        self._period = rng.uniform(4, 15)
        self._tremor = np.zeros(2)

    def step(self, seconds: float) -> None:
        camera = self._camera
        self._time += seconds
        fade = np.exp(-seconds / 0.15)
        noise = self._rng.normal(0, self._shake, 2)
        self._tremor = fade * self._tremor + np.sqrt(1 - fade**2) * noise
        turn = self._sway * np.sin(2 * np.pi * self._time / self._period + self._phase)
        camera.yaw = self._aim[0] + turn + self._tremor[0]
        bob = 0.003 * self._walks * np.sin(2 * np.pi * 1.9 * self._time)
        camera.pitch = self._aim[1] + self._tremor[1] + bob
        ahead = np.array([np.sin(camera.yaw), np.cos(camera.yaw)])
        camera.place = camera.place + self._walks * seconds * ahead


def _set_up(rng: Random, size: tuple[int, int]) -> tuple[Camera, _Operator]:
    """A camera at eye level or above, which looks so that its near floor is in view."""
    above = float(np.exp(rng.uniform(np.log(1.4), np.log(7.0))))
    focal = size[0] * rng.uniform(0.65, 1.3)
    pitch = np.arctan2(above - 1.0, rng.uniform(9, 16)) + rng.normal(0, 0.02)
    camera = Camera(*size, focal, np.zeros(2), above, 0.0, float(pitch))
    return camera, _Operator(rng, camera)


class _Crowd:
    """People who come into view, cross it and go; ``people`` has one structured row for each."""

    def __init__(self, rng: Random, camera: Camera, typical: int, seconds: float):
        self._rng, self._camera, self._typical, self._dt = rng, camera, typical, seconds
        self._next_id = 1
        self._far = float(np.exp(rng.uniform(*np.log(FARTHEST))))
        self._lanes = rng.uniform(-np.pi, np.pi, 2)  # where most of them walk to
        self._standing = rng.uniform(0, 0.3)
        self.people = np.zeros(0, PERSON)
        while len(self.people) < typical:
            self._join(anywhere=True)

    def step(self) -> None:
        people, rng, dt = self.people, self._rng, self._dt
        fade = np.exp(-dt / SETTLED_S)
        noise = rng.normal(0, 0.12, len(people))
        people["drift"] = fade * people["drift"] + np.sqrt(1 - fade**2) * noise
        turning = rng.random(len(people)) < 0.03 * dt
        people["heading"][turning] += rng.normal(0, 0.8, turning.sum())
        stopping = rng.random(len(people)) < 0.02 * dt
        people["stops"][stopping] = rng.uniform(1, 6, stopping.sum())
        people["stops"] -= dt
        wanted = np.where(people["stops"] > 0, 0, people["pace"])
        people["now"] += (wanted - people["now"]) * min(2 * dt, 1)
        way = people["heading"] + people["drift"]
        velocity = people["now"][:, None] * np.stack([np.sin(way), np.cos(way)], axis=1)
        people["place"] += dt * (velocity + 1.5 * elbow_room(people["place"]))
        people["phase"] += dt * np.pi * 1.5 * people["now"]
        self._come_and_go()

    def _come_and_go(self) -> None:
        right, ahead = self._camera.turn(self.people["place"])
        beyond = np.abs(right) > self._camera.half_view(ahead) + 2
        gone = beyond | (ahead < 0.5) | (ahead > self._far + 3)
        self.people = self.people[~gone]
        missing = self._typical - len(self.people)
        if missing > 0 and self._rng.random() < missing * self._dt:
            self._join(anywhere=False)

    def _join(self, anywhere: bool) -> None:
        """One more person, or a group, in view or from its border."""
        rng, camera = self._rng, self._camera
        count = int(rng.choice([1, 1, 1, 2, 2, 3, 4]))
        ahead = NEAREST + (self._far - NEAREST) * rng.random() ** 1.3
        half = float(camera.half_view(np.array(ahead)))
        right = rng.uniform(-half, half)
        heading = rng.choice(self._lanes) + rng.choice([0, np.pi]) + rng.normal(0, 0.25)
        if not anywhere:
            side = rng.choice([-1, 1])
            if rng.random() < 0.7:
                right = side * (half + 1)
                inwards = np.sin(heading - camera.yaw) * side < 0
            else:
                ahead = self._far
                inwards = np.cos(heading - camera.yaw) < 0
            heading += 0 if inwards else np.pi
        middle = camera.back(np.array(right), np.array(ahead))
        across = np.array([np.cos(heading), -np.sin(heading)])
        apart = (np.arange(count) - (count - 1) / 2) * COMPANY
        people = np.zeros(count, PERSON)
        people["id"] = np.arange(self._next_id, self._next_id + count)
        self._next_id += count
        people["place"] = middle + apart[:, None] * across + rng.normal(0, 0.12, (count, 2))
        people["heading"] = heading + rng.normal(0, 0.03, count)
        stands = anywhere and rng.random() < self._standing
        people["pace"] = 0.0 if stands else np.clip(rng.normal(1.3, 0.25), 0.5, 2.2)
        people["now"] = people["pace"]
        people["stature"] = np.clip(rng.normal(1.7, 0.09, count), 1.3, 1.95)
        people["shape"] = rng.uniform(0.33, 0.44, count)
        people["phase"] = rng.uniform(0, 2 * np.pi, count)
        self.people = np.concatenate([self.people, people])


def _boxes(people: NDArray, camera: Camera) -> tuple[NDArray[np.int64], Floats]:
    """Around everybody who is large enough and enough inside the image. A stride seen from the side
    makes a box wider."""
    foot, depth = camera.project(people["place"], 0.0)
    head, _ = camera.project(people["place"], people["stature"])
    height = foot[:, 1] - head[:, 1]
    aside = np.abs(np.sin(people["heading"] - camera.yaw)) * people["now"]
    stride = 0.12 * aside * np.abs(np.sin(people["phase"]))
    half = height * (people["shape"] + stride) / 2
    middle = (foot[:, 0] + head[:, 0]) / 2
    whole = np.stack([middle - half, head[:, 1], middle + half, foot[:, 1]], axis=1)
    size = camera.width, camera.height
    boxes = clip(whole, size)
    inside = area(boxes) >= LEAST_INSIDE * np.maximum(area(whole), 1e-6)
    shown = inside & (depth > 1) & (height >= LEAST_HEIGHT * camera.height)
    return people["id"][shown], boxes[shown]
