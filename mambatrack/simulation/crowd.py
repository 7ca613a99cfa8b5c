"""How the people of the synthetic world move and what shape they take: numbers only, no drawing.

People walk on a flat floor of places (x, depth) in metres, seen by a fixed camera. A new formation
now and then sends everyone somewhere else, mostly across each other; between formations they stop
dead, step aside, turn, crouch, raise their arms and jump. Pillars stand in front of them all.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Random = np.random.Generator

NEAR, FAR, WALL = 6.2, 12.5, 14.0  # depths in metres: where people walk, and the back wall
GRAVITY = 9.8
JOINTS = 14  # head, neck, then left and right: shoulder, elbow, hand, hip, knee, foot

PERSON = np.dtype([
    ("id", np.int64), ("place", float, 2), ("velocity", float, 2), ("goal", float, 2),
    ("pace", float), ("stature", float), ("yaw", float), ("spin", float), ("phase", float),
    ("crouch", float), ("crouch_goal", float), ("arms", float, 2), ("arms_goal", float, 2),
    ("lift", float), ("rise", float), ("leaving", bool),
])  # fmt: skip


@dataclass(frozen=True)
class Camera:
    """A level camera over the floor: an image of ``(width, height)`` pixels."""

    width: int
    height: int

    @property
    def focal(self) -> float:
        return 1.05 * min(self.width, self.height * 16 / 9)

    @property
    def horizon(self) -> float:
        return 0.2 * self.height

    def floor_y(self, depth: Any) -> Any:
        """Image row of the floor at that depth."""
        return self.horizon + 0.73 * self.height * NEAR / depth

    def half_view(self, depth: Any) -> Any:
        """Half the width in metres that the camera sees at that depth."""
        return self.width / 2 / self.focal * depth

    def project(self, place: Floats, offset: Floats) -> Floats:
        """``place [..., 2]`` on the floor, ``offset [..., 2]`` (right, up) in metres -> pixels."""
        scale = self.focal / place[..., 1]
        x = self.width / 2 + (place[..., 0] + offset[..., 0]) * scale
        return np.stack([x, self.floor_y(place[..., 1]) - offset[..., 1] * scale], axis=-1)


@dataclass(frozen=True)
class Figures:
    """The people of one frame as the camera sees them, farthest first.

    ids: [N] int64; joints: [N, JOINTS, 2] pixels; ground: [N, 2] pixels, the floor below the body;
    depth: [N] metres; size: [N] pixels per stature; yaw: [N] radians, 0 faces the camera
    """

    ids: NDArray[np.int64]
    joints: Floats
    ground: Floats
    depth: Floats
    size: Floats
    yaw: Floats

    def boxes(self) -> Floats:
        """-> [N, 4] xyxy around everything that is drawn of each body, not clipped."""
        radius = np.full(JOINTS, 0.03)
        radius[0] = 0.08
        reach = radius[None, :, None] * self.size[:, None, None]
        low, high = (self.joints - reach).min(axis=1), (self.joints + reach).max(axis=1)
        return np.concatenate([low, high], axis=1)


def stand_pillars(rng: Random, camera: Camera, count: int) -> Floats:
    """-> [count, 3]: x, depth and width in metres, spread over the view, in front of everyone."""
    depth = NEAR - 0.6
    across = (np.arange(count) + 0.5 + rng.uniform(-0.15, 0.15, count)) / max(count, 1)
    x = (2 * across - 1) * camera.half_view(depth)
    return np.stack([x, np.full(count, depth), rng.uniform(0.3, 0.4, count)], axis=1)


class Crowd:
    """People coming, going and moving; ``people`` [N] is one structured row per person."""

    def __init__(self, rng: Random, camera: Camera, pillars: Floats, people: int, fps: float):
        self.camera, self.pillars, self.typical, self.dt = camera, pillars, people, 1 / fps
        self._rng, self._next_id = rng, 1
        self._until_change = 2.0
        self.people = self._arrivals(people)
        self.people["place"] = self._clear_of_pillars(self._scatter(people))
        self.people["goal"] = self._clear_of_pillars(self._scatter(people))

    def step(self) -> None:
        """Moves everyone by one frame."""
        self._come_and_go()
        self._change_formation()
        self._act()
        self._walk()
        self._pose()

    def figures(self) -> Figures:
        people = self.people[np.argsort(-self.people["place"][:, 1], kind="stable")]
        place, floor = people["place"], np.zeros((len(people), 2))
        joints = self.camera.project(place[:, None, :], _skeleton(people))
        size = people["stature"] * self.camera.focal / place[:, 1]
        return Figures(people["id"].copy(), joints, self.camera.project(place, floor),
                       place[:, 1].copy(), size, people["yaw"].copy())  # fmt: skip

    def _chance(self, per_second: float) -> NDArray[np.bool_]:
        return self._rng.random(len(self.people)) < per_second * self.dt

    def _scatter(self, count: int) -> Floats:
        depth = self._rng.uniform(NEAR + 0.3, FAR, count)
        x = self._rng.uniform(-0.8, 0.8, count) * self.camera.half_view(depth)
        return np.stack([x, depth], axis=1)

    def _arrivals(self, count: int) -> NDArray:
        """People about to enter from either side of the view."""
        people, rng = np.zeros(count, PERSON), self._rng
        people["id"] = np.arange(self._next_id, self._next_id + count)
        self._next_id += count
        people["goal"] = self._clear_of_pillars(self._scatter(count))
        people["place"] = people["goal"]
        side = rng.choice([-1.0, 1.0], count)
        people["place"][:, 0] = side * (self.camera.half_view(people["goal"][:, 1]) + 0.5)
        people["stature"] = rng.uniform(1.55, 1.9, count)
        people["pace"] = rng.uniform(0.9, 2.0, count)
        people["phase"] = rng.uniform(0, 2 * np.pi, count)
        return people

    def _come_and_go(self) -> None:
        people = self.people
        tired = self._chance(1 / 30) & ~people["leaving"]
        people["leaving"] |= tired
        side = np.where(people["place"][:, 0] > 0, 1.0, -1.0)
        exits = side * (self.camera.half_view(people["place"][:, 1]) + 1.0)
        people["goal"][tired, 0] = exits[tired]
        outside = np.abs(people["place"][:, 0]) > self.camera.half_view(people["place"][:, 1]) + 0.7
        self.people = people[~(people["leaving"] & outside)]
        missing = self.typical - len(self.people)
        if missing > 0 and self._rng.random() < 2 * missing * self.dt:
            self.people = np.concatenate([self.people, self._arrivals(1)])

    def _change_formation(self) -> None:
        self._until_change -= self.dt
        if self._until_change > 0:
            return
        self._until_change = self._rng.uniform(2.5, 6.0)
        staying = np.flatnonzero(~self.people["leaving"])
        goals = _formation(self._rng, len(staying))
        goals[:, 0] *= 0.75 * self.camera.half_view(goals[:, 1])
        self.people["goal"][staying] = self._clear_of_pillars(goals)
        self.people["pace"][staying] = self._rng.uniform(0.5, 1.9, len(staying))

    def _act(self) -> None:
        """Single people stop, step aside, turn, crouch, raise their arms, jump."""
        people, rng = self.people, self._rng
        count, free = len(people), ~people["leaving"]
        stop = self._chance(0.15) & free
        people["goal"][stop] = self._clear_of_pillars(people["place"][stop])
        people["velocity"][stop] *= 0.2
        aside = self._chance(0.25) & free
        goals = people["place"] + rng.normal(0, [1.2, 0.7], (count, 2))
        goals[:, 1] = np.clip(goals[:, 1], NEAR, FAR)
        people["goal"][aside] = self._clear_of_pillars(goals[aside])
        turn = self._chance(0.15)
        people["spin"][turn] = rng.choice([-1, 1], turn.sum()) * rng.uniform(2, 7, turn.sum())
        people["spin"][self._chance(1.0)] = 0
        low, reach = self._chance(0.3), self._chance(0.6)
        people["crouch_goal"][low] = rng.choice([0, 0, 0.4, 0.9], low.sum())
        raised = rng.choice([0.12, 0.12, 1.5, 2.6], (reach.sum(), 2))
        people["arms_goal"][reach] = raised + rng.normal(0, 0.12, raised.shape)
        jump = self._chance(0.12) & (people["lift"] == 0)
        people["rise"][jump] = rng.uniform(2.0, 3.2, jump.sum())

    def _walk(self) -> None:
        people, dt = self.people, self.dt
        way = people["goal"] - people["place"]
        distance = np.linalg.norm(way, axis=1, keepdims=True)
        wanted = (
            way / np.maximum(distance, 1e-6) * np.minimum(3 * distance, people["pace"][:, None])
        )
        wanted += 3 * elbow_room(people["place"])
        change = wanted - people["velocity"]
        limit = 6.0 * dt / np.maximum(np.linalg.norm(change, axis=1, keepdims=True), 1e-6)
        people["velocity"] += change * np.minimum(limit, 1)
        people["place"] += people["velocity"] * dt
        people["place"][:, 1] = np.clip(people["place"][:, 1], NEAR, FAR + 0.5)
        people["rise"] -= GRAVITY * dt * (people["lift"] + np.maximum(people["rise"], 0) > 0)
        people["lift"] = np.maximum(people["lift"] + people["rise"] * dt, 0)
        people["rise"][people["lift"] == 0] = 0

    def _pose(self) -> None:
        people, dt = self.people, self.dt
        speed = np.linalg.norm(people["velocity"], axis=1)
        people["phase"] += (2.5 + 3.5 * speed) * (speed > 0.1) * dt
        heading = np.arctan2(people["velocity"][:, 0], -people["velocity"][:, 1])
        off = np.angle(np.exp(1j * (np.where(speed > 0.3, heading, 0.0) - people["yaw"])))
        spinning = people["spin"] != 0
        people["yaw"] += np.where(spinning, people["spin"], 6 * off) * dt
        people["crouch"] += (people["crouch_goal"] - people["crouch"]) * min(5 * dt, 1)
        people["arms"] += (people["arms_goal"] - people["arms"]) * min(6 * dt, 1)

    def _clear_of_pillars(self, goals: Floats) -> Floats:
        """Moves goals sideways out of the pillars' shadows: people pass there, but do not stay."""
        goals = goals.copy()
        for x, depth, width in self.pillars:
            centre, margin = x / depth * goals[:, 1], (width / depth) * goals[:, 1] / 2 + 0.5
            off = goals[:, 0] - centre
            hidden = np.abs(off) < margin
            goals[hidden, 0] = (centre + np.where(off < 0, -margin, margin))[hidden]
        return goals


