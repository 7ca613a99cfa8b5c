"""Memories of people who come and go at random, by clocks that jump: what always holds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.config import TrackerConfig
from mambatrack.settings import MemoryConfig
from mambatrack.tracking.group import TrackerGroup

PEOPLE, SPACE, STEP = 4, 100, 0.04
SECONDS, SIZE = 3.0, 3  # of a memory
JUMPS = (-3600.0, -2.0, -0.06, 0.0, 0.5, 2.0, 400.0)  # of a clock, instead of a step


class Clothes:
    """Knows people by their places in a picture, which is a list of (place, person)."""

    name, size = "clothes", 8

    def __call__(self, image, boxes):
        centres = (boxes[:, 0] + boxes[:, 2]) / 2
        nearest = np.abs(centres[:, None] - image[:, 0]).argmin(axis=1)
        vectors = 0.1 + np.eye(self.size, dtype=np.float32)[image[nearest, 1].astype(int)]
        vectors += np.sin(centres[:, None] * np.arange(1, 9)).astype(np.float32) / 50
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors, np.ones(len(boxes), bool)


VISITS = st.lists(
    st.tuples(st.integers(4, 30), st.sets(st.integers(0, PEOPLE - 1)), st.sampled_from((0, 1))),
    min_size=2, max_size=6,
)  # fmt: skip


def group_of(count):
    config = TrackerConfig(max_age=8, frame_rate=25)
    memory = MemoryConfig(seconds=SECONDS, size=SIZE, shared=count > 1)
    return TrackerGroup(config, count, embedder=Clothes(), memory=memory)


def frames_of(visits, count):
    """Of each frame, for each camera, the picture and the boxes: a visit is one camera's."""
    for length, people, camera in visits:
        for step in range(length):
            places = np.array([[SPACE * each + step, each] for each in sorted(people)], float)
            boxes = [[x - 15, 20, x + 15, 90, 0.9] for x, _ in places.reshape(-1, 2)]
            yield {
                number: (places.reshape(-1, 2), boxes)
                if number == camera % count
                else (np.zeros((0, 2)), [])
                for number in range(count)
            }


def advance(group, frame, time_s):
    due = {number: (boxes, time_s) for number, (_, boxes) in frame.items()}
    return group.update(due, images={number: seen for number, (seen, _) in frame.items()})


def check(group, results, put_out):
    """put_out: the ids so far, to which those of this frame are added."""
    gallery = group.trackers[0].state.memory.gallery
    assert len(gallery) <= SIZE and len(set(gallery.ids.tolist())) == len(gallery)
    for tracker, tracks in zip(group.trackers, results.values(), strict=True):
        assert len(set(tracks.ids.tolist())) == len(tracks)
        again = tracks.known_again
        assert set(again.values()) <= put_out and not set(again) & set(tracks.ids.tolist())
        assert len(group.trackers) > 1 or not set(gallery.ids.tolist()) & set(tracks.ids.tolist())
        own = gallery.seen[gallery.sources == tracker.state.memory.source]
        assert (own >= tracker.clock - SECONDS - 1e-6).all() and (own <= tracker.clock).all()
        put_out |= set(tracks.ids.tolist())


@pytest.mark.parametrize("count", [1, 2])
@settings(max_examples=5, deadline=None)
@given(VISITS, st.dictionaries(st.integers(1, 150), st.sampled_from(JUMPS)), st.data())
def test_ids_are_unique_codes_are_deleted_in_time_and_a_state_goes_on(count, visits, jumps, data):
    frames = list(frames_of(visits, count))
    times = np.cumsum([jumps.get(number, STEP) for number in range(len(frames))]) + 5000
    cut = data.draw(st.integers(0, len(frames) - 1), "cut")
    group, after, put_out = group_of(count), group_of(count), set()
    for number, (frame, time_s) in enumerate(zip(frames, times.tolist(), strict=True)):
        if number == cut:
            for one, other in zip(group.trackers, after.trackers, strict=True):
                other.load_state_dict(one.state_dict())
        results = advance(group, frame, time_s)
        check(group, results, put_out)
        if number >= cut:
            going_on = advance(after, frame, time_s)
            for camera, tracks in results.items():
                assert tracks.ids.tolist() == going_on[camera].ids.tolist()
