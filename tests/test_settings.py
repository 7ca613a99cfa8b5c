"""Every setting: its default, its documentation and what is allowed."""

import pytest

from mambatrack.config import describe, load_config
from mambatrack.errors import MambatrackError


def test_every_default_is_allowed_and_described():
    for key, default, doc in describe():
        section, name = key.split(".")
        config = load_config(overrides={key: default})
        assert getattr(getattr(config, section), name) == default
        assert len(doc) > 10


@pytest.mark.parametrize(
    ("key", "allowed"),
    [
        ("tracker.predictor", ["velocity", "mamba-window", "new.safetensors"]),
        ("tracker.association", ["overlap", "a/b.safetensors"]),
        ("training.teacher", ["", "mamba-window", "t.safetensors"]),
    ],
)
def test_a_model_is_one_of_the_shipped_or_a_trained_file(key, allowed):
    for value in allowed:
        load_config(overrides={key: value})
    for value in ("lstm", "MAMBA", "mamba.onnx"):
        with pytest.raises(MambatrackError, match="or the path of a trained .safetensors file"):
            load_config(overrides={key: value})
