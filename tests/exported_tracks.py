"""A result to export, the command that does it, and a video that goes with it."""

import json

from mambatrack.cli import export_tracks
from mambatrack.cli.program import parse
from mambatrack.simulation.world import write_sequence

HEADER = {"format": "mambatrack-tracks", "version": 1, "classes": ["person", "car"]}


def track(identity, left, state="observed", label=0, score=0.5, gap=0):
    return {
        "id": identity, "box": [left, 10, left + 20, 50], "score": score, "label": label,
        "class": HEADER["classes"][label], "state": state, "gap": gap, "spread": [0, 0, 0, 0],
    }  # fmt: skip


FRAMES = [
    [track(1, 10), track(2, 60, label=1)],
    [track(1, 12), track(2, 62, "predicted", label=1, gap=1), track(3, 90, "tentative")],
    [],
    [track(1, 14, label=1, score=0.2), track(2, 190, label=1)],
    [track(1, 16)],
]


def write_result(folder):
    """JSON Lines of two tracks: 1 changes its class once, 2 is predicted once and leaves at the
    right edge of a picture of 200x100; both are absent from frame 2."""
    path = folder / "result.jsonl"
    lines = [HEADER] + [
        {"frame": i, "time_s": i / 10, "tracks": tracks, "ended": []}
        for i, tracks in enumerate(FRAMES)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def exporter(result, folder):
    """Runs the command on the result."""

    def run(form, out, *options, source=result):
        given = [str(source), "--format", form, "--out", str(folder / out), *map(str, options)]
        _, options, config = parse(["export-tracks", *given])
        assert export_tracks.run(options, config) == 0
        return folder / out

    return run


def write_video(folder):
    write_sequence(
        folder / "walk", seed=1, people=2, frames=6, size=(200, 100), video=folder / "a b.mp4"
    )
    return folder / "a b.mp4"
