"""Operations and bytes of the networks of a frame."""

from dataclasses import replace

import numpy as np
import pytest

from mambatrack.association.loading import path_of
from mambatrack.config import TrackerConfig
from mambatrack.evaluation import arithmetic
from mambatrack.evaluation.arithmetic import (
    Peaks,
    Work,
    association_work,
    limits,
    pair_work,
    step_work,
    window_work,
    work_of,
)
from mambatrack.evaluation.stage_profile import STAGES, Counts, Stage, StageProfile
from mambatrack.kernels.weight_shapes import (
    BOTH,
    ONE,
    PairSizes,
    Sizes,
    motion_shapes,
    pair_shapes,
)

SIZES = Sizes(inputs=7, model=4, inner=8, hidden=6, rank=2, states=3, taps=4, layers=2, outputs=8)
PAIRS = PairSizes(features=47, alone=6, code=5, wide=10, width=4, rounds=2)


def weights(shapes):
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


def frame() -> StageProfile:
    counts = Counts(10, 20, 9, 8, 7, 1, 20, 9, 8)
    return StageProfile("10 objects", 9, 1.0, dict.fromkeys(STAGES, Stage(0.5, 0.25)), counts)


def test_a_token_passes_every_matrix_once():
    own = weights(motion_shapes(SIZES, ONE))
    embed, select = 7 * 4, 8 * (2 + 2 * 3)
    mixer = 2 * (4 * 8) + select + 2 * 8 + 8 * 4  # in_x and in_z, select, dt, out
    mlp, head = 2 * (4 * 6), 4 * 4 + 4 * 8
    products = embed + 2 * (mixer + mlp) + head
    scanned = 2 * 8 * (7 * 3 + 2 * 4)
    one, three = step_work(own, 1), step_work(own, 3)
    assert one.operations == 2 * products + scanned and three.operations == 3 * one.operations
    state = 2 * 8 * (3 + 4 - 1)
    assert three.bytes - one.bytes == 2 * 4 * (2 * state + 7 + 8)
    assert step_work(own, 0) == Work(0, 4 * sum(each.size for each in own.values()))


def test_pairs_tracks_and_detections_pass_matrices_of_their_own():
    own = weights(pair_shapes(PAIRS))
    of_pair = 47 * 10 + 10 * 4 + 2 * 16 + 4
    of_track = 5 * 10 + 2 * 16 + 16 + 4
    of_detection = 2 * 16 + (4 + 6) * 4 + 2 * 4
    assert pair_work(own, 1, 0, 0).operations == 2 * of_pair
    assert pair_work(own, 0, 1, 0).operations == 2 * of_track
    assert pair_work(own, 0, 0, 1).operations == 2 * of_detection
    # a frame of one pair passes every matrix: track and detection have a round's each
    matrices = sum(each.size for name, each in own.items() if name.endswith("weight"))
    assert pair_work(own, 1, 1, 1).operations == 2 * matrices


def test_the_networks_of_a_frame_are_found_by_the_settings():
    learned = work_of(TrackerConfig(), frame())
    assert list(learned) == ["predict", "score", "settle"]
    assert all(each.operations > 0 and each.bytes > 0 for each in learned.values())
    assert list(work_of(TrackerConfig(predictor="kalman"), frame())) == ["score", "settle"]
    whole, three = (
        work_of(TrackerConfig("mamba-window", association="overlap", seen_window=seen), frame())
        for seen in (0, 3)
    )
    assert list(whole) == list(three) == ["predict"]
    assert 0.3 < three["predict"].operations / whole["predict"].operations < 0.31


def test_an_offset_passes_every_matrix_of_both_directions_and_the_head_is_for_a_track():
    own = weights(motion_shapes(SIZES, BOTH))
    enter, select = 2 * 2 * 8, 8 * (2 + 2 * 3)
    mixer = select + 2 * 8 + 8 * 4  # select, dt, out
    products = (7 + 4) * enter + 2 * (2 * mixer + 2 * 4 * 6)
    scanned = 2 * 2 * 8 * (7 * 3 + 2 * 4)
    one, two = window_work(own, 1, 1), window_work(own, 3, 2)
    assert one.operations == 2 * products + scanned + 2 * (4 * 4 + 4 * 8)
    assert two.operations - 3 * one.operations == 3 * (2 * products + scanned)
    assert two.bytes - one.bytes == 4 * (3 * (2 * 7 + 8) - (7 + 8))


def test_the_light_association_computes_a_third_of_the_default():
    light, learned = (
        association_work(path_of(name), frame().counts) for name in ("light", "learned")
    )
    for stage in ("score", "settle"):
        assert 0 < light[stage].operations < learned[stage].operations / 2.9
    sure = replace(frame().counts, contested_pairs=0, contested_tracks=0, contested_detections=0)
    once = association_work(path_of("learned"), sure)["score"]
    assert once.operations == pytest.approx(learned["score"].operations / 3)


def test_the_slower_of_arithmetic_and_memory_is_the_limit(monkeypatch):
    works = {"predict": Work(4e6, 1e3), "score": Work(4e3, 8e6)}
    monkeypatch.setattr(arithmetic, "work_of", lambda *_: works)
    one, two = limits(TrackerConfig(), [frame()], Peaks(operations=1e11, bytes=1e11))
    assert (one.stage, one.least_ms) == ("predict", pytest.approx(0.04))
    assert two.least_ms == pytest.approx(0.08) and two.share == pytest.approx(0.08 / 0.25)


def test_the_machine_has_peaks(monkeypatch):
    monkeypatch.setattr(arithmetic, "REPEATED_S", 0.02)
    found = arithmetic.measured_peaks()
    assert found.operations > 1e7 and found.bytes > 1e7
