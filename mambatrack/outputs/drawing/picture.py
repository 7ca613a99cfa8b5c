"""Tracks drawn into a picture; what is predicted never looks like what was seen.

Seen boxes are solid, predicted ones dashed and labelled "lost" with the frames since they were
seen, tentative ones thin and grey. Sizes follow the height of the image.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import clip
from mambatrack.motion.forecast import Forecast
from mambatrack.outputs.drawing.colours import DARK, GREY, WHITE, Colour, colour_of, is_bright, pale
from mambatrack.outputs.text import class_name
from mambatrack.tracks import Tracks, TrackState

Image = NDArray[np.uint8]
OPACITY, EDGE = (130, 40), 170  # of a forecast, here and at its horizon, and its outline; of 255
FORESEEN = 10  # frames: who has not been seen for longer has a cone as wide as the picture
FONT = cv2.FONT_HERSHEY_SIMPLEX


class Trails:
    """Where the live tracks stood in the last frames: bottom centres of their boxes.

    ids: [M] int64. points: [M, length, 2] float32 pixels, newest last, NaN before a track began.
    seen: [M, length] bool, False where the point comes from a predicted box.
    """

    def __init__(self, length: int = 40):
        self.ids = np.zeros(0, np.int64)
        self.points = np.zeros((0, length, 2), np.float32)
        self.seen = np.zeros((0, length), bool)

    def update(self, tracks: Tracks) -> None:
        """Adds the frame's boxes; tracks that are gone are forgotten."""
        length = self.points.shape[1]
        points = np.full((len(tracks), length, 2), np.nan, np.float32)
        seen = np.zeros((len(tracks), length), bool)
        _, new, old = np.intersect1d(tracks.ids, self.ids, return_indices=True)
        points[new, :-1], seen[new, :-1] = self.points[old, 1:], self.seen[old, 1:]
        points[:, -1, 0] = tracks.boxes[:, 0] / 2 + tracks.boxes[:, 2] / 2
        points[:, -1, 1] = tracks.boxes[:, 3]
        seen[:, -1] = ~tracks.predicted
        self.ids, self.points, self.seen = tracks.ids.copy(), points, seen


def draw(
    image: Image,
    tracks: Tracks,
    trails: Trails | None = None,
    names: Sequence[str] = (),
    fps: float | None = None,
    legend: bool = True,
    in_place: bool = False,
    forecast: Forecast | None = None,
) -> Image:
    """-> the image [H, W, 3] BGR uint8 with boxes, labels, trails and a legend.

    names: class names by label. fps: shown in the legend. in_place: draws into ``image`` itself
    instead of a copy. forecast: a cone for each track that it knows, not tentative, and seen in
    the last FORESEEN frames. A lost track is drawn while its spread is at most its width: beyond
    that its box says little about where it is.
    """
    canvas = image if in_place else image.copy()
    height, width = canvas.shape[:2]
    thick = max(2, round(height / 400))
    firm = tracks.ids[tracks.state != TrackState.TENTATIVE]
    if forecast is not None:
        foreseen = np.intersect1d(firm, tracks.ids[tracks.gap <= FORESEEN])
        for row in np.flatnonzero(np.isin(forecast.ids, foreseen)).tolist():
            _draw_cone(canvas, forecast, row, thick)
    if trails is not None:
        _draw_trails(canvas, trails, np.isin(trails.ids, firm), thick)
    whole = np.nan_to_num(tracks.boxes, nan=-1.0, posinf=1e9, neginf=-1e9)
    boxes = clip(whole, (width - 1, height - 1))
    order = np.lexsort((boxes[:, 3], tracks.state != TrackState.PREDICTED))  # near ones on top
    vague = tracks.spread[:, 0] > whole[:, 2] - whole[:, 0]
    visible = order[np.all(boxes[order, 2:] > boxes[order, :2], axis=1) & ~vague[order]].tolist()
    corners = np.round(boxes).astype(int)
    for row in visible:
        _draw_box(canvas, corners[row], TrackState(tracks.state[row]), int(tracks.ids[row]), thick)
    for row in visible:
        _draw_label(canvas, corners[row], tracks, row, names)
    if legend:
        _draw_legend(canvas, _legend_lines(tracks, fps))
    return canvas


