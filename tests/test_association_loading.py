"""Association models read from their files."""

import pytest

from mambatrack import MambatrackError, Tracker, load_config
from mambatrack.association.compiled import CompiledAssociation
from mambatrack.association.loading import load_association
from mambatrack.config import TrackerConfig
from mambatrack.kernels.cpu import library


@pytest.mark.parametrize("name", ["missing.safetensors", "kalman"])
def test_an_association_that_is_not_there_is_named(name):
    with pytest.raises(MambatrackError, match=name):
        Tracker(load_config(None, {"tracker.association": name}))


@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_the_association_runs_in_c_whatever_the_device(device):
    association = load_association(TrackerConfig(device=device))
    assert isinstance(association, CompiledAssociation) == library.wanted()
