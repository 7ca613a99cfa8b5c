"""Who held which id when."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.datasets.sequences import Trajectories
from mambatrack.evaluation.timeline import timeline


def trajectories(rows):
    """(frame, id, left) -> boxes of 30 x 60 pixels."""
    table = np.array(rows, np.int64).reshape(-1, 3)
    left = table[:, 2].astype(np.float32)
    boxes = np.stack([left, 0 * left, left + 30, 0 * left + 60], axis=1)
    return Trajectories(table[:, 0], table[:, 1], boxes)


def found(truth, results, predicted=()):
    hidden = np.array([index in predicted for index in range(len(results))], bool)
    held = timeline(trajectories(truth), trajectories(results), hidden)
    return list(
        zip(held.object.tolist(), held.first.tolist(), held.last.tolist(), held.id.tolist(),
            strict=True)
    )  # fmt: skip


def test_a_stretch_ends_where_the_id_changes_or_the_object_is_absent():
    truth = [(frame, 5, 0) for frame in (1, 2, 3, 4, 7, 8)]
    results = [(1, 1, 0), (2, 1, 0), (3, 2, 0), (7, 2, 0), (8, 2, 0)]
    assert found(truth, results) == [(5, 1, 2, 1), (5, 3, 3, 2), (5, 4, 4, -1), (5, 7, 8, 2)]


def test_predicted_boxes_hold_nothing():
    truth = [(1, 5, 0), (2, 5, 0)]
    assert found(truth, [(1, 1, 0), (2, 1, 0)], predicted=(1,)) == [(5, 1, 1, 1), (5, 2, 2, -1)]


def test_nobody_and_nothing_found():
    assert found([], [(1, 1, 0)]) == []
    assert found([(3, 5, 0)], []) == [(5, 3, 3, -1)]


places = st.sets(st.tuples(st.integers(1, 12), st.integers(1, 3)), max_size=30)


@given(places, places)
def test_stretches_hold_every_box_of_the_truth_once(present, seen):
    truth = [(frame, identity, 100 * identity) for frame, identity in present]
    results = [(frame, 10 + identity, 100 * identity) for frame, identity in seen]
    stretches = found(truth, results)
    for identity, first, last, held in stretches:
        for frame in range(first, last + 1):
            assert held == (10 + identity if (frame, identity) in seen else -1)
    covered = [(f, who) for who, first, last, _ in stretches for f in range(first, last + 1)]
    assert len(covered) == len(set(covered)) and set(covered) == present
    for (who, _, last, held), (other, first, _, after) in zip(
        stretches, stretches[1:], strict=False
    ):
        assert who != other or first > last + 1 or held != after
