"""Counting as an output of a run: events into a file, a heat map, counts in the picture."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mambatrack.camera.scene import Scene
from mambatrack.counting.counter import Counter
from mambatrack.counting.counts import (
    Counts,
    LineCount,
    ZoneCount,
    place_count,
    told_at_the_end,
    told_by_class,
)  # fmt: skip
from mambatrack.counting.events import Event, EventWriter
from mambatrack.counting.heat import HeatMap
from mambatrack.counting.picture import draw_counts
from mambatrack.counting.places import Place, outside
from mambatrack.errors import complain
from mambatrack.tracks import Tracks

if TYPE_CHECKING:
    from mambatrack.sources.frames import Frame

NEWEST = 12  # events that are remembered for those who watch


class CountingOutput:
    """Hands the tracks of each frame to a counter and a heat map, and events to their file.

    Where the tracks say how the camera moved, places stay where they are in the scene: tracks are
    counted in the picture of the first frame, and places are shown where that is now.
    """

    def __init__(
        self, counter: Counter, writer: EventWriter | None, heat: HeatMap | None = None,
        size: tuple[int, int] | None = None,
    ):  # fmt: skip
        """size: (width, height) of the picture, None where the first frame tells it"""
        self.counter, self._writer, self._heat = counter, writer, heat
        self._size: tuple[int, int] | None = None
        self._note_size(size or (0, 0))
        self._scene = Scene()
        self._newest: deque[Event] = deque(maxlen=NEWEST)
        self._number = 0
        self._now_s: float | None = None

    def write(self, frame: "Frame", tracks: Tracks) -> None:
        self._scene.note(tracks.camera)
        boxes = self._scene.boxes_then(tracks.boxes)
        tracks = replace(tracks, boxes=boxes, camera=None)
        self._note(self.counter.update(tracks))
        self._now_s = tracks.time_s
        size = frame.image.shape[1], frame.image.shape[0]
        self._note_size(size)
        if self._heat is not None:
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
        places = [
            self._shown(place_count(self.counter, each, self._now_s))
            for each in self.counter.places
        ]
        return Counts(
            tuple(each for each in places if isinstance(each, LineCount)),
            tuple(each for each in places if isinstance(each, ZoneCount)),
            tuple(self._newest), self._number,
        )  # fmt: skip

    def _note_size(self, size: tuple[int, int]) -> None:
        """Warns of places outside the picture, and where it has another size than before."""
        if not all(size) or size == self._size:
            return
        now, before, self._size = "{}x{}".format(*size), self._size, size
        if before is not None and self.counter.places:
            complain(
                f"the picture has {now} pixels now, and had {'{}x{}'.format(*before)}; lines and "
                "zones stay where they are in pixels"
            )
        for place in outside(self.counter.places, size):
            complain(
                f"{place.name} lies outside the picture of {now} pixels, where nobody is "
                "counted; points are x,y in pixels from the upper left corner"
            )

    def _shown(self, place: LineCount | ZoneCount) -> LineCount | ZoneCount:
        """The place where the newest frame shows it."""
        points = self._scene.points_now(np.array(place.points))
        return replace(place, points=tuple((x, y) for x, y in points.tolist()))

    def _note(self, events: Sequence[Event]) -> None:
        self._newest.extend(events)
        self._number += len(events)
        if self._writer is not None:
            for event in events:
                self._writer.write(event)

    def draw(self, image: NDArray[np.uint8]) -> None:
        """Lines, zones and their counts so far, into the picture [H, W, 3]."""
        draw_counts(image, self.counts())


def summary(counter: Counter) -> list[str]:
    """A line for each place once all is over, with its classes where there are several."""
    counted = [place_count(counter, place) for place in counter.places]
    return [told_at_the_end(each) + told_by_class(each) for each in counted]


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
    writer = EventWriter(events, overwrite) if events else None
    return CountingOutput(counter, writer, heat, size)
