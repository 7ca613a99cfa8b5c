"""Counts identities at lines and in zones, each on the whole path of its anchor point.

>>> counter = Counter(parse_places(["door:0,300,640,300"], []))
>>> for detections in video:
...     for event in counter.update(tracker.update(detections)):
...         print(event)
>>> counter.finish(), counter.counts

A hidden object is decided on once it is seen again, on the path that fills its gap
(gaps/revisions.py): it is counted once, or not at all. What a tentative track does is counted once
the track is confirmed, with the moments when it happened; of a thing that was taken for a person
nothing is (appearance/lifeless.py). Who comes nearer to a border than ``margin``
of the height of his box has not settled on either side: trembling boxes are not counted.
"""

from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import iou
from mambatrack.class_names import class_name
from mambatrack.counting.events import Event
from mambatrack.counting.places import Line, Zone
from mambatrack.counting.walks import Dwell, Standing, Step, Visitor, Walk, between, elapsed
from mambatrack.errors import MambatrackError, shown
from mambatrack.gaps.revisions import Reviser, Revision
from mambatrack.nearest import did_you_mean
from mambatrack.tracks import Tracks

ANCHORS = ("foot", "centre")
OTHERS = 0.3  # IoU of a box with another identity's last one, above which the two were exchanged


class Counter:
    """places: lines and zones;  names: of classes;  anchor: the point of a box that counts, its
    foot (middle of the lower edge) or centre;  margin: share of the height of a box

    counts: how often each (place, event, direction or "", class name) has happened, whole ones only
    filled: how many of them at each place were added later, decided on the path that fills a gap
    dwell: how long those stayed in each zone who have left it
    people: ids that crossed each line or were in each zone; who comes back, as a memory knows, is
        one of them, and not another
    """

    def __init__(
        self, places: Sequence[Line | Zone], names: Sequence[str] = (), anchor: str = "foot",
        margin: float = 0.05,
    ):  # fmt: skip
        if anchor not in ANCHORS:
            meant = did_you_mean(anchor, ANCHORS)
            raise MambatrackError(f"anchor is {anchor!r}; expected {' or '.join(ANCHORS)}{meant}")
        if isinstance(places, str) or not all(isinstance(each, Line | Zone) for each in places):
            raise MambatrackError(
                f"places are {shown(places)}; expected lines and zones, as "
                "parse_places(['door:0,300,640,300'], []) makes them"
            )
        self.places, self.names, self.anchor, self.margin = list(places), names, anchor, margin
        self.counts: Tally[tuple[str, str, str, str]] = Tally()
        self.filled: Tally[str] = Tally()
        self.dwell: dict[str, Dwell] = defaultdict(Dwell)
        self.people: dict[str, set[int]] = defaultdict(set)
        self._reviser = Reviser()
        self._walks: dict[int, Walk] = {}
        self._boxes: dict[int, NDArray[np.float32]] = {}  # seen in the update before
        self._moments: dict[int, tuple[int, float | None]] = {}  # frame and seconds by count
        self._count = 0

    def update(self, tracks: Tracks) -> list[Event]:
        """Takes the tracks of the next frame -> what has happened, as known now."""
        self._moments[self._count] = tracks.frame, tracks.time_s
        seen = tracks.select(tracks.gap == 0)
        confirmed = dict(zip(seen.ids.tolist(), seen.observed.tolist(), strict=True))
        events = self._join(seen)
        events += self._exchange(seen)
        numbered = replace(tracks, frame=self._count)
        self._take(seen)
        events += self._fill(self._reviser.update(numbered))
        events += [each for identity in seen.ids.tolist() for each in self._go_on(identity)]
        events = self._without_tentative(events, confirmed)
        events += self._end(tracks.ended.tolist())
        self._boxes = dict(zip(seen.ids.tolist(), seen.boxes, strict=True))
        self._count += 1
        self._forget_moments()
        return self._counted(events)

    def finish(self) -> list[Event]:
        """What was still waited for, and who is still in a zone; at the end of a video."""
        events = self._without_tentative(self._fill(self._reviser.finish()), {})
        return self._counted(events + self._end(list(self._walks)))

    def visitors(self, zone: str) -> list[Visitor]:
        """Identities that are in the zone now, hidden ones included, tentative ones not."""
        return [
            Visitor(identity, class_name(self.names, walk.label), walk.at[zone].entered_s)
            for identity, walk in self._walks.items()
            if walk.confirmed and zone in walk.at and walk.at[zone].side > 0
        ]

    def _without_tentative(self, events: list[Event], confirmed: Mapping[int, bool]) -> list[Event]:
        """The same without those of tentative tracks, which wait until they are confirmed, as
        ``confirmed`` says by id. A thing is none of a zone's people, as long as it is one."""
        told: list[Event] = []
        for identity, now in confirmed.items():
            walk = self._walks[identity]
            if not walk.confirm(now):
                continue
            for place in self.places:
                if isinstance(place, Zone) and walk.at[place.name].side > 0:
                    people = self.people[place.name]
                    people.add(identity) if now else people.discard(identity)
            if now:
                told += walk.held
                walk.held.clear()
        for event in events:
            of = self._walks.get(event.id)
            if of is None or of.confirmed or not event.place:
                told.append(event)
            else:
                of.held.append(event)
        return told

    def _take(self, seen: Tracks) -> None:
        """Each identity's step to where it is seen now waits to be gone."""
        points, heights = self._anchors(seen.boxes)
        rows = zip(seen.ids.tolist(), seen.labels.tolist(), points, heights.tolist(), strict=True)
        for identity, label, point, height in rows:
            walk = self._walks.setdefault(identity, Walk())
            walk.label = label
            walk.waiting.append(Step(self._count, seen.frame, seen.time_s, point, height, False))

    def _anchors(self, boxes: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        left, top, right, bottom = boxes.astype(np.float64).T
        y = bottom if self.anchor == "foot" else (top + bottom) / 2
        return np.stack([(left + right) / 2, y], axis=1), bottom - top

    def _fill(self, revisions: Sequence[Revision]) -> list[Event]:
        """Goes the paths through gaps that have just been filled, and what waited behind them."""
        events = []
        for revision in revisions:
            walk = self._walks.get(revision.id)
            if walk is None:
                continue
            points, heights = self._anchors(revision.boxes)
            for count, point, height in zip(
                revision.frames.tolist(), points, heights.tolist(), strict=True
            ):
                frame, time_s = self._moments[count]
                events += self._step(revision.id, Step(count, frame, time_s, point, height, True))
            events += self._go_on(revision.id)
        return events

    def _go_on(self, identity: int) -> list[Event]:
        """Goes all waiting steps that follow each other without a gap."""
        walk, events = self._walks[identity], []
        while walk.waiting:
            step = walk.waiting[0]
            if walk.last is not None and step.number > walk.last.number + 1:
                break
            events += self._step(identity, walk.waiting.popleft())
        return events

    def _step(self, identity: int, step: Step) -> list[Event]:
        walk = self._walks[identity]
        events = [event for place in self.places for event in self._at(place, identity, walk, step)]
        walk.last = step
        return events

    def _at(self, place: Line | Zone, identity: int, walk: Walk, step: Step) -> list[Event]:
        """One step of one identity at one place."""
        standing, last = walk.at[place.name], walk.last
        if last is not None:
            before, now = place.offsets(np.array([last.point, step.point])).tolist()
            if (before >= 0) != (now >= 0):
                standing.passed = between(last, step, before / (before - now))
        else:
            (now,) = place.offsets(step.point[None]).tolist()
        side = 1 if now >= 0 else -1
        if abs(now) < self.margin * step.height or side == standing.side:
            return []
        came_from, standing.side = standing.side, side
        passed, standing.passed = standing.passed, None
        if isinstance(place, Line):
            if came_from == 0 or passed is None or not place.is_between(passed.point):
                return []
            direction = "in" if side > 0 else "out"
            return [self._event("crossing", place, identity, walk, passed, direction)]
        return self._at_zone(place, identity, walk, passed or step, came_from, standing)

    def _at_zone(
        self, zone: Zone, identity: int, walk: Walk, at: Step, came_from: int, standing: Standing
    ) -> list[Event]:
        if standing.side > 0:
            standing.entered_s = at.time_s
            entered = self._event("enter", zone, identity, walk, at)
            return [replace(entered, whole=came_from < 0)]
        if came_from == 0:
            return []
        left = self._event("leave", zone, identity, walk, at)
        return [replace(left, dwell_s=elapsed(standing.entered_s, at.time_s))]

    def _end(self, ids: Sequence[int]) -> list[Event]:
        """Identities that are over leave the zones that they are in; of a thing it is not told how
        long it was there, and of who was never confirmed nothing is."""
        events = []
        for identity in ids:
            walk = self._walks.get(identity)
            if walk is None or walk.last is None:
                continue
            for zone in self.places:
                if isinstance(zone, Zone) and walk.told_inside(zone.name):
                    left = self._event("leave", zone, identity, walk, walk.last)
                    since = walk.at[zone.name].entered_s if walk.confirmed else None
                    dwell = elapsed(since, walk.last.time_s)
                    events.append(replace(left, dwell_s=dwell, whole=False))
            del self._walks[identity]
        return events

    def _join(self, seen: Tracks) -> list[Event]:
        """Whom a memory knows again goes on under the old id, and was one person all along."""
        events = []
        for was, identity in seen.known_again.items():
            events += self._end([identity])
            walk = self._walks[identity] = self._walks.pop(was, Walk())
            if was in self._boxes:
                self._boxes[identity] = self._boxes.pop(was)
            for ids in self.people.values():
                if was in ids:
                    ids.remove(was)
                    ids.add(identity)
            events.append(self._of_two("return", identity, was, walk.label, seen))
        return events

    def _exchange(self, seen: Tracks) -> list[Event]:
        """Identities that the tracker has just exchanged take their standings along: a box that
        was the other's a frame ago is no step across a line."""
        ids = [each for each in seen.ids.tolist() if each in self._boxes]
        if len(ids) < 2:
            return []
        now = seen.boxes[np.isin(seen.ids, ids)]
        shared = iou(np.array([self._boxes[each] for each in ids]), now)
        own = np.diag(shared)
        owner = shared.argmax(axis=0)
        moved = (own == 0) & (shared.max(axis=0) > OTHERS)
        events = []
        for row in np.flatnonzero(moved).tolist():
            other = int(owner[row])
            if moved[other] and owner[other] == row and row < other:
                events.append(self._exchanged(ids[row], ids[other], seen))
        return events

    def _exchanged(self, one: int, other: int, seen: Tracks) -> Event:
        self._walks[one], self._walks[other] = self._walks[other], self._walks[one]
        return self._of_two("exchange", one, other, self._walks[one].label, seen)

    def _of_two(self, kind: str, identity: int, other: int, label: int, seen: Tracks) -> Event:
        name = class_name(self.names, label)
        return Event(kind, "", identity, label, name, None, seen.frame, seen.time_s, other=other)

    def _event(
        self, kind: str, place: Line | Zone, identity: int, walk: Walk, at: Step,
        direction: str | None = None,
    ) -> Event:  # fmt: skip
        name = class_name(self.names, walk.label)
        return Event(
            kind, place.name, identity, walk.label, name, direction, round(at.frame), at.time_s,
            filled=at.filled,
        )  # fmt: skip

    def _counted(self, events: list[Event]) -> list[Event]:
        for event in events:
            if event.event in ("crossing", "enter"):
                self.people[event.place].add(event.id)
            if event.whole and event.place:
                self.counts[event.place, event.event, event.direction or "", event.class_name] += 1
                self.filled[event.place] += event.filled
            if event.dwell_s is not None:
                self.dwell[event.place].count += 1
                self.dwell[event.place].total_s += event.dwell_s
        return events

    def _forget_moments(self) -> None:
        """Those that no gap can reach any more: gaps are as long as the oldest track's absence."""
        lasts = [walk.last.number for walk in self._walks.values() if walk.last is not None]
        oldest = min(lasts, default=self._count)
        for count in [each for each in self._moments if each < oldest]:
            del self._moments[count]