def _formation(rng: Random, count: int) -> Floats:
    """-> [count, 2]: x from -1 to 1 and depth of a row, two rows, a wedge, ring or huddle."""
    along = np.linspace(-1, 1, count) if count > 1 else np.zeros(count)
    middle, deep = (NEAR + FAR) / 2, (FAR - NEAR) / 2
    kind = rng.integers(5)
    if kind == 0:
        places = [along, np.full(count, rng.uniform(NEAR + 0.5, FAR - 0.5))]
    elif kind == 1:
        places = [along, middle + deep * np.where(np.arange(count) % 2, 0.5, -0.5)]
    elif kind == 2:
        places = [along, middle + deep * rng.choice([-0.8, 0.8]) * (1 - 2 * np.abs(along))]
    elif kind == 3:
        places = [0.8 * np.cos(np.pi * along), middle + 0.8 * deep * np.sin(np.pi * along)]
    else:
        places = [rng.normal(rng.uniform(-0.5, 0.5), 0.25, count), rng.normal(middle, 0.8, count)]
    goals = np.stack(places, axis=1) + rng.normal(0, [0.03, 0.2], (count, 2))
    goals[:, 1] = np.clip(goals[:, 1], NEAR, FAR)
    return rng.permutation(goals)


def elbow_room(place: Floats, radius: float = 0.5) -> Floats:
    """``place [N, 2]`` -> [N, 2] velocity that pushes people apart who stand closer than radius."""
    apart = place[:, None] - place[None]
    distance = np.linalg.norm(apart, axis=-1, keepdims=True)
    push = np.maximum(radius - distance, 0) / np.maximum(distance, 0.05)
    total: Floats = (apart * push).sum(axis=1)
    return total


