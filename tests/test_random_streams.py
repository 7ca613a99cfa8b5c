"""Random streams of detections: what must hold whatever comes.

    python tests/test_random_streams.py [--runs 10000]

runs that many streams, a quarter with each pair of motion model and association, and reports.
"""

import argparse
import functools
import time
import warnings
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mambatrack import Tracker, TrackState, load_config
from mambatrack.association.loading import load_association
from mambatrack.config import TrackerConfig
from mambatrack.motion.loading import load_predictor

KINDS = [("kalman", "overlap"), ("kalman", "learned"), ("mamba", "overlap"), ("mamba", "learned")]
SCENES = ("walk", "walk", "walk", "none", "crowd", "heap", "jump", "tiny", "huge", "flat", "wild")
TIMES = (0.05, 0.05, 0.04, 0.06, 0.2, 0.0, -1.0, 5.0, 1e9, None, float("nan"))
ACTIONS = ("update", "update", "update", "forecast", "save")


@dataclass(frozen=True)
class Plan:
    """One stream: of each update what is seen, when, and what is asked of the tracker besides."""

    config: TrackerConfig
    image_size: tuple[int, int] | None
    seed: int
    steps: list[tuple[str, float | None, str]]


def plans(kind):
    config = st.builds(
        functools.partial(TrackerConfig, predictor=kind[0], association=kind[1]),
        hypotheses=st.sampled_from([1, 3]), passes=st.sampled_from([1, 2]),
        max_age=st.sampled_from([1, 3, 60]),
        min_hits=st.sampled_from([1, 3]), class_aware=st.booleans(),
        frame_rate=st.sampled_from([0.0, 20.0]), birth_iou=st.sampled_from([0.45, 1.0]),
        birth_score=st.sampled_from([0.0, 0.6]), match_score=st.sampled_from([0.0, 0.6]),
    )  # fmt: skip
    step = st.tuples(st.sampled_from(SCENES), st.sampled_from(TIMES), st.sampled_from(ACTIONS))
    return st.builds(
        Plan, config, st.sampled_from([None, (960, 540)]), st.integers(0, 2**32 - 1),
        st.lists(step, min_size=1, max_size=25),
    )  # fmt: skip


