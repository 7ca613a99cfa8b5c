"""What surrounds people who cross."""

from dataclasses import replace

import numpy as np

from mambatrack.datasets.sequences import Trajectories
from mambatrack.simulation.crossing_context import MIRROR, describe_scene, occlusion
from test_simulation_error_runs import SIZE, crossing


def test_the_context_of_a_mirrored_scene_is_mirrored():
    truth = crossing()
    boxes = truth.boxes.copy()
    boxes[:, [0, 2]] = SIZE[0] - truth.boxes[:, [2, 0]]
    order = np.lexsort((truth.frame, truth.id))
    assert (order == np.arange(len(truth))).all()
    there, back = (
        describe_scene(each, SIZE).context for each in (truth, replace(truth, boxes=boxes))
    )
    np.testing.assert_allclose(back, there * MIRROR, atol=1e-5)
    assert np.abs(there[:, MIRROR < 0]).max() > 0.1


def test_occlusion_is_the_union_of_nearer_boxes():
    boxes = [[0, 0, 12, 12], [6, 0, 12, 24], [0, 6, 12, 24], [0, 0, 12, 12], [50, 0, 62, 48]]
    frame = np.array([1, 1, 1, 2, 1])
    truth = Trajectories(frame, np.arange(5), np.array(boxes, np.float32))
    # the first is hidden but for its upper left quarter, the second by the third, level but later
    np.testing.assert_allclose(occlusion(truth), [0.75, 0.75, 0, 0, 0])
