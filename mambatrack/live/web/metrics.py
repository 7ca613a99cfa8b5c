"""The counters of a session in Prometheus' text format, version 0.0.4."""

import time
from collections.abc import Callable, Iterator, Sequence

from mambatrack.camera.interface import Travel
from mambatrack.counting.counts import Counts, LineCount, ZoneCount
from mambatrack.live.web.page_state import LiveState, SourceView
from mambatrack.version import VERSION

Value = tuple[str, float]
"""Further labels, and the number."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

CAMERA: list[tuple[str, str, Callable[[Travel], float]]] = [
    ("camera_frames_total", "Frames of which something was told of the camera.",
     lambda t: t.frames),
    ("camera_known_frames_total", "Frames whose camera motion was known.", lambda t: t.known),
    ("camera_unknown_frames_total", "Frames tracked as if the camera stood, as nothing was known.",
     lambda t: t.unknown),
    ("camera_cuts_total", "Frames that showed another view.", lambda t: t.cuts),
    ("camera_moved_pixels_total", "Pixels that the corners of the picture moved by.",
     lambda t: t.pixels),
    ("camera_certainty_total", "Certainties, 0 to 1, of the known frames, added up.",
     lambda t: t.certainty),
]  # fmt: skip

PER_SOURCE: list[tuple[str, str, str, Callable[[SourceView], float]]] = [
    ("frames_total", "counter", "Frames tracked.", lambda s: s.status.frames),
    ("dropped_frames_total", "counter", "Frames replaced by a newer one before they were tracked.",
     lambda s: s.status.dropped),
    ("reconnects_total", "counter", "Times the source came back.", lambda s: s.status.reconnects),
    ("source_up", "gauge", "1 while the source is open.", lambda s: s.status.state == "open"),
    ("fps", "gauge", "Frames tracked a second, lately.", lambda s: s.fps),
    ("latency_seconds", "gauge", "From the arrival of the newest tracked frame to its tracks.",
     lambda s: s.status.latency_ms / 1000),
    ("detect_seconds_total", "counter", "Time spent detecting.", lambda s: s.detect_s),
    ("track_seconds_total", "counter", "Time spent tracking.", lambda s: s.track_s),
    ("identities_total", "counter", "Identities given out.", lambda s: s.identities),
    ("returned_total", "counter", "Identities that a memory knew again.", lambda s: s.returned),
    ("ended_tracks_total", "counter", "Tracks that ended.", lambda s: s.ended),
    ("recorded_bytes", "gauge", "Size of the recording.", lambda s: s.recording.size),
]  # fmt: skip


def metrics_text(state: LiveState, clients: int) -> str:
    """clients: who is connected to the page's stream now."""
    return "\n".join(_lines(state, clients)) + "\n"


def _lines(state: LiveState, clients: int) -> Iterator[str]:
    yield from _head("info", "gauge", "The version of mambatrack.")
    yield f'mambatrack_info{{version="{VERSION}"}} 1'
    labels = [
        f'source="{index}",name="{_escaped(source.status.name)}"'
        for index, source in enumerate(state.sources)
    ]
    for name, kind, text, value in PER_SOURCE:
        yield from _head(name, kind, text)
        for label, source in zip(labels, state.sources, strict=True):
            yield f"mambatrack_{name}{{{label}}} {float(value(source)):.12g}"
    yield from _head("tracks", "gauge", "Live tracks by state.")
    for label, source in zip(labels, state.sources, strict=True):
        for track_state, count in source.counts.items():
            yield f'mambatrack_tracks{{{label},state="{track_state}"}} {count}'
    yield from _camera(state, labels)
    yield from _counted(state, labels)
    own: list[tuple[str, str, str, float]] = [
        ("paused", "gauge", "1 while paused.", state.controls.paused),
        ("uptime_seconds", "gauge", "Since the page was opened.", time.monotonic() - state.began),
        ("web_clients", "gauge", "Connected watchers.", clients),
        ("web_dropped_clients_total", "counter", "Watchers that did not read.",
         state.dropped_clients),
        ("web_pictures_total", "counter", "Pictures encoded for watchers.", state.pictures),
        ("web_unrecorded_frames_total", "counter", "Frames missing in the downloads.",
         state.missed + sum(source.recording.lost for source in state.sources)),
    ]  # fmt: skip
    for name, kind, text, amount in own:
        yield from _head(name, kind, text)
        yield f"mambatrack_{name} {float(amount):.12g}"


def _camera(state: LiveState, labels: Sequence[str]) -> Iterator[str]:
    """Of the sources whose camera's motion is told."""
    told = [
        (label, travel)
        for label, source in zip(labels, state.sources, strict=True)
        if (travel := source.status.camera) is not None
    ]
    for name, text, value in CAMERA if told else ():
        yield from _head(name, "counter", text)
        yield from (f"mambatrack_{name}{{{label}}} {value(each):.12g}" for label, each in told)


def _counted(state: LiveState, labels: Sequence[str]) -> Iterator[str]:
    """Of lines and zones, each metric only where there is a value of it."""
    for name, kind, text, values in PER_PLACE:
        lines = [
            f"mambatrack_{name}{{{label},{more}}} {value:.12g}"
            for label, source in zip(labels, state.sources, strict=True)
            if source.newest is not None and source.newest.counts is not None
            for more, value in values(source.newest.counts)
        ]
        yield from [*_head(name, kind, text), *lines] if lines else []


def _crossings(counts: Counts) -> Iterator[Value]:
    for line in counts.lines:
        for name, each in line.classes.items():
            own = f'line="{_escaped(line.name)}",class="{_escaped(name)}"'
            yield f'{own},direction="in"', each.ins
            yield f'{own},direction="out"', each.outs


def _visits(which: str) -> Callable[[Counts], Iterator[Value]]:
    def values(counts: Counts) -> Iterator[Value]:
        for zone in counts.zones:
            for name, each in zone.classes.items():
                own = f'zone="{_escaped(zone.name)}",class="{_escaped(name)}"'
                yield own, getattr(each, which)

    return values


def _dwell(counts: Counts) -> Iterator[Value]:
    for zone in counts.zones:
        if zone.dwell_s is not None:
            yield f'zone="{_escaped(zone.name)}"', zone.dwell_s


def _corrected(counts: Counts) -> Iterator[Value]:
    places: list[LineCount | ZoneCount] = [*counts.lines, *counts.zones]
    for place in places:
        yield f'place="{_escaped(place.name)}"', place.corrected


def _people(counts: Counts) -> Iterator[Value]:
    places: list[LineCount | ZoneCount] = [*counts.lines, *counts.zones]
    for place in places:
        yield f'place="{_escaped(place.name)}"', place.people


PER_PLACE: list[tuple[str, str, str, Callable[[Counts], Iterator[Value]]]] = [
    ("line_crossings_total", "counter", "Identities that crossed a line.", _crossings),
    ("zone_inside", "gauge", "Identities in a zone now.", _visits("inside")),
    ("zone_entered_total", "counter", "Identities that came into a zone.", _visits("entered")),
    ("zone_left_total", "counter", "Identities that left a zone.", _visits("left")),
    ("zone_dwell_seconds", "gauge", "How long those stayed who have left, in the mean.", _dwell),
    ("corrected_counts_total", "counter", "Counts added later, in a gap that was filled.",
     _corrected),
    ("place_people", "gauge", "Identities that crossed a line or were in a zone, each once.",
     _people),
]  # fmt: skip


def _head(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP mambatrack_{name} {text}", f"# TYPE mambatrack_{name} {kind}"]


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
