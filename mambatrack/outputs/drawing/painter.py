"""Tracks drawn into a picture; what is predicted never looks like what was seen.

>>> painter = Painter(names=("person",), fps=25.0)
>>> picture = painter.draw(frame.image, tracks)        # once per frame

Seen boxes are solid, hidden ones dashed and fading, tentative ones thin and grey. Sizes follow the
picture and the boxes.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import clip
from mambatrack.motion.forecast import Forecast
from mambatrack.outputs.drawing.box_lines import Corners, draw_dashed, draw_solid
from mambatrack.outputs.drawing.canvas import Image
from mambatrack.outputs.drawing.colours import DARK, GREY, WHITE, colour_of, pale
from mambatrack.outputs.drawing.cones import cones_ahead, draw_cone
from mambatrack.outputs.drawing.labels import Label, LabelLayout
from mambatrack.outputs.drawing.plates import put_plate, width_of_plate
from mambatrack.outputs.drawing.rules import HEAD, ID, NONE, SEEN, TENTATIVE, Rules, Shown
from mambatrack.outputs.drawing.scale import line_of, lines_of
from mambatrack.outputs.drawing.trail_lines import draw_trails
from mambatrack.outputs.drawing.trails import Trails
from mambatrack.settings import DrawingConfig
from mambatrack.sources.pictures import checked_picture
from mambatrack.tracks import Tracks

LEGEND = 0.75  # opacity
NOTHING = np.zeros((0, 4))


class Painter:
    """Draws the tracks of one source, frame by frame.

    config: what is drawn; names: of the classes; fps: of the source, where frames have no times
    """

    def __init__(
        self, config: DrawingConfig | None = None, names: Sequence[str] = (),
        fps: float | None = None,
    ):  # fmt: skip
        self.config = config or DrawingConfig()
        self.rules = Rules(self.config, fps, names)
        self.trails = Trails(self.config.trail_s, fps)
        self._layout = LabelLayout()

    def draw(
        self, image: Image, tracks: Tracks, forecast: Forecast | None = None,
        in_place: bool = False,
    ) -> Image:  # fmt: skip
        """-> the image [H, W, 3] BGR uint8 with what the layers ask for.

        forecast: a cone for each track that it knows, that moves and was seen lately
        in_place: draws into ``image`` itself instead of a copy
        """
        canvas = checked_picture(image) if in_place else checked_picture(image).copy()
        size = canvas.shape[1], canvas.shape[0]
        shown = self.rules.update(tracks, size)
        layers = self.config.layers
        line = line_of(size, self.config.scale)
        corners = _corners(tracks, shown, size)
        if "trails" in layers:
            self.trails.update(tracks, shown)
            draw_trails(canvas, self.trails, _heads(tracks, corners), line)
        if forecast is not None:
            _draw_cones(canvas, forecast, tracks, shown, line)
        order = np.flatnonzero(shown.drawn)
        order = order[np.lexsort((corners[order, 3], tracks.observed[order]))]  # near ones on top
        if "boxes" in layers:
            _draw_boxes(canvas, tracks, shown, corners, order, line)
        taken = NOTHING
        if "legend" in layers:
            taken = _draw_legend(canvas, shown, layers)
        self._draw_labels(canvas, tracks, shown, corners, order[::-1], taken)
        return canvas

    def _draw_labels(
        self, canvas: Image, tracks: Tracks, shown: Shown, corners: NDArray, order: NDArray,
        taken: NDArray,
    ) -> None:  # fmt: skip
        """Those of the first rows get the best places and are on top; nothing of ``taken`` [K, 4]
        is covered where there is room elsewhere."""
        labels = self._labels(tracks, shown, order)
        size = canvas.shape[1], canvas.shape[0]
        places = self._layout.place(labels, corners, shown.plate, size, taken)
        for label, (corner, text) in reversed(list(zip(labels, places, strict=False))):
            colour, ink = colour_of(label.identity), None
            if tracks.state[label.row] != SEEN:
                colour, ink = DARK, pale(colour)
            opacity = float(shown.opacity[label.row])
            put_plate(canvas, corner, text, shown.plate, colour, ink, opacity)

    def _labels(self, tracks: Tracks, shown: Shown, order: NDArray) -> list[Label]:
        labels = []
        for row in order[shown.labels[order] != NONE].tolist():
            full = self.rules.text(tracks, row, int(shown.labels[row]))
            short = self.rules.text(tracks, row, ID) or full
            if full:
                widths = width_of_plate(full, shown.plate), width_of_plate(short, shown.plate)
                labels.append(Label(row, int(tracks.ids[row]), (full, short), widths))
        return labels


def draw(
    image: Image, tracks: Tracks, names: Sequence[str] = (), config: DrawingConfig | None = None,
    forecast: Forecast | None = None, in_place: bool = False,
) -> Image:  # fmt: skip
    """One picture by itself, as Painter.draw makes it: without trails, which need the frames
    before."""
    return Painter(config, names).draw(image, tracks, forecast, in_place=in_place)


def _corners(tracks: Tracks, shown: Shown, size: tuple[int, int]) -> NDArray[np.int64]:
    """[M, 4] boxes in whole pixels, cut to the picture; of those that are drawn."""
    boxes = np.where(shown.drawn[:, None], tracks.boxes, 0)
    return np.rint(clip(boxes, (size[0] - 1, size[1] - 1))).astype(np.int64)


def _heads(tracks: Tracks, corners: NDArray) -> dict[int, Corners]:
    """The upper part of each box, by id."""
    heads = corners.copy()
    heads[:, 3] = heads[:, 1] + HEAD * (heads[:, 3] - heads[:, 1])
    return dict(zip(tracks.ids.tolist(), map(tuple, heads.tolist()), strict=True))


def _draw_boxes(
    canvas: Image, tracks: Tracks, shown: Shown, corners: NDArray, order: NDArray, line: int
) -> None:
    lines = lines_of(line, corners[:, 3] - corners[:, 1])
    columns = tracks.ids, tracks.state, corners, lines, shown.opacity
    for identity, state, box, thick, opacity in zip(
        *(column[order].tolist() for column in columns), strict=True
    ):
        if state == TENTATIVE:
            cv2.rectangle(canvas, box[:2], box[2:], GREY, 1)
        elif state == SEEN:
            draw_solid(canvas, tuple(box), colour_of(identity), thick)
        else:
            draw_dashed(canvas, tuple(box), colour_of(identity), thick, opacity)


def _draw_cones(canvas: Image, forecast: Forecast, tracks: Tracks, shown: Shown, line: int) -> None:
    for row, path, radii in cones_ahead(forecast, tracks, shown):
        colour = colour_of(int(tracks.ids[row]))
        draw_cone(canvas, path, radii, colour, line, float(shown.opacity[row]))


def _draw_legend(canvas: Image, shown: Shown, layers: Sequence[str]) -> NDArray[np.float64]:
    """How many are drawn, in the upper left corner -> [1, 4] the place it takes."""
    text = f"{shown.seen} seen" + (f", {shown.hidden} hidden" if "lost" in layers else "")
    margin = shown.plate // 3
    put_plate(canvas, (margin, margin), text, shown.plate, DARK, WHITE, LEGEND)
    width = width_of_plate(text, shown.plate)
    return np.array([[0.0, 0.0, margin + width, margin + shown.plate]])
