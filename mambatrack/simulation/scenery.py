"""Paints the synthetic world: a still room with pillars, and shaded figures with soft shadows."""

import colorsys
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.simulation.crowd import WALL, Camera, Figures

Image = NDArray[np.uint8]
Colour = tuple[float, float, float]

_WOOD, _PLASTER, _SKIRTING, _STONE = np.array(
    [[104, 140, 172], [176, 172, 164], [206, 210, 212], [186, 196, 204]], np.float32
)
_SHIFT = 4  # fractional bits of polygon corners: figures move by sixteenths of a pixel
_LIGHT = np.array([-0.35, -0.3])  # towards the light, in the image
_ANGLES = np.arange(0, 2 * np.pi, np.pi / 8)
_CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)

# The parts of a figure in painting order: first and last joint (of crowd.py; 14 to 16 are hair,
# face and hair tip), their radii per stature, colour, brightness. For limbs the joint of the
# left side is named; +1 or -1 in the last column leads to the other side when that is farther.
_PARTS = (
    (4, 6, 0.031, 0.022, "sleeve", 0.78, 1), (6, 6, 0.027, 0.027, "skin", 0.78, 1),
    (2, 4, 0.042, 0.034, "top", 0.78, 1),
    (12, 12, 0.032, 0.032, "shoes", 0.8, 1), (10, 12, 0.042, 0.029, "legs", 0.8, 1),
    (8, 10, 0.058, 0.045, "legs", 0.8, 1),
    (13, 13, 0.032, 0.032, "shoes", 1.0, -1), (11, 13, 0.042, 0.029, "legs", 1.0, -1),
    (9, 11, 0.058, 0.045, "legs", 1.0, -1),
    (14, 16, 0.066, 0.05, "hair", 0.9, 0), (1, 1, 0.0, 0.0, "top", 1.0, 0),
    (1, 0, 0.032, 0.03, "skin", 0.85, 0),
    (14, 16, 0.066, 0.05, "hair", 0.9, 0), (14, 14, 0.068, 0.068, "hair", 1.0, 0),
    (15, 15, 0.058, 0.058, "skin", 1.0, 0),
    (5, 7, 0.031, 0.022, "sleeve", 1.0, -1), (7, 7, 0.027, 0.027, "skin", 1.0, -1),
    (3, 5, 0.042, 0.034, "top", 1.0, -1),
)  # fmt: skip
_ENDS = np.array([part[:2] for part in _PARTS])
_RADII = np.array([part[2:4] for part in _PARTS])
_SHADE = [part[5] for part in _PARTS]
_OTHER_SIDE = np.array([part[6] for part in _PARTS])
_LONG_HAIR, _TORSO, _HAIR_ON_BACK, _FACE = 9, 10, 12, 14
_SKINS = ((188, 208, 238), (150, 182, 222), (112, 150, 200), (70, 102, 150), (48, 70, 110))
_HAIRS = ((28, 30, 38), (40, 58, 92), (72, 120, 170), (52, 52, 56), (120, 170, 205))


