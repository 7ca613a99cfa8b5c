import json
import sys
from subprocess import run

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gap_methods
from mambatrack.boxes import xyxy_to_cxcywh
from mambatrack.datasets.sequences import Trajectories
from mambatrack.errors import MambatrackError
from mambatrack.gaps.filling import (
    KNOTS,
    SHIPPED,
    Ends,
    Gap,
    GapFiller,
    _knots,
    describe,
    fill_gaps,
    straight_line,
)
from mambatrack.learning.gap_data import read_seen_people
from mambatrack.learning.gap_network import GapFillingNetwork
from mambatrack.motion.classical import KalmanPredictor
from worlds import write_world

Q, LONGEST = 4, 12


def random_network(seed=0):
    """A network whose head says something."""
    torch.manual_seed(seed)
    network = GapFillingNetwork(d_model=8, layers=2, d_state=3)
    torch.nn.init.normal_(network.head[2].weight, std=0.3)
    return network


@pytest.fixture(scope="module")
def filler(tmp_path_factory):
    """A GapFiller of random weights."""
    from safetensors.torch import save_file

    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_file(random_network().state_dict(), path)
    card = {
        "architecture": {"kind": "refill", "q": Q, "longest": LONGEST},
        "calibration": [1, 1, 1, 1], "wander": [2, 2, 2, 2],
    }  # fmt: skip
    path.with_suffix(".json").write_text(json.dumps(card))
    return GapFiller(path)


def random_gap(rng, length=None, before=6, after=5):
    """A wandering object with some frames left out."""
    length = length or int(rng.integers(1, LONGEST + 1))
    steps = rng.normal(0, 3, (before + length + after, 4)) * [1, 1, 0.1, 0.1]
    boxes = (np.cumsum(steps, 0) + [200, 150, 40, 90]).astype(np.float32)
    frames = np.arange(len(boxes)) + rng.integers(1000)
    kept = rng.random(len(boxes)) < 0.8
    kept[[before - 1, before + length]] = True
    kept[before : before + length] = False
    first, last = np.flatnonzero(kept[:before]), np.flatnonzero(kept[before:]) + before
    return Gap(frames[first], boxes[first], frames[last], boxes[last])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40))
def test_a_gap_is_filled_alike_alone_and_in_a_batch(filler, seed, count):
    rng = np.random.default_rng(seed)
    gaps = [random_gap(rng) for _ in range(count)]
    for gap, each in zip(gaps, filler(gaps), strict=True):
        (alone,) = filler([gap])
        assert each.frames.tolist() == list(range(gap.before_frames[-1] + 1, gap.after_frames[0]))
        assert each.boxes.dtype == each.spread.dtype == np.float32
        assert each.boxes.shape == each.spread.shape == (len(each.frames), 4)
        np.testing.assert_allclose(each.boxes, alone.boxes, atol=1e-3)
        np.testing.assert_allclose(each.spread, alone.spread, rtol=1e-4)
        assert np.isfinite(each.boxes).all() and (each.spread > 0).all()


def test_only_q_boxes_on_each_side_matter_and_frame_numbers_do_not(filler):
    gap = random_gap(np.random.default_rng(0), 5, 20, 20)
    (whole,) = filler([gap])
    (near,) = filler([Gap(*(each[-Q:] for each in gap[:2]), *(each[:Q] for each in gap[2:]))])
    np.testing.assert_array_equal(whole.boxes, near.boxes)
    (later,) = filler([gap._replace(before_frames=gap[0] + 9, after_frames=gap[2] + 9)])
    np.testing.assert_array_equal(whole.boxes, later.boxes)
    np.testing.assert_array_equal(whole.frames + 9, later.frames)


def test_boxes_move_and_scale_with_the_image(filler):
    gap = random_gap(np.random.default_rng(1), 6)
    shift = np.array([300, -50, 0, 0], np.float32)
    both = [gap, Gap(gap[0], gap[1] + shift, gap[2], gap[3] + shift),
            Gap(gap[0], gap[1] * 2, gap[2], gap[3] * 2)]  # fmt: skip
    plain, shifted, doubled = filler(both)
    np.testing.assert_allclose(shifted.boxes, plain.boxes + shift, atol=2e-2)
    np.testing.assert_allclose(doubled.boxes, plain.boxes * 2, atol=2e-2)
    np.testing.assert_allclose(doubled.spread, plain.spread * 2, rtol=1e-3)


def test_a_gap_beyond_what_was_learned_gets_the_line(filler):
    gap = Gap([0], [[0, 0, 10, 10]], [LONGEST + 2], [[28, 0, 10, 10]])
    short = Gap([0], [[0, 0, 10, 10]], [2], [[28, 0, 10, 10]])
    long, other = filler([gap, short])
    np.testing.assert_allclose(long.boxes[:, 0], 2 * np.arange(1, LONGEST + 2), rtol=1e-5)
    assert abs(other.boxes[0, 0] - 14) > 1e-3
    middle = long.spread[LONGEST // 2, 0]
    np.testing.assert_allclose(middle, 2 * 0.5 * np.sqrt(7 * 7 / 14), rtol=1e-5)
    assert middle > long.spread[0, 0] == long.spread[-1, 0]


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (Gap([], np.zeros((0, 4)), [3], [[0, 0, 1, 1]]), "gap 1: at least one box"),
        (Gap([1], [[0, 0, 1]], [3], [[0, 0, 1, 1]]), "gap 1: at least one box"),
        (Gap([1], [[0, 0, 1, 0]], [3], [[0, 0, 1, 1]]), "not finite or has no size"),
        (Gap([1], [[0, 0, 1, 1]], [3], [[0, np.nan, 1, 1]]), "not finite or has no size"),
        (Gap([2], [[0, 0, 1, 1]], [3], [[0, 0, 1, 1]]), "frames must ascend"),
        (Gap([1, 1], [[0, 0, 1, 1]] * 2, [3], [[0, 0, 1, 1]]), "frames must ascend"),
    ],
)
def test_unusable_gaps(filler, gap, said):
    good = Gap([1], [[0, 0, 1, 1]], [3], [[0, 0, 1, 1]])
    with pytest.raises(MambatrackError, match=said):
        fill_gaps([good, gap], filler)


