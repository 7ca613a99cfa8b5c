"""Crops as a camera and a detector might give them: boxes that err, occluders, blur, light."""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mambatrack.learning.embedder_data import Pictures

Picture = NDArray[np.uint8]
MARGIN = 0.125  # around the box of a stored crop, of its size
SHIFT, SCALE, TURN = 0.08, 0.15, 6.0  # of the box, shares and degrees: largest error
LOWEST = 28  # rows of a crop of low resolution
SHARE = 0.35  # of the crops that get an occluder, and likewise noise, blur or the marks of JPEG


def plain(pictures: Pictures, size: tuple[int, int]) -> Pictures:
    """The boxes of stored crops, ``size`` rows and columns each."""
    return np.stack([_cut(each, np.zeros(4), 0.0, False, size) for each in pictures])


def disturbed(pictures: Pictures, size: tuple[int, int], rng: Generator) -> Pictures:
    """The same as ``plain``, as another camera and detector might have seen them."""
    return np.stack([_disturbed(each, pictures, size, rng) for each in pictures])


def _disturbed(
    picture: Picture, others: Pictures, size: tuple[int, int], rng: Generator
) -> Picture:
    errors = rng.uniform(-1, 1, 4) * (SHIFT, SHIFT, SCALE, SCALE)
    crop = _cut(picture, errors, rng.uniform(-TURN, TURN), rng.random() < 0.5, size)
    if rng.random() < SHARE:
        crop = _occluded(crop, plain(others[rng.integers(len(others))][None], size)[0], rng)
    crop = _coarse(crop, rng)
    crop = _relit(crop, rng)
    if rng.random() < SHARE / 2:
        quality = int(rng.integers(25, 80))
        coded = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        crop = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return crop


def _cut(
    picture: Picture, errors: NDArray, degrees: float, mirrored: bool, size: tuple[int, int]
) -> Picture:
    """The box, moved by ``errors``: shifts across and down, log-scales of width and height."""
    rows, columns = picture.shape[:2]
    inner = np.array([columns, rows]) / (1 + 2 * MARGIN)
    centre = np.array([columns, rows]) / 2 + errors[:2] * inner
    across, down = np.array([size[1], size[0]]) / (inner * np.exp(errors[2:]))
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    turn = np.array([[cosine, -sine], [sine, cosine]]) * [[across], [down]]
    if mirrored:
        turn[0] *= -1
    offset = np.array([size[1], size[0]]) / 2 - turn @ centre
    matrix = np.column_stack([turn, offset])
    found = cv2.warpAffine(picture, matrix, size[::-1], borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.uint8)


def _occluded(crop: Picture, other: Picture, rng: Generator) -> Picture:
    """Something in front: another person's crop or one colour, over a side, the legs or a pole."""
    rows, columns = crop.shape[:2]
    cover = other if rng.random() < 0.6 else np.full_like(crop, rng.integers(0, 256, 3))
    crop, kind, share = crop.copy(), rng.integers(4), rng.uniform(0.1, 0.4)
    wide, high = int(columns * share), int(rows * share)
    if kind == 0:
        crop[rows - high :] = cover[rows - high :]
    elif kind == 1:
        crop[:, :wide] = cover[:, -wide:]
    elif kind == 2:
        crop[:, columns - wide :] = cover[:, :wide]
    else:
        left, top = int(rng.integers(columns - wide)), int(rng.integers(rows - high))
        tall = high if rng.random() < 0.5 else rows
        crop[top : top + tall, left : left + wide] = cover[top : top + tall, left : left + wide]
    return crop


def _coarse(crop: Picture, rng: Generator) -> Picture:
    """Seen from afar, and blurred by motion or by the lens."""
    rows, columns = crop.shape[:2]
    if rng.random() < 2 * SHARE:
        high = int(rng.integers(min(LOWEST, rows), rows + 1))
        small = cv2.resize(
            crop, (max(columns * high // rows, 4), high), interpolation=cv2.INTER_AREA
        )
        crop = np.asarray(cv2.resize(small, (columns, rows)), np.uint8)
    if rng.random() < SHARE:
        wide, high = rng.integers(0, 3, 2) * 2 + 1
        crop = np.asarray(cv2.blur(crop, (int(wide), int(high))), np.uint8)
    return crop


def _relit(crop: Picture, rng: Generator) -> Picture:
    """Another light, white balance and saturation, and noise."""
    values = crop.astype(np.float32)
    grey = values.mean(2, keepdims=True)
    values = grey + (values - grey) * rng.uniform(0.6, 1.25)
    values = 255 * (values.clip(0, 255) / 255) ** rng.uniform(0.7, 1.4)
    values = values * rng.uniform(0.75, 1.25) * rng.uniform(0.93, 1.07, 3) + rng.uniform(-15, 15)
    if rng.random() < SHARE:
        values += rng.normal(0, rng.uniform(2, 9), values.shape)
    return values.clip(0, 255).astype(np.uint8)