def _skeleton(people: NDArray) -> Floats:
    """-> [N, JOINTS, 2]: joints of each body relative to its place, (right, up) in metres."""
    side, zero = np.broadcast_to([-1.0, 1.0], (len(people), 2)), np.zeros((len(people), 2))
    speed = np.linalg.norm(people["velocity"], axis=1)[:, None]
    swing = 0.55 * np.clip(speed / 1.4, 0, 1) * np.sin(people["phase"][:, None] + [0, np.pi])
    crouch, raised = people["crouch"][:, None], people["arms"]
    thigh, shin = swing + 0.9 * crouch, np.minimum(swing, 0.6 * swing) - 1.0 * crouch
    hip_up = (0.245 * (np.cos(thigh) + np.cos(shin))).max(axis=1, keepdims=True) + 0.03 + zero
    lean = 0.12 * crouch + 0.02 * speed
    hip = np.stack([0.07 * side, zero, hip_up], axis=-1)
    knee = hip + 0.245 * np.stack([zero, np.sin(thigh), -np.cos(thigh)], axis=-1)
    foot = knee + 0.245 * np.stack([zero, np.sin(shin), -np.cos(shin)], axis=-1)
    shoulder = np.stack([0.115 * side, lean + zero, hip_up + 0.3], axis=-1)
    arm = _arm(raised, -0.8 * swing, side)
    elbow = shoulder + 0.165 * arm
    hand = elbow + 0.175 * _arm(raised * 1.08, 0.25 - 0.8 * swing, side)
    neck = shoulder.mean(axis=1, keepdims=True) + [0, 0, 0.03]
    head = neck + [0, 0.02, 0.085]
    body = np.concatenate([head, neck, shoulder, elbow, hand, hip, knee, foot], axis=1)
    yaw = people["yaw"][:, None]
    right = body[..., 0] * np.cos(yaw) + body[..., 1] * np.sin(yaw)
    offsets = np.stack([right, body[..., 2]], axis=-1) * people["stature"][:, None, None]
    offsets[..., 1] += people["lift"][:, None]
    return offsets


def _arm(raised: Floats, swing: Floats, side: Floats) -> Floats:
    """Direction [N, 2, 3] (right, ahead, up) of both arms, raised sideways and swung forward."""
    return np.stack([side * np.sin(raised), np.sin(swing) * np.cos(raised),
                     -np.cos(swing) * np.cos(raised)], axis=-1)  # fmt: skip
