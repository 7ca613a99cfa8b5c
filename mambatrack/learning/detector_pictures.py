"""Pictures of people as any camera might show them: several scenes side by side, people of any
size, in front of one another, blurred, in other light."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mambatrack.learning.detector_data import Picture, Scene, Scenes
from mambatrack.learning.detector_stands import WIDTHS, painted_stand

Size = tuple[int, int]  # rows, columns
GREY = 114  # around a picture
TURN = 6.0  # degrees: largest roll
MOSAIC, TURNED, PASTED, MOVED, COARSE, NOISY, CODED, COLOURLESS, TINTED = (
    0.5, 0.25, 0.5, 0.1, 0.12, 0.1, 0.25, 0.1, 0.06,
)  # fmt: skip  # shares of the pictures
EMPTY, TRIES = 0.25, 4  # share of the parts that shall show nobody; places tried for one
LIT = 0.4  # share of the parts that are in a light of their own
THING = 0.4  # share of what is pasted that is nobody
STANDS = 0.5  # share of that which is a painted thing on legs
OVER_EDGE = 0.4  # share of what is pasted that an edge of the picture cuts off
CUT = 0.6  # share of it that is cut off at most
SMALLEST = 14.0  # rows of a person who is made so tall
SCALES = 0.2, 2.5  # of a scene
FILLED = 0.8  # of a picture at least, along one side
SEEN = 0.25  # share of a box that is in the picture, from which it counts
LEAST = 3.0, 6.0  # columns and rows of a box that counts
TALL_ENOUGH, SURE_ENOUGH = 40, 0.8  # of a person to be pasted elsewhere


class Shown(NamedTuple):
    """picture [H, W, 3]; boxes [N, 4] xyxy in its pixels; sure [N]."""

    picture: Picture
    boxes: NDArray[np.float32]
    sure: NDArray[np.float32]


def shown(scenes: Scenes, size: Size, rng: Generator) -> Shown:
    """A picture to learn from."""
    if rng.random() < MOSAIC:
        made = _mosaic(scenes, size, rng)
    else:
        made = _part(scenes.any(rng), size, rng)
    if rng.random() < PASTED:
        for _ in range(int(rng.integers(1, 5))):
            paste = _thing_pasted if rng.random() < THING else _pasted
            made = paste(made, scenes.any(rng), rng)
    return made._replace(picture=_disturbed(made.picture, rng))


def _mosaic(scenes: Scenes, size: Size, rng: Generator) -> Shown:
    """Four scenes that meet somewhere near the middle."""
    rows, columns = (int(side * rng.uniform(0.3, 0.7)) for side in size)
    picture = np.empty((*size, 3), np.uint8)
    boxes, sure = [], []
    for top, bottom in ((0, rows), (rows, size[0])):
        for left, right in ((0, columns), (columns, size[1])):
            part = _part(scenes.any(rng), (bottom - top, right - left), rng)
            picture[top:bottom, left:right] = part.picture
            boxes.append(part.boxes + np.array([left, top] * 2, np.float32))
            sure.append(part.sure)
    return Shown(picture, np.concatenate(boxes), np.concatenate(sure))


def _part(scene: Scene, size: Size, rng: Generator) -> Shown:
    """A part of a scene; some have a light of their own, and some show nobody, where the scene has
    such a place."""
    view = _view(scene, size, rng)
    if rng.random() < EMPTY:
        views = [view, *(_view(scene, size, rng) for _ in range(TRIES))]
        view = min(views, key=lambda each: len(_boxes_in(scene, each, size).sure))
    made = _warped(scene, view, size)
    return made._replace(picture=_relit(made.picture, rng)) if rng.random() < LIT else made


def _view(scene: Scene, size: Size, rng: Generator) -> NDArray:
    """The affine matrix [2, 3] of a part of a scene, larger or smaller, mirrored or not, perhaps a
    little rolled."""
    whole = np.array(scene.levels[0].shape[1::-1])
    scale, target = _scale(scene, size, rng), np.array(size[::-1])
    point = whole * rng.uniform(0, 1, 2)
    if len(scene.sure) and rng.random() < 0.7:
        box = scene.boxes[rng.integers(len(scene.sure))]
        point = (box[:2] + box[2:]) / 2
    radians = np.radians(rng.uniform(-TURN, TURN)) if rng.random() < TURNED else 0.0
    turn = scale * np.array(
        [[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]]
    )
    if rng.random() < 0.5:
        turn[:, 0] *= -1
    middle = target * rng.uniform(0.2, 0.8, 2) + turn @ (whole / 2 - point)
    half = scale * whole / 2
    middle = np.clip(middle, np.minimum(half, target - half), np.maximum(half, target - half))
    return np.column_stack([turn, middle - turn @ whole / 2])


def _scale(scene: Scene, size: Size, rng: Generator) -> float:
    """By which somebody of the scene is of a height drawn evenly in octaves, or the scene fills
    about the picture."""
    whole = np.divide(size, scene.levels[0].shape[:2])
    fitting = max(whole) * np.exp(rng.uniform(-0.4, 0.7))
    if len(scene.sure) and rng.random() < 0.65:
        box = scene.boxes[rng.integers(len(scene.sure))]
        height = np.exp(rng.uniform(np.log(SMALLEST), np.log(max(SMALLEST, 0.9 * size[0]))))
        fitting = height / max(float(box[3] - box[1]), 1.0)
    return float(max(np.clip(fitting, *SCALES), FILLED * min(whole)))


def _warped(scene: Scene, matrix: NDArray, size: Size) -> Shown:
    """The scene by an affine ``matrix`` [2, 3] of its pixels, taken from the level that fits."""
    scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    level = int(np.clip(np.floor(-np.log2(scale)), 0, len(scene.levels) - 1))
    picture = scene.levels[level]
    ratio = np.divide(scene.levels[0].shape[1::-1], picture.shape[1::-1])
    own = np.column_stack([matrix[:, :2] * ratio, matrix[:, 2]])
    seen = cv2.warpAffine(picture, own, size[::-1], borderValue=(GREY, GREY, GREY))
    return _boxes_in(scene, matrix, size)._replace(picture=np.asarray(seen, np.uint8))


def _boxes_in(scene: Scene, matrix: NDArray, size: Size) -> Shown:
    """Who is seen by an affine ``matrix``, beside a picture that is not made yet."""
    scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    centres = (scene.boxes[:, :2] + scene.boxes[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    reach = (scene.boxes[:, 2:] - scene.boxes[:, :2]) * scale / 2
    boxes = np.hstack([centres - reach, centres + reach]).astype(np.float32)
    return _cut(Shown(scene.levels[-1], boxes, scene.sure), size)


def _cut(given: Shown, size: Size) -> Shown:
    """Boxes end with the picture; those of which too little is seen are dropped."""
    inside = given.boxes.clip(0, np.array([size[1], size[0]] * 2, np.float32))
    sides, whole = inside[:, 2:] - inside[:, :2], given.boxes[:, 2:] - given.boxes[:, :2]
    kept = (sides.prod(1) >= SEEN * whole.prod(1)) & (sides >= LEAST).all(1)
    return Shown(given.picture, inside[kept], given.sure[kept])


def _pasted(given: Shown, scene: Scene, rng: Generator) -> Shown:
    """With somebody of the scene in front."""
    heights = scene.boxes[:, 3] - scene.boxes[:, 1]
    usable = np.flatnonzero((heights >= TALL_ENOUGH) & (scene.sure >= SURE_ENOUGH))
    if not len(usable):
        return given
    row = rng.choice(usable)
    return _covered(given, scene, scene.boxes[row], float(scene.sure[row]), rng)


def _thing_pasted(given: Shown, scene: Scene, rng: Generator) -> Shown:
    """With a thing on legs in front, or a piece of the scene that shows nobody, in the shape of a
    person."""
    if rng.random() < STANDS:
        return _stand_pasted(given, rng)
    rows, columns = scene.levels[0].shape[:2]
    high = rows * rng.uniform(0.1, 0.7)
    wide = min(high * rng.uniform(0.25, 0.8), columns - 1)
    left, top = rng.uniform(0, columns - wide), rng.uniform(0, rows - high)
    box = np.array([left, top, left + wide, top + high], np.float32)
    if (_uncovered(scene.boxes, box) < 1).any():
        return given
    return _covered(given, scene, box, 0.0, rng)


def _covered(
    given: Shown, scene: Scene, box: NDArray[np.float32], sure: float, rng: Generator
) -> Shown:
    """With what a box of the scene holds in front of it somewhere, of any size."""
    size = given.picture.shape[:2]
    x0, y0, x1, y1 = (int(v) for v in np.clip(box, 0, scene.levels[0].shape[1::-1] * 2))
    crop = scene.levels[0][y0:y1, x0:x1]
    high = _height(size, rng)
    wide = max(4, round(high * crop.shape[1] / max(crop.shape[0], 1)))
    if min(crop.shape[:2]) < 4 or wide >= size[1] or high >= size[0]:
        return given
    small = np.asarray(cv2.resize(crop, (wide, high), interpolation=cv2.INTER_AREA), np.uint8)
    return _laid_over(given, small, _silhouette(high, wide), sure, rng)


def _stand_pasted(given: Shown, rng: Generator) -> Shown:
    """With a painted thing on legs in front."""
    size = given.picture.shape[:2]
    high = _height(size, rng)
    wide = min(max(4, round(high * rng.uniform(*WIDTHS))), size[1] - 1)
    stand = painted_stand(high, wide, rng)
    return _laid_over(given, stand.picture, stand.shape, 0.0, rng)


def _height(size: tuple[int, ...], rng: Generator) -> int:
    """Of a piece to paste, evenly in octaves."""
    return int(np.exp(rng.uniform(np.log(16), np.log(0.7 * size[0]))))


def _laid_over(
    given: Shown, piece: Picture, shape: NDArray[np.float32], sure: float, rng: Generator
) -> Shown:
    """With a piece [H, W, 3] in front somewhere, where its shape [H, W, 1] is 1; sure: how sure it
    shows a person, 0 for nobody."""
    size, (high, wide) = given.picture.shape[:2], piece.shape[:2]
    left, top = _put((high, wide), size, rng)
    low = np.maximum((top, left), 0)
    end = np.minimum((top + high, left + wide), size)
    inside = tuple(slice(a - at, b - at) for a, b, at in zip(low, end, (top, left), strict=True))
    front = _relit(piece, rng).astype(np.float32)[inside]
    place = given.picture[low[0] : end[0], low[1] : end[1]]
    place[:] = place + (front - place) * shape[inside]
    cover = np.array([low[1], low[0], end[1], end[0]], np.float32)
    kept = _uncovered(given.boxes, cover) >= 1 - 2 * SEEN
    boxes, shares = given.boxes[kept], given.sure[kept]
    if sure:
        boxes, shares = np.vstack([boxes, cover]), np.append(shares, np.float32(sure))
    return Shown(given.picture, boxes, shares)


def _put(piece: Size, size: Size, rng: Generator) -> tuple[int, int]:
    """Left and top of a piece in a picture: somewhere inside, or such that an edge of the picture
    cuts off up to ``CUT`` of its columns or rows, with which people and things often end."""
    room = np.subtract(size, piece)
    top, left = (int(rng.integers(each)) for each in room)
    if rng.random() < OVER_EDGE:
        beyond = np.round(np.multiply(piece, rng.uniform(0, CUT, 2))).astype(int)
        side = rng.integers(4)
        if side % 2:
            left = int(room[1] + beyond[1] if side == 1 else -beyond[1])
        else:
            top = int(room[0] + beyond[0] if side == 0 else -beyond[0])
    return left, top


def _silhouette(rows: int, columns: int) -> NDArray[np.float32]:
    """[rows, columns, 1], 1 in a rounded body, 0 in the corners of its box."""
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    return np.clip(6 * (1.15 - np.abs(x) ** 3 - np.abs(y) ** 6), 0, 1).astype(np.float32)[..., None]


def _uncovered(boxes: NDArray[np.float32], cover: NDArray[np.float32]) -> NDArray[np.float32]:
    """[N], the share of each that the cover leaves."""
    low, high = np.maximum(boxes[:, :2], cover[:2]), np.minimum(boxes[:, 2:], cover[2:])
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    return np.asarray(1 - (high - low).clip(0).prod(1) / np.maximum(area, 1e-6), np.float32)


def _disturbed(picture: Picture, rng: Generator) -> Picture:
    """Seen from afar, moved, coded, in another light."""
    rows, columns = picture.shape[:2]
    if rng.random() < COARSE:
        share = rng.uniform(0.4, 0.9)
        small = cv2.resize(picture, (int(columns * share), int(rows * share)))
        picture = np.asarray(cv2.resize(small, (columns, rows)), np.uint8)
    if rng.random() < MOVED:
        picture = _smeared(picture, rng)
    picture = _relit(picture, rng)
    if rng.random() < CODED:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 80))]
        coded = cv2.imencode(".jpg", picture, quality)[1]
        picture = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return picture


def _smeared(picture: Picture, rng: Generator) -> Picture:
    """As by a camera that moves while it exposes."""
    length = int(rng.integers(1, 5)) * 2 + 1
    kernel = np.zeros((length, length), np.float32)
    angle, half = rng.uniform(0, np.pi), length / 2
    for at in np.linspace(-half + 0.5, half - 0.5, 2 * length):
        kernel[round(half - 0.5 + at * np.sin(angle)), round(half - 0.5 + at * np.cos(angle))] = 1
    return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()), np.uint8)


def _relit(picture: Picture, rng: Generator) -> Picture:
    """Another exposure, white balance and saturation, and noise."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    colour = 0.0 if rng.random() < COLOURLESS else rng.uniform(0.5, 1.3)
    plain = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    picture = np.asarray(cv2.addWeighted(picture, colour, plain, 1 - colour, 0), np.uint8)
    steps = np.arange(256) / 255
    gain = rng.uniform(0.6, 1.35) * (rng.uniform(0.92, 1.08, 3) if colour else np.ones(3))
    if colour and rng.random() < TINTED:
        picture = picture[:, :, rng.permutation(3)]
    light = 255 * (steps ** rng.uniform(0.65, 1.5))[:, None] * gain + rng.uniform(-20, 20)
    picture = np.asarray(cv2.LUT(picture, light.clip(0, 255).astype(np.uint8)[None]), np.uint8)
    if rng.random() < NOISY:
        noise = rng.normal(0, rng.uniform(2, 10), picture.shape)
        picture = (picture + noise).clip(0, 255).astype(np.uint8)
    return picture
