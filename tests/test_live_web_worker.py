"""The thread between the loop that tracks and the server of the page."""

import contextlib
import threading
import time
import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from live_session import wait_for
from mambatrack.live.updates import SourceStatus
from mambatrack.live.web import worker as module
from mambatrack.live.web.hub import Demand
from mambatrack.live.web.page_state import LiveState
from mambatrack.live.web.worker import Worker
from test_counting_counter import frame_of
from test_live_web_messages import unpacked, update

NOBODY = Demand({}, 0, 0, 0)
ONE = Demand({0: 0, 1: 1}, 0, 1, 1)  # one watcher, of source 1


class Published(list):
    """What was published: (kind, payload, pictures, source); demand: what is asked for."""

    def __init__(self, demand):
        super().__init__()
        self.demand = demand

    def __call__(self, *message):
        self.append(message)

    def of(self, kind):
        return [message for message in self if message[0] == kind]


@contextlib.contextmanager
def working(demand):
    published = Published(demand)
    state = LiveState(SimpleNamespace(paused=False), ["door", "yard"])
    worker = Worker(state, lambda: published.demand, published)
    try:
        yield worker, state, published
    finally:
        worker.close()
        state.close()


def test_every_frame_is_kept_although_nobody_watches():
    with working(NOBODY) as (worker, state, published):
        for _ in range(5):
            worker.take(update())
        wait_for(lambda: state.sources[1].recording.frames == 5)
        assert state.pictures == 0 and not published


def test_a_watcher_gets_the_newest_picture_of_its_source():
    with working(ONE) as (worker, state, published):
        worker.take(update())
        _, payload, pictures, source = wait_for(lambda: published.of("frame"))[0]
        assert pictures and source == 1 and unpacked(payload)[0]["frame"] == 3
        assert {message[3] for message in published.of("timeline")} <= {1}


def test_the_same_picture_is_sent_again_to_whoever_comes_later():
    with working(ONE) as (worker, state, published):
        worker.take(update())
        wait_for(lambda: published.of("frame"))
        published.demand = ONE._replace(changes=2)
        worker.change(0, SourceStatus("door", "open"))
        assert wait_for(lambda: len(published.of("frame")) == 2)


def test_watchers_of_events_get_tracks_without_pictures():
    with working(Demand({}, 1, 1, 1)) as (worker, state, published):
        worker.take(update())
        _, payload, pictures, source = wait_for(lambda: published.of("tracks"))[0]
        assert not pictures and source == 1 and payload.startswith("event: tracks\ndata: {")
        assert payload.endswith("}\n\n") and "\n" not in payload[14:-2]
        assert not published.of("frame")


def test_what_is_drawn_is_of_the_frame_it_comes_with(monkeypatch):
    """Frames come while the worker is at work, each with other tracks."""
    monkeypatch.setattr(module, "PACE_S", 0.0)
    monkeypatch.setattr(module, "MOST_FPS", 1e6)
    monkeypatch.setattr(module, "SENDS_PER_S", 1e6)
    with working(ONE) as (worker, state, published):
        for index in range(300):
            ids = np.arange(1 + index % 5)
            feet = {each: (10.0 * each + 5, 40.0) for each in ids.tolist()}
            worker.take(replace(update(), tracks=frame_of(index, feet)))
            time.sleep(0.0005)
        wait_for(lambda: unpacked(published.of("frame")[-1][1])[0]["frame"] == 299)
        heads = [unpacked(message[1])[0] for message in published.of("frame")]
    assert not state.problem
    for head in heads:
        assert len(head["tracks"]) == 1 + head["frame"] % 5
        assert all(track["opacity"] > 0 for track in head["tracks"])


def test_a_change_of_a_source_is_told_at_once(monkeypatch):
    monkeypatch.setattr(module, "SAMPLE_S", 3600.0)
    with working(ONE) as (worker, state, published):
        worker.change(0, SourceStatus("door", "lost", error="no answer"))
        assert wait_for(
            lambda: any('"no answer"' in message[1] for message in published.of("tick"))
        )


def test_frames_that_found_no_room_are_counted(monkeypatch):
    held = threading.Event()
    monkeypatch.setattr(module, "BACKLOG", 3)
    monkeypatch.setattr(Worker, "_work", lambda self: held.wait(30))
    with working(NOBODY) as (worker, state, _):
        for _ in range(5):
            worker.take(update())
        assert state.missed == 2
        held.set()


def test_a_failure_is_told_once_and_the_work_goes_on():
    def failing(*_):
        raise RuntimeError("no luck")

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with working(ONE) as (worker, state, published):
            worker._publish = failing
            worker.take(update())
            wait_for(lambda: "no luck" in state.problem)
            worker._publish = published
            worker.take(update())
            wait_for(lambda: published.of("frame"))
            assert worker.alive
    told = [str(each.message) for each in caught]
    assert sum("the page of live tracking failed" in text for text in told) == 1


def test_it_ends_when_it_is_closed():
    with working(NOBODY) as (worker, _, _published):
        assert worker.alive
    assert not worker.alive