def draw_plate(
    canvas: Image,
    x: int,
    y: int,
    text: str,
    plate: Colour,
    ink: Colour | None = None,
    above: bool = True,
    left: bool = False,
) -> None:
    """Text on a plate, above or below a point and to its right or left, pushed inside the image.

    ink: by default dark on a bright plate and white on any other
    """
    scale, pad = _font_scale(canvas), max(2, canvas.shape[0] // 270)
    (width, height), base = cv2.getTextSize(text, FONT, scale, 1)
    wide, high = width + 2 * pad, height + base + pad
    x = max(0, min(x - wide if left else x, canvas.shape[1] - wide))
    y = max(0, min(y - high if above else y, canvas.shape[0] - high))
    cv2.rectangle(canvas, (x, y), (x + wide, y + high), plate, cv2.FILLED)
    ink = ink or (DARK if is_bright(plate) else WHITE)
    cv2.putText(canvas, text, (x + pad, y + height + pad), FONT, scale, ink, 1, cv2.LINE_AA)


def _draw_box(
    canvas: Image, corners: NDArray, state: TrackState, identity: int, thick: int
) -> None:
    left, top, right, bottom = corners.tolist()
    if state == TrackState.TENTATIVE:
        cv2.rectangle(canvas, (left, top), (right, bottom), GREY, 1)
    elif state == TrackState.PREDICTED:
        _draw_dashed(canvas, corners, colour_of(identity), thick)
    else:
        cv2.rectangle(canvas, (left, top), (right, bottom), DARK, thick + 2)
        cv2.rectangle(canvas, (left, top), (right, bottom), colour_of(identity), thick)


def _draw_dashed(canvas: Image, corners: NDArray, colour: Colour, thick: int) -> None:
    """A rectangle of dashes and gaps of equal length, about seven thicknesses long."""
    left, top, right, bottom = corners.tolist()
    outline = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    dashes: list[NDArray] = []
    for start, end in zip(np.array(outline[:-1]), np.array(outline[1:]), strict=True):
        count = 2 * max(1, round(np.abs(end - start).max() / (14 * thick))) + 1  # dash at both ends
        stops = np.round(np.linspace(start, end, count + 1)).astype(np.int32)
        dashes += [stops[index : index + 2] for index in range(0, count, 2)]
    cv2.polylines(canvas, dashes, False, DARK, thick + 2)
    cv2.polylines(canvas, dashes, False, colour, thick)


def _draw_label(
    canvas: Image, corners: NDArray, tracks: Tracks, row: int, names: Sequence[str]
) -> None:
    """Id, class and score on the track's colour; id and gap on a dark plate where it is lost."""
    identity, state = int(tracks.ids[row]), tracks.state[row]
    colour = colour_of(identity)
    if state == TrackState.PREDICTED:
        text, plate, ink = f"{identity} lost {tracks.gap[row]}", DARK, pale(colour)
    elif state == TrackState.OBSERVED:
        name = class_name(names, int(tracks.labels[row]))
        text, plate = f"{identity} {name} {tracks.scores[row]:.2f}", colour
        ink = DARK if is_bright(colour) else WHITE
    else:
        return
    draw_plate(canvas, int(corners[0]), int(corners[1]), text, plate, ink)


def _draw_trails(canvas: Image, trails: Trails, shown: NDArray, thick: int) -> None:
    """Lines that widen towards the present, thin throughout where the track was not seen."""
    height, width = canvas.shape[:2]
    limit = np.array([2 * width, 2 * height], np.float32)
    points = np.clip(trails.points, -limit, limit)
    pairs = np.stack([points[:, :-1], points[:, 1:]], axis=2)  # [M, length - 1, 2 ends, 2]
    known = np.all(np.isfinite(pairs), axis=(2, 3))
    seen = trails.seen[:, :-1] & trails.seen[:, 1:]
    recent = np.arange(pairs.shape[1]) >= pairs.shape[1] // 2
    steps = np.round(np.nan_to_num(pairs)).astype(np.int32)
    for row in np.flatnonzero(shown).tolist():
        colour = colour_of(int(trails.ids[row]))
        for chosen, line in ((~seen[row], 1), (seen[row] & ~recent, thick),
                              (seen[row] & recent, thick + 1)):  # fmt: skip
            lines = steps[row][chosen & known[row]]
            if len(lines):
                cv2.polylines(canvas, list(lines), False, colour, line, cv2.LINE_AA)


def _draw_cone(canvas: Image, forecast: Forecast, row: int, thick: int) -> None:
    """Where the bottom centre of a track's box will be: a band that is one standard deviation wide
    on each side and fades towards the horizon, and the path in its middle."""
    size = np.array(canvas.shape[1::-1], np.float32)
    path, radii = _bottom_centres(forecast, row)
    path = np.clip(path, -size, 2 * size)
    radii = np.clip(radii, thick, size)
    low, high = (path - radii).min(axis=0), (path + radii).max(axis=0) + 1
    left, top = np.clip(low, 0, size).astype(int).tolist()
    right, bottom = np.clip(np.ceil(high), 0, size).astype(int).tolist()
    if left >= right or top >= bottom:
        return
    region = canvas[top:bottom, left:right]
    colour = colour_of(int(forecast.ids[row]))
    mask = _faded_band(path - (left, top), radii, (bottom - top, right - left))
    share = mask[..., None].astype(np.float32) / 255
    region[:] = np.rint(region + share * (np.array(colour, np.float32) - region))
    line = np.round(path * 16).astype(np.int32)  # in sixteenths of a pixel
    cv2.polylines(canvas, [line], False, colour, thick, cv2.LINE_AA, shift=4)
    cv2.circle(canvas, line[-1].tolist(), 24 * thick, colour, cv2.FILLED, cv2.LINE_AA, shift=4)


def _bottom_centres(forecast: Forecast, row: int) -> tuple[NDArray, NDArray]:
    """Points [H, 2] of one track and their standard deviations [H, 2], pixels."""
    boxes, spread = forecast.boxes[row], forecast.spread[row]
    points = np.stack([boxes[:, 0] / 2 + boxes[:, 2] / 2, boxes[:, 3]], axis=1)
    return points, np.stack([spread[:, 0], np.hypot(spread[:, 1], spread[:, 3] / 2)], axis=1)


def _faded_band(path: NDArray, radii: NDArray, shape: tuple[int, int]) -> Image:
    """[H, W] opacity of the band around a path that ellipses of these radii sweep over."""
    mask = np.zeros(shape, np.uint8)
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    rings = (path[:, None] + radii[:, None] * circle).astype(np.float32)
    stops = np.unique(np.linspace(0, len(path) - 1, 11).astype(int))
    fading = np.linspace(*OPACITY, len(stops))
    if len(stops) == 1:
        stops, fading = np.repeat(stops, 2), np.repeat(fading, 2)
    for index in range(len(stops) - 2, -1, -1):  # from the horizon to here: the near is on top
        both = np.concatenate([rings[stops[index]], rings[stops[index + 1]]])
        hull = np.round(cv2.convexHull(both) * 16).astype(np.int32)
        cv2.fillConvexPoly(mask, hull, int(fading[index]), cv2.LINE_AA, shift=4)
    outline, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(mask, outline, -1, EDGE, 1, cv2.LINE_AA)
    return mask


def _legend_lines(tracks: Tracks, fps: float | None) -> list[str]:
    seen, lost = int(tracks.observed.sum()), int(tracks.predicted.sum())
    lines = [f"frame {tracks.frame}", f"{seen} seen, {lost} lost"]
    return lines if fps is None else [*lines, f"{fps:.1f} fps"]


def _draw_legend(canvas: Image, lines: list[str]) -> None:
    """White text on a darkened panel in the upper left corner."""
    scale, pad = _font_scale(canvas), max(4, canvas.shape[0] // 120)
    sizes = [cv2.getTextSize(line, FONT, scale, 1)[0] for line in lines]
    step = max(height for _, height in sizes) + pad
    panel = canvas[pad : 2 * pad + len(lines) * step, pad : 3 * pad + max(w for w, _ in sizes)]
    panel[:] = panel // 3
    for number, line in enumerate(lines, start=1):
        place = (2 * pad, pad + number * step)
        cv2.putText(canvas, line, place, FONT, scale, WHITE, 1, cv2.LINE_AA)


def _font_scale(canvas: Image) -> float:
    return max(0.42, canvas.shape[0] / 1700)
