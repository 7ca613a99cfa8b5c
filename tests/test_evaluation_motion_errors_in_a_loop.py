"""Errors of motion models for all tracks at once equal those of a loop over them."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from mambatrack.boxes import cxcywh_to_xyxy, iou, ltwh_to_xyxy, xyxy_to_cxcywh
from mambatrack.datasets.mot_text import read_mot
from mambatrack.datasets.sequences import open_sequence
from mambatrack.datasets.truth import read_ground_truth, tracklets
from mambatrack.evaluation import motion_errors
from mambatrack.evaluation.motion_errors import evaluate_motion, named_predictors
from mambatrack.simulation.world import write_sequence


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory):
    folder = write_sequence(tmp_path_factory.mktemp("world") / "seq", seed=3, people=5, frames=60)
    return open_sequence(folder)


def detections_of(sequence, frame):
    table = read_mot(sequence.det_path)
    return ltwh_to_xyxy(table[(table[:, 0] == frame) & (table[:, 6] >= 0.6), 2:6])


def observations(sequence):
    """{(frame, left, top): detection} of the true boxes that have one."""
    truth, found = read_ground_truth(sequence), {}
    for frame in np.unique(truth.frame):
        boxes = truth.boxes[truth.frame == frame]
        detections = detections_of(sequence, frame)
        overlap = iou(boxes, detections)
        gain = np.where(overlap >= 0.5, overlap, 0)
        for row, column in zip(*linear_sum_assignment(-gain), strict=True):
            if gain[row, column] > 0:
                found[(int(frame), *boxes[row, :2].tolist())] = detections[column]
    return found


def slowly(sequence, predictor, horizons, source, warmup, stride):
    """{horizon: [(IoU, centre error, z of x, z of y)]}, one track and one cut point at a time."""
    results = {horizon: [] for horizon in horizons}
    seen = observations(sequence) if source == "detections" else None
    for frames, boxes in tracklets(read_ground_truth(sequence), 1):
        for cut in range(warmup - 1, len(boxes), stride):
            state, count, observed = None, 0, None
            for frame, box in zip(frames[: cut + 1], boxes[: cut + 1], strict=True):
                key = int(frame), *box[:2].tolist()
                observed = box if seen is None else seen.get(key)
                if state is not None:
                    predictor.predict(state)
                if observed is not None:
                    count += 1
                    given = xyxy_to_cxcywh(np.asarray(observed, np.float32)[None])
                    if state is None:
                        state = predictor.start(given)
                    else:
                        predictor.correct(state, np.array([0]), given)
            if observed is None or count < warmup:
                continue
            for horizon in range(1, horizons[-1] + 1):
                predicted, spread = predictor.predict(state)
                if horizon in results and cut + horizon < len(boxes):
                    true = boxes[cut + horizon]
                    off = predicted[0] - xyxy_to_cxcywh(true)
                    overlap = iou(cxcywh_to_xyxy(predicted), true[None])[0, 0]
                    z = off[:2] / spread[0, :2] if spread.any() else (np.nan, np.nan)
                    error = np.hypot(*off[:2]) / (true[3] - true[1])
                    results[horizon].append((overlap, error, *z))
    return results


@pytest.mark.parametrize(
    "name, source",
    [
        ("mamba", "detections"),
        ("kalman", "detections"),
        ("kalman", "truth"),
        ("velocity", "detections"),
        ("still", "truth"),
    ],
)
def test_agrees_with_a_loop_over_tracks_and_cut_points(synthetic, name, source, monkeypatch):
    monkeypatch.setattr(motion_errors, "BATCH", 7)
    maker, horizons = named_predictors([name], "cpu")[name], (1, 4, 9)
    report = evaluate_motion([synthetic], {name: maker}, horizons, source, warmup=6, stride=20)
    errors = {each.horizon: each for each in report.errors if each.where == "all"}
    slow = slowly(synthetic, maker(synthetic.image_size), horizons, source, 6, 20)
    for horizon in horizons:
        overlap, centre, *z = np.array(slow[horizon], float).T
        fast = errors[horizon]
        assert fast.n == len(overlap) > 8
        assert fast.iou == pytest.approx(overlap.mean(), abs=1e-4)
        assert fast.centre_mean == pytest.approx(centre.mean(), rel=1e-3)
        assert fast.centre_median == pytest.approx(np.median(centre), rel=1e-3)
        if np.isnan(z).any():
            assert (fast.within_1, fast.within_2, fast.z_rms) == (None, None, None)
        else:
            assert fast.z_rms == pytest.approx(np.sqrt(np.square(z).mean()), rel=1e-3)
            for limit, share in ((1, fast.within_1), (2, fast.within_2)):
                assert share == pytest.approx((np.abs(z) <= limit).mean(), abs=1 / fast.n)
