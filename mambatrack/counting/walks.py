"""The path of an identity, step by step, and where it stands at each line and zone."""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.counting.events import Event

MOST_HELD = 100  # events of a tentative track; those of a thing are never told


class Visitor(NamedTuple):
    """Who is in a zone: id, class, and the second at which he came in, None where unknown."""

    id: int
    class_name: str
    entered_s: float | None


@dataclass
class Dwell:
    """How long those stayed in a zone who have left it: how many, and their seconds together."""

    count: int = 0
    total_s: float = 0.0

    @property
    def mean_s(self) -> float | None:
        """None before the first has left."""
        return self.total_s / self.count if self.count else None


class Step(NamedTuple):
    """Where an identity was: number of the update, frame, seconds, anchor [2], height, hidden."""

    number: int
    frame: float
    time_s: float | None
    point: NDArray[np.float64]
    height: float
    filled: bool


@dataclass
class Standing:
    """An identity at one place. side: +1 right of a line or inside, -1, or 0 before it settled;
    passed: where its path went from one side to the other since; entered_s: when it came in"""

    side: int = 0
    passed: Step | None = None
    entered_s: float | None = None


@dataclass
class Walk:
    """The path of an identity. last: its newest step; waiting: steps after a gap that is not filled
    yet; at: its standing at each place; label: its class
    confirmed: it is no tentative track now;  held: what happened while it was one
    ever: it was confirmed once"""

    last: Step | None = None
    waiting: deque[Step] = field(default_factory=deque)
    at: dict[str, Standing] = field(default_factory=lambda: defaultdict(Standing))
    label: int = 0
    confirmed: bool = False
    ever: bool = False
    held: deque[Event] = field(default_factory=lambda: deque(maxlen=MOST_HELD))

    def confirm(self, now: bool) -> bool:
        """Takes whether it is no tentative track now -> whether that has changed."""
        changed, self.confirmed, self.ever = now != self.confirmed, now, now or self.ever
        return changed

    def told_inside(self, zone: str) -> bool:
        """Whether it is in the zone as far as events have told."""
        held = next((each.event for each in self.held if each.place == zone), None)
        return self.ever and (self.at[zone].side > 0 if held is None else held == "leave")


def between(before: Step, after: Step, share: float) -> Step:
    """The moment at ``share`` of the way from one step to the next."""
    time_s = None
    if before.time_s is not None and after.time_s is not None:
        time_s = before.time_s + share * (after.time_s - before.time_s)
    point = before.point + share * (after.point - before.point)
    frame = before.frame + share * (after.frame - before.frame)
    return Step(after.number, frame, time_s, point, after.height, before.filled or after.filled)


def elapsed(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else end - start
