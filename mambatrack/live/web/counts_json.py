"""Counts of lines and zones as plain values, for the API, the stream and the page."""

from dataclasses import asdict
from typing import Any

from mambatrack.counting.counts import Counts, Crossings, LineCount, Visits, ZoneCount
from mambatrack.counting.events import Event


def counts_json(counts: Counts | None) -> dict[str, list[dict[str, Any]]]:
    """``lines``, ``zones`` and the newest ``events``; empty lists where nothing is counted."""
    if counts is None:
        return {"lines": [], "zones": [], "events": []}
    first = counts.number - len(counts.events)
    return {
        "lines": [_line(each) for each in counts.lines],
        "zones": [_zone(each) for each in counts.zones],
        "events": [_event(number, each) for number, each in enumerate(counts.events, first)],
    }


def _line(line: LineCount) -> dict[str, Any]:
    classes = {name: _crossings(each) for name, each in line.classes.items()}
    return {**_place(line), **_crossings(line.total), "classes": classes}


def _zone(zone: ZoneCount) -> dict[str, Any]:
    return {
        **_place(zone),
        **_visits(zone.total),
        "classes": {name: _visits(each) for name, each in zone.classes.items()},
        "dwell_s": seconds(zone.dwell_s),
        "longest_s": seconds(zone.longest_s),
    }


def _place(place: LineCount | ZoneCount) -> dict[str, Any]:
    points = [[round(x, 2), round(y, 2)] for x, y in place.points]
    own = {"corrected": place.corrected, "people": place.people}
    return {"name": place.name, "points": points, **own}


def _crossings(crossings: Crossings) -> dict[str, int]:
    return {"in": crossings.ins, "out": crossings.outs}


def _visits(visits: Visits) -> dict[str, int]:
    return asdict(visits)


def _event(number: int, event: Event) -> dict[str, Any]:
    times = {"time_s": seconds(event.time_s), "dwell_s": seconds(event.dwell_s)}
    return {"number": number, **asdict(event), **times}


def seconds(value: float | None) -> float | None:
    """As it is told: to a hundredth."""
    return None if value is None else round(value, 2)
