"""Association models read from their files."""

import pytest

from mambatrack import MambatrackError, Tracker, load_config


@pytest.mark.parametrize("name", ["missing.safetensors", "kalman"])
def test_an_association_that_is_not_there_is_named(name):
    with pytest.raises(MambatrackError, match=name):
        Tracker(load_config(None, {"tracker.association": name}))
