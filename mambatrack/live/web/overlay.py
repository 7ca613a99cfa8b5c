"""What the page draws over a picture, by the rules of files (outputs/drawing), as plain values: the
page decides only where labels have room, and leaves out what its watcher does not want."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.motion.forecast import Forecast
from mambatrack.outputs.drawing.colours import DARK, WHITE, colour_of, is_bright, pale
from mambatrack.outputs.drawing.cones import cone, cones_ahead
from mambatrack.outputs.drawing.rules import Rules, Shown
from mambatrack.outputs.drawing.scale import line_of, lines_of
from mambatrack.outputs.drawing.trails import Trails
from mambatrack.settings import DrawingConfig
from mambatrack.tracks import Tracks, TrackState

TRAIL_POINTS = 16  # of a trail that are sent; it is smooth between them


class Overlay:
    """Of one source; takes every frame, so that trails and what fades are right at any time.

    tracks: of the newest frame, None before the first
    """

    def __init__(self, config: DrawingConfig | None = None):
        self.config = config or DrawingConfig()
        self.tracks: Tracks | None = None
        self._names: tuple[str, ...] = ()
        self._size = (0, 0)
        self._start()

    def update(self, tracks: Tracks, size: tuple[int, int], names: Sequence[str]) -> None:
        """Takes the tracks of the next frame; size: (width, height) of its picture."""
        if tuple(names) != self._names:
            self._names = tuple(names)
            self._start()
        self._shown: Shown = self._rules.update(tracks, size)
        self._trails.update(tracks, self._shown)
        self.tracks, self._size = tracks, size

    def of_tracks(self) -> list[dict[str, Any]]:
        """For each track: opacity, 0 where it is not drawn; thickness of its box, pixels; kind of
        its label (LabelKind) and name of its class; colours of box, label and its text."""
        tracks, shown = self.tracks, self._shown
        if tracks is None:
            return []
        boxes = np.where(shown.drawn[:, None], tracks.boxes, 0)
        heights = boxes[:, 3] - boxes[:, 1]
        lines = lines_of(line_of(self._size, self.config.scale), heights)
        columns = zip(
            tracks.ids.tolist(), tracks.state.tolist(), tracks.labels.tolist(),
            shown.opacity.astype(float).round(2).tolist(), lines.tolist(), shown.labels.tolist(),
            shown.colours, strict=True,
        )  # fmt: skip
        return [
            {"opacity": opacity, "line": line, "kind": kind, "name": self._name_of(label),
             "colours": [_hex(colour), *_plate_and_ink(identity, state)]}
            for identity, state, label, opacity, line, kind, colour in columns
        ]  # fmt: skip

    def of_frame(self, forecast: Forecast | None) -> dict[str, Any]:
        """Height of labels and thickness of trails, pixels; trails and the cones of a forecast."""
        return {
            "plate": self._shown.plate,
            "line": line_of(self._size, self.config.scale),
            "trails": self._trails_json(),
            "cones": [] if forecast is None else self._cones_json(forecast),
        }

    def _name_of(self, label: int) -> str:
        """Of a class; none where it has none."""
        names = self._rules.names
        return names[label] if 0 <= label < len(names) else ""

    def _start(self) -> None:
        config = replace(self.config, layers=(*self.config.layers, "lost"))
        self._rules, self._trails = Rules(config, None, self._names), Trails(config.trail_s)

    def _trails_json(self) -> list[dict[str, Any]]:
        """points: [x, y, 1 for new to 0 for as old as any, 1 where it was seen there]"""
        trails = []
        for row in np.flatnonzero(self._trails.opacity).tolist():
            points, seen, ages = self._trails.lines(row)
            if len(points) > 1:
                count = min(TRAIL_POINTS, len(points))
                chosen = np.linspace(0, len(points) - 1, count).round().astype(int)
                told = np.column_stack([points, 1 - ages / self.config.trail_s, seen])[chosen]
                identity = int(self._trails.ids[row])
                trails.append({
                    "id": identity, "colour": hex_of(identity), "points": told.round(2).tolist(),
                    "opacity": round(float(self._trails.opacity[row]), 2),
                })  # fmt: skip
        return trails

    def _cones_json(self, forecast: Forecast) -> list[dict[str, Any]]:
        """path: [H + 1, 2] of the feet; sides: [2, P, 2] of the cone around it"""
        assert self.tracks is not None
        return [
            {
                "id": int(self.tracks.ids[row]),
                "path": path.round(1).tolist(),
                "sides": cone(path, np.minimum(radii, max(self._size))).round(1).tolist(),
            }
            for row, path, radii in cones_ahead(forecast, self.tracks, self._shown)
        ]


def hex_of(identity: int) -> str:
    """The colour of a track, as #rrggbb."""
    return _bgr(colour_of(identity))


def _plate_and_ink(identity: int, state: int) -> tuple[str, str]:
    colour = colour_of(identity)
    if state == TrackState.PREDICTED:
        return _bgr(DARK), _bgr(pale(colour))
    return _bgr(colour), _bgr(DARK if is_bright(colour) else WHITE)


def _bgr(colour: tuple[int, int, int]) -> str:
    return "#{2:02x}{1:02x}{0:02x}".format(*colour)


def _hex(rgb: NDArray[np.uint8]) -> str:
    return "#" + bytes(rgb).hex()
