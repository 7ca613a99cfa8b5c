"""What surrounds people who cross."""

from dataclasses import replace

import numpy as np

from mambatrack.simulation.crossing_context import MIRROR, describe_scene
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
