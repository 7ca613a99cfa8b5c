"""What has been counted so far at lines and in zones, as plain records that any thread may read."""

from collections import Counter as Tally
from dataclasses import dataclass

from mambatrack.counting.counter import Counter
from mambatrack.counting.events import Event
from mambatrack.counting.places import Line, Place, Zone

Corners = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Crossings:
    """Of one class at a line: identities that went in and out."""

    ins: int = 0
    outs: int = 0


@dataclass(frozen=True)
class Visits:
    """Of one class in a zone: identities that are in it now, that came in, and that left."""

    inside: int = 0
    entered: int = 0
    left: int = 0


@dataclass(frozen=True)
class LineCount:
    """A line so far.

    points: start and end, pixels;  total, classes: of all classes, and of each by its name
    corrected: how many were added later, when the gap was filled in which they had crossed
    people: how many have crossed; who crosses again is one of them
    """

    name: str
    points: Corners
    total: Crossings
    classes: dict[str, Crossings]
    corrected: int
    people: int


@dataclass(frozen=True)
class ZoneCount:
    """A zone so far, with the keys of LineCount; people: how many have been in it.

    dwell_s: seconds that those stayed who are gone, in the mean; None before the first
    longest_s: seconds that whoever has been inside longest is there now; None where it is empty
    """

    name: str
    points: Corners
    total: Visits
    classes: dict[str, Visits]
    corrected: int
    people: int
    dwell_s: float | None
    longest_s: float | None


@dataclass(frozen=True)
class Counts:
    """All lines and zones of one source, and the newest events, oldest first; number: of the events
    so far, these included."""

    lines: tuple[LineCount, ...]
    zones: tuple[ZoneCount, ...]
    events: tuple[Event, ...] = ()
    number: int = 0


def place_count(
    counter: Counter, place: Place, now_s: float | None = None
) -> LineCount | ZoneCount:
    """The place as the counter knows it now. now_s: the time in the source, None where unknown"""
    if isinstance(place, Line):
        return _line_count(counter, place)
    return _zone_count(counter, place, now_s)


def told(place: LineCount | ZoneCount) -> str:
    """What has been counted so far, of all classes, for people."""
    if isinstance(place, LineCount):
        return f"{place.name}: {place.total.ins} in, {place.total.outs} out"
    return f"{place.name}: {place.total.inside} inside, {place.total.entered} entered"


def told_at_the_end(place: LineCount | ZoneCount) -> str:
    """What has been counted in all, where nobody is in view any more."""
    if isinstance(place, LineCount):
        return told(place)
    stays = "" if place.dwell_s is None else f", {place.dwell_s:.1f} s each in the mean"
    return f"{place.name}: {place.people} in all, {place.total.entered} entered{stays}"


def told_by_class(place: LineCount | ZoneCount) -> str:
    """How many of each class, where there are several."""
    if isinstance(place, LineCount):
        counted = {name: each.ins + each.outs for name, each in place.classes.items()}
    else:
        counted = {name: each.entered for name, each in place.classes.items()}
    if len(counted) < 2:
        return ""
    return f" ({', '.join(f'{name} {count}' for name, count in counted.items())})"


def _line_count(counter: Counter, line: Line) -> LineCount:
    tally = _by_class(counter, line.name)
    names = sorted({name for name, _ in tally})
    classes = {name: Crossings(tally[name, "in"], tally[name, "out"]) for name in names}
    total = Crossings(
        sum(each.ins for each in classes.values()), sum(each.outs for each in classes.values())
    )
    people = len(counter.people[line.name])
    return LineCount(line.name, _points(line), total, classes, counter.filled[line.name], people)


def _zone_count(counter: Counter, zone: Zone, now_s: float | None) -> ZoneCount:
    tally, inside = _by_class(counter, zone.name), counter.visitors(zone.name)
    present = Tally(each.class_name for each in inside)
    names = sorted({name for name, _ in tally} | set(present))
    classes = {
        name: Visits(present[name], tally[name, "enter"], tally[name, "leave"]) for name in names
    }
    total = Visits(
        len(inside), sum(each.entered for each in classes.values()),
        sum(each.left for each in classes.values()),
    )  # fmt: skip
    since = [each.entered_s for each in inside if each.entered_s is not None]
    longest = None if now_s is None or not since else max(now_s - min(since), 0.0)
    stays = counter.dwell[zone.name]
    return ZoneCount(
        zone.name, _points(zone), total, classes, counter.filled[zone.name],
        len(counter.people[zone.name]), stays.mean_s, longest,
    )  # fmt: skip


def _by_class(counter: Counter, place: str) -> Tally[tuple[str, str]]:
    """How often by (class name, direction or event)."""
    tally: Tally[tuple[str, str]] = Tally()
    for (name, event, direction, class_name), count in counter.counts.items():
        if name == place:
            tally[class_name, direction or event] += count
    return tally


def _points(place: Line | Zone) -> Corners:
    return tuple((x, y) for x, y in place.corners.tolist())