class Stream:
    """People who walk at random, and the rows that a strange detector makes of them."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.people = self._boxes(int(self.rng.integers(0, 8)))
        self.speed = self.rng.normal(0, 4, (len(self.people), 2))

    def rows(self, scene):
        rng = self.rng
        self.people[:, :2] += self.speed
        if scene == "none":
            return np.zeros((0, 6))
        if scene == "jump":
            self.people[:, :2] = rng.uniform(0, 900, (len(self.people), 2))
        boxes = self.people[rng.random(len(self.people)) < 0.85] * rng.normal(1, 0.01)
        if scene == "crowd":
            boxes = np.concatenate([boxes, self._boxes(int(rng.integers(20, 90)))])
        if scene == "heap":
            boxes = np.repeat(boxes[:2], 12, axis=0) + rng.normal(0, 1, (len(boxes[:2]) * 12, 4))
        boxes[:, 2:] *= {"tiny": 1e-6, "huge": 1e4}.get(scene, 1)
        boxes[:, 2] *= 1e-4 if scene == "flat" else 1
        corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
        rows = np.column_stack([corners, rng.random(len(boxes)), rng.integers(0, 7, len(boxes))])
        if scene == "wild":
            strange = [np.nan, np.inf, -np.inf, 1e30, -1e30, 1e7, 9.9e6, -9.9e6, 0, 1e-38]
            at = rng.random(rows.shape) < 0.1
            rows[at] = rng.choice(strange, int(at.sum()))
        return rows

    def _boxes(self, count):
        """[count, 4]: left, top, width, height."""
        places, sizes = self.rng.uniform(0, 900, (count, 2)), self.rng.uniform(4, 200, (count, 2))
        return np.column_stack([places, sizes])


class Watch:
    """What holds after each update, given the result before it."""

    def __init__(self):
        self.before = None
        self.known = set()
        self.labels = {0}

    def __call__(self, tracker, tracks, rows):
        config, seen, table = tracker.config, tracks.gap == 0, tracker.state.hypotheses.table
        assert len({len(tracks), len(tracks.boxes), len(tracks.gap), len(tracks.spread)}) == 1
        for numbers in (tracks.boxes, tracks.spread, tracks.scores, table["motion"],
                        table["means"], table["memory"]):  # fmt: skip
            assert np.isfinite(numbers).all()
        assert (tracks.boxes[:, 2:] >= tracks.boxes[:, :2]).all()
        assert (table["boxes"][:, 2:] > 0).all()
        assert (tracks.spread >= 0).all() and (tracks.spread[seen] == 0).all()
        assert ((tracks.scores >= 0) & (tracks.scores <= 1)).all()
        lost = tracks.state == TrackState.PREDICTED
        assert (lost == ~seen).all() and (lost == (tracks.det_ind == -1)).all()
        assert np.isin(tracks.state, (0, 1, 2)).all() and (tracks.gap[lost] >= 1).all()
        assert (tracks.gap <= config.max_age).all()
        if config.min_hits == 1:
            assert (tracks.state != TrackState.TENTATIVE).all()
        self._check_detections(tracks, seen, rows)
        self._check_ids(tracks, table.span, config.hypotheses > 1)
        self.before = tracks

    def _check_detections(self, tracks, seen, rows):
        used = tracks.det_ind[seen]
        assert len(set(used.tolist())) == len(used) and (used < len(rows)).all()
        given_boxes = rows[used, :4].astype(np.float32)
        rounding = 3e-7 * np.abs(given_boxes).max(axis=1, initial=0, keepdims=True)
        assert (np.abs(tracks.boxes[seen] - given_boxes) <= rounding).all()
        self.labels |= set(rows[used, 5].astype(np.int64).tolist())
        assert set(tracks.labels.tolist()) <= self.labels

    def _check_ids(self, tracks, span, several):
        """several: hypotheses, of which another one may be put out than before."""
        before = self.before.ids if self.before is not None else np.zeros(0, np.int64)
        assert (np.diff(tracks.ids) > 0).all() and (np.diff(tracks.ended) > 0).all()
        new = np.setdiff1d(tracks.ids, before)
        assert several or (new > max(self.known, default=0)).all()
        assert not self.known & set(new.tolist())
        assert (tracks.gap[np.isin(tracks.ids, new)] == 0).all()
        np.testing.assert_array_equal(tracks.ended, np.setdiff1d(before, tracks.ids))
        self.known |= set(new.tolist())
        if self.before is not None:
            _, now, then = np.intersect1d(tracks.ids, before, return_indices=True)
            older = self.before.gap[then] + span
            assert several or ((tracks.gap[now] == 0) | (tracks.gap[now] == older)).all()
            assert tracks.frame == self.before.frame + 1


@functools.cache
def predictor_of(name):
    return load_predictor(name)


@functools.cache
def association_of(config):
    return load_association(config)


def new_tracker(plan):
    return Tracker(
        plan.config, plan.image_size, predictor_of(plan.config.predictor),
        association_of(plan.config),
    )  # fmt: skip


def run(plan):
    tracker, stream, watch, clock = new_tracker(plan), Stream(plan.seed), Watch(), 0.0
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "frame .* dropped")
        warnings.filterwarnings("error", category=RuntimeWarning)
        for scene, step, action in plan.steps:
            rows = stream.rows(scene)
            given_rows, time_s = rows.copy(), None if step is None else clock + step
            clock = time_s if time_s is not None and np.isfinite(time_s) else clock
            watch(tracker, tracker.update(rows, time_s), rows)
            np.testing.assert_array_equal(rows, given_rows)
            if action == "forecast":
                forecast = tracker.forecast(5)
                assert np.isfinite(forecast.boxes).all() and np.isfinite(forecast.spread).all()
                np.testing.assert_array_equal(forecast.ids, watch.before.ids)
            if action == "save":
                state, tracker = tracker.state_dict(), new_tracker(plan)
                tracker.load_state_dict(state)


@pytest.mark.parametrize("kind", KINDS)
def test_random_streams(kind):
    assert_what_must_hold(kind, 40)


def assert_what_must_hold(kind, runs):
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large]
    limits = settings(max_examples=runs, deadline=None, suppress_health_check=quiet, database=None)
    limits(given(plans(kind))(run))()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tracks: replace(tracks, ids=tracks.ids[::-1]),
        lambda tracks: replace(tracks, gap=tracks.gap + 1),
        lambda tracks: replace(tracks, det_ind=np.zeros_like(tracks.det_ind)),
        lambda tracks: replace(tracks, boxes=tracks.boxes * np.nan),
        lambda tracks: replace(tracks, ended=np.array([77])),
        lambda tracks: replace(tracks, ids=tracks.ids + 1),
    ],
)
def test_the_watch_notices(spoil):
    rows = np.array([[0, 0, 50, 90, 0.9, 0], [200, 0, 250, 90, 0.9, 0]])
    tracker, watch = Tracker(load_config(None, {"tracker.predictor": "still"})), Watch()
    for _ in range(3):
        watch(tracker, tracker.update(rows), rows)
    with pytest.raises(AssertionError):
        watch(tracker, spoil(tracker.update(rows)), rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000)
    options = parser.parse_args()
    for kind in KINDS:
        began = time.perf_counter()
        assert_what_must_hold(kind, options.runs // len(KINDS))
        spent = time.perf_counter() - began
        print(f"{' and '.join(kind)}: {options.runs // len(KINDS)} streams hold, {spent:.0f} s",
              flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