def test_no_gaps_and_no_changes(filler):
    assert fill_gaps([], filler) == []
    gap = random_gap(np.random.default_rng(2))
    before = [each.copy() for each in gap]
    filler([gap])
    for one, other in zip(before, gap, strict=True):
        np.testing.assert_array_equal(one, other)


def test_missing_weights(tmp_path):
    with pytest.raises(MambatrackError, match=r"refill\.safetensors not found"):
        GapFiller(tmp_path / "refill.safetensors")


def test_what_the_network_reads():
    boxes = np.zeros((1, 4, 4), np.float32)
    boxes[0, :, 0] = [0, 4, 12, 20]  # 4 a frame
    boxes[0, :, 2:] = [10, 40]
    boxes[0, 0, 0] += 3
    ends = Ends(boxes, np.array([[-1, 0, 2, 4]]), np.ones((1, 4), bool), np.array([1]))
    found = describe(ends)
    assert found.tokens.shape == (1, 5, 17) and found.place.tolist() == [[2]]
    np.testing.assert_allclose(np.sinh(found.tokens[0, :, 0]), [3, 0, 0, 0, 0], atol=1e-5)
    np.testing.assert_allclose(found.tokens[0, :, 8], np.arcsinh(4), rtol=1e-6)
    np.testing.assert_allclose(found.tokens[0, :, 12], [0, 0, 1, 0, 0])
    np.testing.assert_allclose(found.tokens[0, :, 13], [0, 0, 0, 1, 1])
    np.testing.assert_allclose(np.expm1(found.tokens[0, :, 14]), [1, 0, 1, 2, 4], atol=1e-5)
    np.testing.assert_allclose(np.expm1(found.tokens[0, :, 15]), [3, 2, 1, 0, 2], atol=1e-5)
    np.testing.assert_allclose(found.tokens[0, :, 16], np.log(0.25), rtol=1e-6)
    line, unit = straight_line(ends, found.knots)
    np.testing.assert_allclose(line[0], [[8, 0, 10, 40]])
    np.testing.assert_allclose(unit, np.sqrt(0.5), rtol=1e-6)


@settings(max_examples=50)
@given(st.lists(st.integers(1, 200), min_size=1, max_size=5))
def test_knots_are_spread_over_the_gap(lengths):
    for length, row in zip(lengths, _knots(np.array(lengths)), strict=True):
        knots = row[row > 0]
        assert len(knots) == min(length, KNOTS) and (row[len(knots) :] == 0).all()
        assert knots[0] == 1 and knots[-1] == length and (np.diff(knots) > 0).all()
        assert np.ptp(np.diff(knots)) <= 1 if length > 1 else True


def test_the_shipped_filler_follows_a_curve_better_than_a_line():
    t = np.arange(30)
    boxes = np.stack([300 + 8 * t, 300 + 0.3 * (t - 15.0) ** 2, 0 * t + 60, 0 * t + 140], 1).astype(
        np.float32
    )
    (filled,) = fill_gaps([Gap(t[:10], boxes[:10], t[20:], boxes[20:])])
    share = np.arange(1, 11)[:, None] / 11
    line = boxes[9] + share * (boxes[20] - boxes[9])
    off, line_off = (np.abs(each - boxes[10:20])[:, 1].mean() for each in (filled.boxes, line))
    assert off < 0.9 * line_off


def test_the_shipped_card_names_what_it_must():
    card = json.loads(SHIPPED.with_suffix(".json").read_text())
    assert card["architecture"]["parameters"] < 60_000 and SHIPPED.stat().st_size < 300_000
    assert "non-commercial" in card["licence"] and card["command"].startswith("mambatrack train-")


def test_filling_needs_no_torch():
    code = (
        "import sys; from mambatrack.gaps.filling import Gap, fill_gaps;"
        "fill_gaps([Gap([0], [[0, 0, 9, 9]], [3], [[9, 0, 9, 9]])]); print('torch' in sys.modules)"
    )
    done = run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_measured_methods_follow_a_straight_walk(tmp_path):
    t = np.arange(1, 121)
    corner = np.stack([100 + 3.0 * t, 50 + 1.0 * t], 1)
    boxes = np.hstack([corner, corner + [40, 100]]).astype(np.float32)
    rows = np.column_stack([t, 0 * t - 1, corner, 0 * t + 40, 0 * t + 100, 0 * t + 0.9])
    rows = np.delete(rows, [70, 71, 72, 90], axis=0)
    sequence = write_world(tmp_path / "w", Trajectories(t, 0 * t, boxes), rows)
    gaps = gap_methods.read_gaps(read_seen_people([sequence], 0.6))
    assert gaps.length.tolist() == [3, 1]
    for length in (1, 3):
        some = gaps.of(length)
        true = xyxy_to_cxcywh(boxes[[90] if length == 1 else [70, 71, 72]])
        np.testing.assert_array_equal(some.true[0], true)
        methods = gap_methods.line, gap_methods.smoother, gap_methods.causal(KalmanPredictor())
        for method, off in zip(methods, (1e-3, 0.5, 2.0), strict=True):
            assert np.abs(method(some)[0][0] - true).max() < off
        assert (gap_methods.smoother(some)[1] > 0).all()
