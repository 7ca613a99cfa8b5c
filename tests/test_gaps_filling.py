import csv
import json
import sys
from dataclasses import replace
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
from mambatrack.learning.gap_data import GapSampler, _reversed, observations, read_seen_people
from mambatrack.learning.gap_network import GapFillingNetwork, laplace_loss
from mambatrack.learning.gap_training import GapFillingConfig, train_gap_filling
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


def world(folder, people=3, frames=120, seed=0):
    """People who walk in curves, with detections that err and are missed at times."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames)
    centres = [
        np.stack([300 + 200 * np.sin(t / 25 + i), 250 + 40 * np.cos(t / 17 + i)], 1)
        for i in range(people)
    ]
    boxes = np.concatenate([np.hstack([each - [20, 45], each + [20, 45]]) for each in centres])
    truth = Trajectories(
        np.tile(t + 1, people), np.repeat(np.arange(people), frames), boxes.astype(np.float32)
    )
    noisy = boxes + rng.normal(0, 1.5, boxes.shape)
    rows = np.column_stack(
        [truth.frame, -np.ones(len(boxes)), noisy[:, :2], noisy[:, 2:] - noisy[:, :2],
         rng.uniform(0.65, 1, len(boxes))]
    )  # fmt: skip
    missed = rng.random(len(rows)) < 0.03
    return write_world(folder, truth, rows[~(missed | np.roll(missed, 1) | np.roll(missed, 2))])


@pytest.mark.parametrize("dtype_seed", [0, 1])
def test_numpy_is_torch(dtype_seed):
    rng = np.random.default_rng(dtype_seed)
    network = random_network(dtype_seed)
    from mambatrack.gaps.scanner import RefillScanner

    scanner = RefillScanner({k: v.numpy() for k, v in network.state_dict().items()})
    lengths = np.array([1, 7, 12, 4])
    tokens = rng.normal(size=(4, 12, 17)).astype(np.float32)
    tokens[np.arange(12) >= lengths[:, None]] = 0
    with torch.no_grad():
        expected = network(torch.from_numpy(tokens), torch.from_numpy(lengths)).numpy()
    said = scanner(tokens, lengths)
    assert said.dtype == np.float32
    np.testing.assert_allclose(said, expected, atol=2e-5)
    np.testing.assert_allclose(said[:1, :1], scanner(tokens[:1, :1], lengths[:1]), atol=1e-6)


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


def test_sampled_gaps_are_gaps_of_the_truth(tmp_path):
    people = read_seen_people([world(tmp_path / "a"), world(tmp_path / "b", seed=1)])
    assert np.diff(people.run).min() >= 0 and people.run[-1] == 5
    sampler = GapSampler(people, Q, LONGEST)
    (ends, true), again = (sampler.batch(np.random.default_rng(3), 200) for _ in range(2))
    np.testing.assert_array_equal(true, again[1])
    assert ends.length.min() >= 1 and ends.length.max() <= LONGEST
    assert ends.known[:, Q - 1 : Q + 1].all() and not ends.known.all()
    side = np.sign(true[:, 0, 0])
    for row, length in enumerate(ends.length):
        known = ends.known[row]
        assert (np.diff(ends.times[row][known]) > 0).all()
        assert ends.times[row, Q - 1] == 0 and ends.times[row, Q] == length + 1
        gone = np.abs(np.diff(true[row, :length, :2], axis=0)).max(initial=0)
        assert gone < 10  # the truth moves at most 8 pixels a frame
        ends_off = np.abs(ends.boxes[row, [Q - 1, Q]] - true[row, [0, length - 1]]).max()
        assert ends_off < 16 and (np.sign(ends.boxes[row, known, 0]) == side[row]).all()


def test_time_backwards_twice_is_forwards(tmp_path):
    sampler = GapSampler(read_seen_people([world(tmp_path / "a")]), Q, LONGEST)
    ends, true = sampler.batch(np.random.default_rng(0), 50)
    turned = np.ones(50, bool)
    back, back_true = _reversed(ends, true, turned)
    forth, forth_true = _reversed(back, back_true, turned)
    for row, length in enumerate(ends.length):
        np.testing.assert_array_equal(true[row, :length], forth_true[row, :length])
        np.testing.assert_array_equal(true[row, :length], back_true[row, :length][::-1])
    for one, other in zip(ends, forth, strict=True):
        np.testing.assert_array_equal(one, other)


def test_observations_know_their_gaps(tmp_path):
    people = read_seen_people([world(tmp_path / "a")])
    found = observations(people, 0.0, LONGEST)
    assert len(found.gaps)
    for place in found.gaps:
        first, last = found.rows[place], found.rows[place + 1]
        assert (people.scores[first + 1 : last] == -1).all() and last > first + 1


def test_laplace_loss_by_hand():
    said = torch.tensor([[1.0, 0, 0, 0, 0, 0, np.log(2), 0], [0.0] * 8])
    target = torch.tensor([[3.0, 0, 4, 0], [1.0, 1, 1, 1]])
    expected = (3 * (2 + 2 + np.log(2)) / 4 + 1 * 1) / 4
    loss = laplace_loss(said, target, torch.tensor([3.0, 1.0]))
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_training_writes_a_filler_and_learns(tmp_path):
    for i in range(4):
        world(tmp_path / "data" / f"w{i}", seed=i)
    recipe = GapFillingConfig(
        d_model=8, layers=1, d_state=2, q=Q, longest=LONGEST, batch_size=32, steps=60,
        checkpoint_every=30, licence="ours",
    )  # fmt: skip
    lines = []
    train_gap_filling([tmp_path / "data"], replace(recipe, steps=1), tmp_path / "untrained")
    path = train_gap_filling([tmp_path / "data"], recipe, tmp_path / "run", lines.append)
    losses = [_losses(tmp_path / name) for name in ("untrained", "run")]
    logged = [each.logged["validation"] for each in lines if each.logged]
    assert [len(each) for each in losses] == [1, len(logged)] == [1, 2]
    assert losses[1][-1] < losses[0][0] - 0.1
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["architecture"]["kind"] == "refill" and card["licence"] == "ours"
    assert card["training"]["step"] == 60 and min(card["calibration"]) > 0
    ends = random_gap(np.random.default_rng(0))
    (filled,) = GapFiller(path)([ends])
    assert np.isfinite(filled.boxes).all()
    first = path.read_bytes()
    assert train_gap_filling([tmp_path / "data"], recipe, tmp_path / "again").read_bytes() == first


def _losses(folder):
    with (folder / "log.csv").open() as file:
        return [float(row["validation"]) for row in csv.DictReader(file)]


def test_training_needs_detections(tmp_path):
    sequence = world(tmp_path / "w")
    sequence.det_path.unlink()
    with pytest.raises(MambatrackError, match="at least 2 sequences"):
        train_gap_filling([tmp_path], GapFillingConfig(), tmp_path / "run")


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
