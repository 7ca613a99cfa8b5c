"""What watchers are sent: pictures with their tracks, and the state of the session."""

import struct
import time
from dataclasses import replace
from itertools import repeat
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.camera.interface import Travel
from mambatrack.counting.picture import draw_counts
from mambatrack.live.updates import LiveUpdate, SourceStatus
from mambatrack.live.web.counts_json import counts_json
from mambatrack.live.web.overlay import Overlay, hex_of
from mambatrack.live.web.page_state import LiveState, SourceView
from mambatrack.live.web.timeline import WINDOW_S
from mambatrack.live.web.track_log import dumps
from mambatrack.motion.forecast import Forecast
from mambatrack.outputs.drawing.painter import draw
from mambatrack.outputs.lines import jsonl_frame
from mambatrack.settings import DrawingConfig

MOST_WIDTH = 960
QUALITY = 75
FORECAST_STEPS = 10
LENGTH = struct.Struct(">I")


def picture_message(update: LiveUpdate, overlay: Overlay) -> bytes:
    """Length of the JSON as 4 bytes, big-endian; the JSON of the frame, with what is drawn over it
    in place of the forecast; its picture as JPEG. overlay: after this update"""
    frame = frame_json(replace(update, forecast=None))
    for track, drawn in zip(frame["tracks"], overlay.of_tracks(), strict=True):
        track |= drawn
    head = dumps(frame | {"overlay": overlay.of_frame(update.forecast)}).encode()
    return LENGTH.pack(len(head)) + head + jpeg(update.frame.image)


def frame_json(update: LiveUpdate) -> dict[str, Any]:
    """A tracked frame; boxes are in pixels of ``size``, whatever the picture was scaled to."""
    height, width = update.frame.image.shape[:2]
    frame = jsonl_frame(update.tracks, update.names)
    for track, gap_s in zip(frame["tracks"], update.gaps_s or repeat(None), strict=False):
        track["gap_s"] = None if gap_s is None else round(gap_s, 2)
    return {
        "source": update.source,
        "size": [width, height],
        "detect_ms": _rounded(update.detect_ms),
        "track_ms": _rounded(update.track_ms),
        **frame,
        "forecast": None if update.forecast is None else _forecast_json(update.forecast),
        "counts": counts_json(update.counts),
    }


def status_json(source: int, view: SourceView) -> dict[str, Any]:
    """How a source is doing, and how much of it can be downloaded."""
    status: SourceStatus = view.status
    recording = view.recording
    return {
        "source": source,
        "file_name": view.file_name,
        **vars(status),
        "size": list(status.size) if status.size else None,
        "fps": _rounded(view.fps),
        "latency_ms": _rounded(status.latency_ms),
        "camera": None if status.camera is None else _travel_json(status.camera),
        "recorded": {
            "frames": recording.frames, "first": recording.first, "bytes": recording.size,
            "limit": recording.limit, "problem": recording.problem,
        },
    }  # fmt: skip


def _travel_json(travel: Travel) -> dict[str, Any]:
    return {
        "frames": travel.frames, "unknown": travel.unknown, "cuts": travel.cuts,
        "pixels_a_frame": _rounded(travel.mean_pixels),
        "certainty": _rounded(travel.mean_certainty),
    }  # fmt: skip


def hello_message(state: LiveState) -> str:
    """The first message of a connection: everything but pictures."""
    samples = [list(view.samples) for view in state.sources]
    return dumps({
        **_state_json(state, "hello"), "samples": samples, "window_s": WINDOW_S,
        "layers": list(state.drawing.layers),
    })  # fmt: skip


def tick_message(state: LiveState, fresh: int) -> str:
    """The state of all sources, with the ``fresh`` newest points of their graphs."""
    samples = [list(view.samples)[-fresh:] if fresh else [] for view in state.sources]
    return dumps({**_state_json(state, "tick"), "samples": samples})


def timeline_message(state: LiveState, source: int) -> str:
    view = state.sources[source]
    with state.lock:
        rows = view.timeline.rows(time.monotonic(), view.names)
    rows = [[*row, hex_of(row[0])] for row in rows]
    return dumps({"type": "timeline", "source": source, "identities": rows})


def jpeg(image: NDArray[np.uint8], most_width: int = MOST_WIDTH) -> bytes:
    """The image [H, W, 3] BGR as JPEG, scaled down to ``most_width`` pixels."""
    height, width = image.shape[:2]
    if width > most_width:
        size = (most_width, max(1, round(height * most_width / width)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes()


def snapshot(update: LiveUpdate, drawing: DrawingConfig | None) -> bytes:
    """The frame in full size as JPEG. drawing: what is drawn of its tracks, None for nothing"""
    image = update.frame.image
    if drawing is not None:
        image = draw(image, update.tracks, update.names, drawing, update.forecast)
        if update.counts is not None and "zones" in drawing.layers:
            draw_counts(image, update.counts)
    return jpeg(image, most_width=image.shape[1])


def _state_json(state: LiveState, kind: str) -> dict[str, Any]:
    sources = [status_json(index, view) for index, view in enumerate(state.sources)]
    return {"type": kind, "paused": bool(state.controls.paused), "sources": sources}


def _forecast_json(forecast: Forecast) -> dict[str, Any]:
    """Ten steps at most, the last one included; tracks whose numbers are not finite are left out.
    steps: frames ahead of each."""
    horizon = forecast.boxes.shape[1]
    steps = np.unique(np.linspace(1, horizon, min(horizon, FORECAST_STEPS)).round().astype(int))
    boxes, spread = forecast.boxes[:, steps - 1], forecast.spread[:, steps - 1]
    sound = np.isfinite(boxes).all((1, 2)) & np.isfinite(spread).all((1, 2))
    return {
        "ids": forecast.ids[sound].tolist(),
        "steps": steps.tolist(),
        "boxes": boxes[sound].astype(np.float64).round(1).tolist(),
        "spread": spread[sound].astype(np.float64).round(1).tolist(),
    }


def _rounded(value: float) -> float:
    return round(float(value), 2) if np.isfinite(value) else 0.0