class Scenery:
    """The room of one world; painted when first needed, then copied for every frame.

    uniform: all wear the same, with the same skin and hair
    """

    def __init__(self, camera: Camera, pillars: NDArray, seed: int, uniform: bool = False):
        self._camera, self._pillars, self._seed = camera, pillars, seed
        self._uniform = uniform
        self._outfits: dict[int, Outfit] = {}

    @cached_property
    def _room(self) -> Image:
        """The empty room, at twice the size and then halved for smooth edges."""
        rng = np.random.default_rng([self._seed, 2])
        fine = Camera(2 * self._camera.width, 2 * self._camera.height)
        room = _floor_and_wall(fine, rng)
        for pillar in self._pillars:
            _paint_pillar(room, fine, pillar)
        room *= _vignette(fine)
        room += 3 * rng.standard_normal((*room.shape[:2], 1), np.float32)
        smooth = cv2.resize(room, (fine.width // 2, fine.height // 2), interpolation=cv2.INTER_AREA)
        return np.clip(smooth, 0, 255).astype(np.uint8)

    def paint(self, figures: Figures) -> Image:
        """-> [H, W, 3] BGR uint8; nearer people over farther ones, the pillars over all."""
        image = self._room.copy()
        for index in range(len(figures.ids)):
            _paint_shadow(image, figures.ground[index], figures.joints[index], figures.size[index])
        for index, identity in enumerate(figures.ids.tolist()):
            _paint_figure(image, figures, index, self._outfit(identity))
        for left, top, right in self._pillar_parts:
            image[top:, left:right] = self._room[top:, left:right]
        return image

    def _outfit(self, identity: int) -> "Outfit":
        if len(self._outfits) > 256:
            self._outfits.clear()
        if identity not in self._outfits:
            model = 0 if self._uniform else identity
            rng = np.random.default_rng([self._seed, 3, model])
            self._outfits[identity] = Outfit(rng, model)
        return self._outfits[identity]

    @cached_property
    def _pillar_parts(self) -> list[tuple[int, int, int]]:
        """(left, top, right) of every shaft and base, in pixels; they reach to the floor."""
        camera, parts = self._camera, []
        for x, depth, width in self._pillars:
            scale = camera.focal / depth
            centre, half = camera.width / 2 + x * scale, width * scale / 2
            for reach, top in _pillar_shape(camera, depth):
                sides = (max(round(centre + side * reach * half), 0) for side in (-1, 1))
                left, right = sides
                parts.append((left, round(top), right))
        return parts


class Outfit:
    """A person's colours, BGR: distinct tops by the golden ratio, muted legs.

    parts: the colour of each of a figure's parts
    """

    def __init__(self, rng: np.random.Generator, identity: int):
        top = _bgr((identity * 0.618034 + 0.05) % 1, rng.uniform(0.45, 0.75), rng.uniform(0.6, 0.9))
        skin = _SKINS[rng.integers(len(_SKINS))]
        colours = {
            "top": top,
            "skin": skin,
            "sleeve": top if rng.random() < 0.5 else skin,
            "hair": _HAIRS[rng.integers(len(_HAIRS))],
            "legs": _bgr(rng.uniform(0.55, 0.7), rng.uniform(0.1, 0.45), rng.uniform(0.2, 0.42)),
            "shoes": _bgr(rng.uniform(), 0.1, rng.choice([0.15, 0.2, 0.85])),
        }
        self.parts: list[Colour] = [colours[part[4]] for part in _PARTS]
        self.long_hair = rng.random() < 0.35


def _bgr(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return 255 * blue, 255 * green, 255 * red


def _floor_and_wall(camera: Camera, rng: np.random.Generator) -> NDArray[np.float32]:
    """Wooden boards in perspective up to a plain wall with a skirting board, float [H, W, 3]."""
    y, x = np.mgrid[: camera.height, : camera.width].astype(np.float32)
    foot = camera.floor_y(WALL)
    drop = camera.floor_y(1.0) - camera.horizon
    depth = drop / np.maximum(y - camera.horizon, foot - camera.horizon)
    across = (x - camera.width / 2) * depth / camera.focal
    board = np.floor(across / 0.32).astype(int)
    joint = np.floor(depth / 2.6 + rng.random(512, np.float32)[board % 512]).astype(int)
    tone = rng.normal(0, 7.0, 4096).astype(np.float32)[(board * 131 + joint * 37) % 4096]
    seam = np.abs(across / 0.32 - board - 0.5) > 0.5 - 0.022
    grain = 4 * np.sin(across * 90 + 3 * np.sin(depth * 4 + board) + board * 2.1)
    shine = 34 * np.exp(-(((x / camera.width - 0.42) * 2.2) ** 2)) * np.exp(-(depth - 6) / 5)
    brightness = (tone + grain - 26.0 * seam.astype(np.float32) + shine)[..., None]
    floor = _WOOD + brightness
    ramp = (y / foot)[..., None]
    panel = np.abs(across % 2.4 - 1.2) > 1.18
    wall = _PLASTER * (0.78 + 0.2 * ramp) - 9.0 * panel[..., None].astype(np.float32)
    wall = np.where((y > foot - 0.022 * camera.height)[..., None], _SKIRTING, wall)
    contact = np.clip((y - foot) / (0.05 * camera.height), 0, 1)[..., None]
    room = np.where((y >= foot)[..., None], floor * (0.72 + 0.28 * contact), wall)
    return room.astype(np.float32)


def _paint_pillar(room: NDArray[np.float32], camera: Camera, pillar: NDArray) -> None:
    """A round pillar with a base and a contact shadow, in place."""
    x, depth, width = pillar
    scale = camera.focal / depth
    centre, half = camera.width / 2 + x * scale, width * scale / 2
    foot = camera.floor_y(depth)
    left = max(int(centre - 5 * half), 0)
    room = room[:, left : max(int(centre + 6 * half), left)]
    y, column = np.mgrid[: room.shape[0], left : left + room.shape[1]].astype(np.float32)
    away = ((column - centre - half * 0.5) / (half * 1.9)) ** 2 + ((y - foot) / (half * 0.45)) ** 2
    room *= (1 - 0.5 * np.exp(-away))[..., None]
    for (reach, top), tint in zip(_pillar_shape(camera, depth), (1.0, 0.82), strict=True):
        across = (column - centre) / (half * reach)
        bottom = foot + 0.16 * half * reach * np.sqrt(np.maximum(1 - across**2, 0))
        light = 0.5 + 0.5 * np.exp(-(((across + 0.35) / 0.6) ** 2))
        shaded = _STONE * (tint * light)[..., None]
        inside = (np.abs(across) <= 1) & (y >= top) & (y <= bottom)
        room[inside] = shaded[inside]


def _pillar_shape(camera: Camera, depth: float) -> tuple[tuple[float, float], ...]:
    """(half width in units of the shaft's, top row) of the shaft and of the base."""
    return (1.0, 0.0), (1.15, camera.floor_y(depth) - 0.07 * camera.height)


def _vignette(camera: Camera) -> NDArray[np.float32]:
    x = np.linspace(-1, 1, camera.width, dtype=np.float32)
    y = np.linspace(-1, 1, camera.height, dtype=np.float32)
    return (1.04 - 0.16 * (x[None, :] ** 2 + y[:, None] ** 2))[..., None]


def _paint_shadow(image: Image, ground: NDArray, joints: NDArray, size: float) -> None:
    """Darkens a soft ellipse below the body, weaker while it is in the air."""
    air = np.clip((ground[1] - joints[12:, 1].max()) / size, 0, 1)
    half = np.array([0.3, 0.085]) * size
    centre = ground + [0.1 * size, 0.0]
    low = np.maximum(np.floor(centre - half), 0).astype(int)
    high = np.minimum(np.ceil(centre + half), [image.shape[1], image.shape[0]]).astype(int)
    if (high <= low).any():
        return
    x = (np.arange(low[0], high[0], dtype=np.float32) - centre[0]) / half[0]
    y = (np.arange(low[1], high[1], dtype=np.float32) - centre[1]) / half[1]
    soft = np.maximum(1 - x[None, :] ** 2 - y[:, None] ** 2, 0)
    keep = 1 - 0.55 * (1 - air) * soft
    region = image[low[1] : high[1], low[0] : high[0]]
    region[:] = region * keep[..., None]


def _paint_figure(image: Image, figures: Figures, index: int, outfit: Outfit) -> None:
    """Far limbs, torso, head and near arm in this order, each lit from the upper left."""
    size, yaw = float(figures.size[index]), float(figures.yaw[index])
    joints = np.concatenate([figures.joints[index], _head(figures.joints[index, 0], size, yaw)])
    far_side = _OTHER_SIDE * (np.sin(yaw) < 0)
    ends = joints[_ENDS + far_side[:, None]]  # [L, 2, 2]
    radii = _RADII * size
    if not outfit.long_hair:
        radii[[_LONG_HAIR, _HAIR_ON_BACK]] = 0
    if np.cos(yaw) > 0:
        radii[_HAIR_ON_BACK] = 0
    if np.cos(yaw) < -0.45:
        radii[_FACE] = 0
    whole = _capsules(ends, radii)
    lit = _capsules(ends + _LIGHT * radii[..., None], 0.58 * radii)
    for part, (colour, bright) in enumerate(zip(outfit.parts, _SHADE, strict=True)):
        if part == _TORSO:
            _paint_torso(image, joints[[2, 3, 9, 8]], size, outfit.parts[part])
        elif radii[part, 0] > 0:
            _fill(image, whole[part], colour, 0.84 * bright)
            _fill(image, lit[part], colour, bright)


def _head(centre: NDArray, size: float, yaw: float) -> NDArray:
    """-> [3, 2]: the middle of the hair, of the face, and the tip of long hair."""
    turn = np.sin(yaw)
    offsets = [[-0.012 * turn, -0.008], [0.02 * turn, 0.016], [-0.03 * turn, 0.09]]
    return centre + np.array(offsets) * size


def _paint_torso(image: Image, corners: NDArray, size: float, colour: Colour) -> None:
    middle = corners.mean(axis=0)
    inner = corners + 0.25 * (middle - corners) + 0.02 * size * _LIGHT
    for places, radius, bright in ((corners, 0.047, 0.84), (inner, 0.02, 1.0)):
        points = (places[:, None] + radius * size * _CIRCLE).reshape(-1, 2)
        _fill(image, cv2.convexHull(points.astype(np.float32))[:, 0], colour, bright)


def _capsules(ends: NDArray, radii: NDArray) -> NDArray:
    """Rounded limbs: ``ends [L, 2, 2]`` pixels, ``radii [L, 2]`` -> outlines [L, 16, 2]."""
    along = ends[:, 1] - ends[:, 0]
    angle = np.arctan2(along[:, 1], along[:, 0])[:, None]
    cosine, sine = np.cos(angle), np.sin(angle)
    x, y = _CIRCLE.T
    turned = np.stack([x * cosine - y * sine, x * sine + y * cosine], axis=-1)
    end = (x > 1e-9).astype(int)  # half the circle goes around each end
    return ends[:, end] + radii[:, end, None] * turned


def _fill(image: Image, points: NDArray, colour: Colour, bright: float) -> None:
    corners = np.round(points * (1 << _SHIFT)).astype(np.int32)
    blue, green, red = (min(float(channel) * bright, 255) for channel in colour)
    cv2.fillConvexPoly(image, corners, (blue, green, red), cv2.LINE_AA, _SHIFT)
