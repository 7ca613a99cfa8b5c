"""The tracker in C along whole streams decides what numpy and torch decide."""

import numpy as np
import pytest

from association_models import WIDTH, world
from c_library import needs_library
from mambatrack import Tracker
from mambatrack.association.compiled import CompiledAssociation
from mambatrack.association.learned import LearnedAssociation
from mambatrack.datasets.sequences import find_sequences
from shared import needs

pytestmark = needs_library


def dancers():
    root = needs("data/dancetrack/val")
    table = np.loadtxt(find_sequences(root)[0].det_path, delimiter=",")
    rows = [table[table[:, 0] == frame, 2:7] for frame in range(1, 41)]
    frames = [np.column_stack([r[:, :2], r[:, :2] + r[:, 2:4], r[:, 4]]) for r in rows]
    return frames, (1920, 1080)


def walkers():
    return world(40), (WIDTH, 540)


@pytest.mark.parametrize("stream", [walkers, dancers])
@pytest.mark.parametrize(
    ("association", "class_aware"), [("learned", False), ("learned", True), ("light", False)]
)
def test_the_decisions_are_those_of_numpy(stream, association, class_aware, monkeypatch):
    frames, size = stream()
    settings = {"association": association, "class_aware": class_aware}
    compiled = Tracker(image_size=size, **settings)
    monkeypatch.setenv("MAMBATRACK_BACKEND", "torch")
    plain = Tracker(image_size=size, **settings)
    assert type(compiled.association) is CompiledAssociation
    assert type(plain.association) is LearnedAssociation
    matched = 0
    for detections in frames:
        ours, theirs = compiled.update(detections), plain.update(detections)
        for name in ("ids", "det_ind", "state", "gap", "ended"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
        np.testing.assert_allclose(ours.boxes, theirs.boxes, atol=0.02)
        matched += int(np.count_nonzero(ours.det_ind >= 0))
    assert matched > 100
