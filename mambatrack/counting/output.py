"""Counting as an output of a run: events into a file, a heat map, counts in the picture."""

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.counting.counter import Counter
from mambatrack.counting.counts import Counts, line_count, zone_count
from mambatrack.counting.events import Event, EventWriter
from mambatrack.counting.heat import HeatMap
from mambatrack.counting.places import Line, Place, Zone
from mambatrack.outputs.drawing.colours import DARK, WHITE
from mambatrack.outputs.drawing.plates import draw_plate
from mambatrack.tracks import Tracks

if TYPE_CHECKING:
    from mambatrack.sources.frames import Frame

COLOUR = (60, 200, 255)  # BGR
NEWEST = 12  # events that are remembered for those who watch
ARROW = 14.0  # pixels from a line to the right, where ``in`` leads


class CountingOutput:
    """Hands the tracks of each frame to a counter and a heat map, and events to their file."""

    def __init__(self, counter: Counter, writer: EventWriter | None, heat: HeatMap | None = None):
        self.counter, self._writer, self._heat = counter, writer, heat
        self._newest: deque[Event] = deque(maxlen=NEWEST)
        self._number = 0
        self._now_s: float | None = None

    def write(self, frame: "Frame", tracks: Tracks) -> None:
        self._note(self.counter.update(tracks))
        self._now_s = tracks.time_s
        if self._heat is not None:
            size = frame.image.shape[1], frame.image.shape[0]
            if all(size) and size[::-1] != self._heat.seconds.shape:
                self._heat.resize(size)
            self._heat.add(tracks)

    def close(self) -> None:
        """Writes what was still waited for, and the heat map."""
        self._note(self.counter.finish())
        if self._writer is not None:
            self._writer.close()
        if self._heat is not None:
            self._heat.save()

    def counts(self) -> Counts:
        """All places as they are after the last frame."""
        places = self.counter.places
        return Counts(
            tuple(line_count(self.counter, each) for each in places if isinstance(each, Line)),
            tuple(
                zone_count(self.counter, each, self._now_s)
                for each in places if isinstance(each, Zone)
            ),
            tuple(self._newest), self._number,
        )  # fmt: skip

    def _note(self, events: Sequence[Event]) -> None:
        self._newest.extend(events)
        self._number += len(events)
        if self._writer is not None:
            for event in events:
                self._writer.write(event)

    def draw(self, image: NDArray[np.uint8]) -> None:
        """Lines, zones and their counts so far, into the picture [H, W, 3]."""
        thick = max(1, round(min(image.shape[:2]) / 360))
        for place in self.counter.places:
            corners = np.round(place.corners).astype(np.int32)
            cv2.polylines(image, [corners], isinstance(place, Zone), COLOUR, thick, cv2.LINE_AA)
            if isinstance(place, Line):
                _draw_direction(image, place, thick)
            at = corners[corners[:, 1].argmin()]
            draw_plate(image, int(at[0]), int(at[1]), count_of(self.counter, place), DARK, WHITE)


def count_of(counter: Counter, place: Line | Zone) -> str:
    """What has been counted at a place so far, of all classes, for people."""
    if isinstance(place, Line):
        crossings = line_count(counter, place).total
        return f"{place.name}: {crossings.ins} in, {crossings.outs} out"
    visits = zone_count(counter, place).total
    return f"{place.name}: {visits.inside} inside, {visits.entered} entered"


def summary(counter: Counter) -> list[str]:
    """A line for each place, with its classes where there are several."""
    return [count_of(counter, place) + _by_class(counter, place) for place in counter.places]


def _by_class(counter: Counter, place: Line | Zone) -> str:
    if isinstance(place, Line):
        of_line = line_count(counter, place).classes
        counted = {name: each.ins + each.outs for name, each in of_line.items()}
    else:
        of_zone = zone_count(counter, place).classes
        counted = {name: each.entered for name, each in of_zone.items()}
    if len(counted) < 2:
        return ""
    return f" ({', '.join(f'{name} {count}' for name, count in counted.items())})"


def _draw_direction(image: NDArray[np.uint8], line: Line, thick: int) -> None:
    """An arrow from the middle of the line to where ``in`` leads."""
    start, end = line.corners
    along = (end - start) / np.linalg.norm(end - start)
    middle = (start + end) / 2
    tip = middle + ARROW * thick * np.array([-along[1], along[0]])
    a, b = (tuple(map(int, np.round(point))) for point in (middle, tip))
    cv2.arrowedLine(image, a, b, COLOUR, thick, cv2.LINE_AA, tipLength=0.4)


def open_counting(
    places: Sequence[Place], names: Sequence[str], anchor: str, margin: float,
    size: tuple[int, int] | None, events: str | Path | None, heat_map: str | Path | None,
    overwrite: bool,
) -> CountingOutput | None:  # fmt: skip
    """The output, None where there is nothing to count and no heat map is asked for."""
    if not places and heat_map is None:
        return None
    counter = Counter(places, names, anchor, margin)
    heat = None if heat_map is None else HeatMap(heat_map, size, anchor)
    return CountingOutput(counter, EventWriter(events, overwrite) if events else None, heat)
