"""The counters of a session in Prometheus' text format, version 0.0.4."""

import time
from collections.abc import Callable, Iterator

from mambatrack.live.web.page_state import LiveState, SourceView
from mambatrack.version import VERSION

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

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


def _head(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP mambatrack_{name} {text}", f"# TYPE mambatrack_{name} {kind}"]


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
