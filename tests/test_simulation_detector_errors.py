"""A detector's errors, measured on a sequence."""

import numpy as np

from mambatrack.simulation.detector_errors import observe
from test_simulation_simulate import detections, walkers
from worlds import write_world


def test_errors_are_measured_as_they_are(tmp_path):
    """Misses, scores, errors of the edges, false positives at a person and elsewhere."""
    truth, rng = walkers(20, 50), np.random.default_rng(0)
    scores = np.where(rng.random(len(truth)) < 0.2, np.nan, rng.uniform(0.6, 1, len(truth)))
    edges = rng.normal(0, 0.03, (len(truth), 4))
    halved = rng.random(len(truth)) < 0.3
    half = detections(truth, np.where(halved, 0.2, np.nan), (0, 0, 0, -0.6))
    elsewhere = [[frame, -1, 2000, 1000, 80, 50, 0.1] for frame in range(1, 11)]
    rows = np.concatenate([detections(truth, scores, edges), half, elsewhere])
    seen = observe(write_world(tmp_path / "seq", truth, rows, (3000, 3000)))
    found, extra, second = seen.errors.scores.T
    np.testing.assert_allclose(found, scores, atol=1e-4)
    np.testing.assert_allclose(
        seen.errors.edges[:, 0][~np.isnan(found)], edges[~np.isnan(found)], atol=1e-3
    )
    np.testing.assert_array_equal(extra, np.where(halved, 0.2, np.nan))
    np.testing.assert_allclose(seen.errors.edges[halved, 1, 3], -0.6, atol=1e-4)
    assert np.isnan(second).all()
    np.testing.assert_allclose(seen.background, [[0.1, 2, 0.5]] * 10, atol=1e-4)
